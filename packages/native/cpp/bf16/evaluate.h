// f and f' of a group of 16 chains, on one thread.
#pragma once
#include "first_layer.h"
#include "last_layer.h"
#include "pack.h"

namespace {

void pack_weights(const Plan& p, char* packed) {
  const Network& f = *p.network;
  pack_top(f.shapes[p.hidden], f.filters[p.hidden], at<float>(packed, p.top));
  if (p.hidden == 0) return;

  pack_first_layer(p, f.filters[0], packed);

  for (int l = 0; l < p.hidden; ++l) {
    const ConvShape& s = f.shapes[l];
    float* bias = at<float>(packed, p.bias[l]);
    memset(bias, 0, static_cast<size_t>(blocks_of(s.outChannels) * BLOCK) * 4);
    memcpy(bias, f.biases[l], static_cast<size_t>(s.outChannels) * 4);
    if (l == 0) continue;
    pack_forward(s, f.filters[l], at<bf16>(packed, p.forward[l]));
    bf16* backward = at<bf16>(packed, p.backward[l]);
    if (p.minimal[l].is_used()) {
      pack_minimal_backward(s, p.minimal[l], f.filters[l], backward);
      continue;
    }
    each_phase(s, [&](const Grid& phase) {
      pack_backward(s, phase, f.filters[l], backward);
      backward += phase.packedSize();
    });
  }
}

/// Elements begin .. end - 1 of the chain's position, rounded, into the picture that the first layer reads.
void refresh_image(const Plan& p, int64_t chain, int64_t begin, int64_t end, char* work) {
  const FirstLayer& f = p.first;
  const ConvShape& s = p.network->shapes[0];
  const int64_t row = int64_t{s.inWidth} * s.inChannels;
  const float* from = at<float>(work, p.positions) + chain * f.positionStride;
  bf16* to = at<bf16>(work, p.images) + chain * f.image + s.padTop * f.imageRow + s.padLeft * s.inChannels;
  for (int64_t y = begin / row; y * row < end; ++y) {
    int64_t i = larger(begin, y * row);
    const int64_t stop = smaller(end, (y + 1) * row), shift = y * (f.imageRow - row);
    for (; i + L <= stop; i += L) narrow(to + shift + i, load(from + i));
    for (; i < stop; ++i) to[shift + i] = rounded(from[i]);
  }
}

/// Positions of `chains` chains into a working space; the group's other chains stand still at zero.
void load_group(const Plan& p, const float* x, int64_t chains, char* work) {
  const FirstLayer& f = p.first;
  memset(work + p.positions, 0, static_cast<size_t>(CHAINS * f.positionStride) * 4);
  memset(work + p.images, 0, static_cast<size_t>(CHAINS * f.image) * sizeof(bf16));
  for (int64_t chain = 0; chain < chains; ++chain) {
    memcpy(at<float>(work, p.positions) + chain * f.positionStride, x + chain * f.event,
           static_cast<size_t>(f.event) * 4);
    refresh_image(p, chain, 0, f.event, work);
  }
}

/// From a working space: positions, or their gradients.
void store_group(const Plan& p, const char* work, int64_t from, int64_t chains, float* x) {
  for (int64_t chain = 0; chain < chains; ++chain)
    memcpy(x + chain * p.first.event, at<float>(work, from) + chain * p.first.positionStride,
           static_cast<size_t>(p.first.event) * 4);
}

void forward_passes(const Plan& p, const char* packed, char* work) {
  first_layer_forward(p, packed, work);
  for (int l = 1; l < p.hidden; ++l) layer_forward(p, l, packed, work);
}

/// f of each chain, and f' to p.positionGradient; all parts of that are used.
template <class Use>
void evaluate(const Plan& p, const char* packed, char* work, float* value, Parts<Use>& parts) {
  if (p.hidden == 0) {
    linear_network(p, packed, work, nullptr, value);
    return parts.use_rest();
  }
  forward_passes(p, packed, work);
  last_layer(p, packed, work, nullptr, value);
  for (int l = p.hidden - 1; l > 0; --l) layer_backward(p, l, packed, work);
  first_layer_backward(p, packed, work, parts);
}

/// Chains of a group: as many as a tile has rows, or fewer where threads would have nothing to do.
int group_size(int64_t chains) {
  const int64_t threads = srmcmc::thread_count();
  const int64_t groups = smaller(chains, divide_up(divide_up(chains, CHAINS), threads) * threads);
  return static_cast<int>(divide_up(chains, larger(1, groups)));
}

/// Runs body(first chain, chains, working space) for each group, on all threads.
template <class Body>
void each_group(const Plan& p, int64_t chains, bool patient, Body&& body) {
  const int64_t groups = divide_up(chains, p.rows);
  const int slots = static_cast<int>(smaller(srmcmc::thread_count(), groups));
  const Memory<char> workspace(p.workSize * slots);
  auto group = [&](int64_t index, int slot) {
    const int64_t first = index * chains / groups;
    Engine::begin(p.rows);
    body(first, (index + 1) * chains / groups - first, workspace.data() + slot * p.workSize);
    Engine::end();
  };
  parallel(groups, group, slots, patient);
}

}  // namespace
