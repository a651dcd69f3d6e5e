// A negative energy on a group of images, on one thread: its value, and back to the gradient in the images or in any
// layer's sums. A group's activations stay in the thread's caches; an image's numbers are the same in any group.
#pragma once
#include "input_gradient.h"
#include "memory.h"

namespace {

using srmcmc::Network;

constexpr int64_t LINE = 16;  // floats in a cache line

INLINE int64_t input_of(const ConvShape& s) { return static_cast<int64_t>(s.inHeight) * s.inWidth * s.inChannels; }

/// Floats from one image to the next. A tile reads the same place of every image: were images a power of two apart,
/// those places would compete for the same few lines of the first-level cache.
INLINE int64_t image_stride(int64_t floats) {
  constexpr int64_t SETS = 64, SPREAD = 11;
  const int64_t lines = divide_up(floats + L, LINE);
  return (lines + ((SPREAD - lines) % SETS + SETS) % SETS) * LINE;
}

INLINE int64_t take_lines(int64_t& total, int64_t size) {
  const int64_t at = total;
  total += divide_up(size, LINE) * LINE;
  return at;
}

/// What all threads read: packed weights, and where a group's numbers lie in its working space.
struct NetworkPlan {
  const Network* network;
  int64_t event;
  bool bySigns;  // derivatives of the activation, which are stored otherwise
  int64_t packedSize, workSize;
  int64_t forward[Network::kMaxLayers], backward[Network::kMaxLayers], bias[Network::kMaxLayers];  // in packed
  int64_t stride[Network::kMaxLayers + 1];  // of layer l's input
  int64_t activation[Network::kMaxLayers + 1], derivative[Network::kMaxLayers + 1];
  int64_t gradient[Network::kMaxLayers + 1];  // in layer l's input
  int64_t productWork;
};

/// Whether the gradient in a layer's input may take the input's place while the derivative is made of that.
bool replaces_input(const ConvShape& s) {
  bool all = true;
  each_phase(s, [&](const Grid& g, auto&&) {
    all = all && with_product(g, [](auto product) { return decltype(product)::STORES_IN_PLACE; });
  });
  return all;
}

NetworkPlan network_plan(const Network& f, int64_t group) {
  NetworkPlan p{};
  p.network = &f;
  p.event = input_of(f.shapes[0]);
  p.bySigns = f.sign_tells_derivative();
  // What does not take the input's place goes to one of two areas in turns.
  int64_t areaSize[2] = {0, 0}, area[2];
  bool inPlace[Network::kMaxLayers + 1] = {};
  for (int l = 0; l <= f.layers; ++l) {
    p.stride[l] = image_stride(l < f.layers ? input_of(f.shapes[l]) : 1);
    p.activation[l] = take_lines(p.workSize, group * p.stride[l]);
    const bool activated = l > 0 && l < f.layers;
    p.derivative[l] = take_lines(p.workSize, activated && !p.bySigns ? group * p.stride[l] : 0);
    inPlace[l] = activated && replaces_input(f.shapes[l]);
    if (!inPlace[l]) areaSize[l % 2] = larger(areaSize[l % 2], group * p.stride[l]);
  }
  for (int i = 0; i < 2; ++i) area[i] = take_lines(p.workSize, areaSize[i]);
  for (int l = 0; l <= f.layers; ++l) p.gradient[l] = inPlace[l] ? p.activation[l] : area[l % 2];
  int64_t productWork = 0;
  const auto take_product = [&](Grid g) {
    g.batch = group;
    productWork = larger(productWork, alone_work_size(g));
    return take_lines(p.packedSize, packed_size(g));
  };
  for (int l = 0; l < f.layers; ++l) {
    const ConvShape& s = f.shapes[l];
    p.forward[l] = take_product(forward_grid(s));
    p.bias[l] = take_lines(p.packedSize, panels_of(s.outChannels) * PANEL);
    p.backward[l] = p.packedSize;
    each_phase(s, [&](const Grid& g, auto&&) { take_product(g); });
  }
  p.productWork = take_lines(p.workSize, productWork);
  return p;
}

void pack_weights(const NetworkPlan& p, float* packed) {
  for (int l = 0; l < p.network->layers; ++l) {
    const ConvShape& s = p.network->shapes[l];
    const float* filter = p.network->filters[l];
    pack_forward(s, forward_grid(s), filter, packed + p.forward[l]);
    float* bias = packed + p.bias[l];
    memset(bias, 0, static_cast<size_t>(panels_of(s.outChannels) * PANEL) * 4);
    memcpy(bias, p.network->biases[l], static_cast<size_t>(s.outChannels) * 4);
    float* to = packed + p.backward[l];
    each_phase(s, [&](const Grid& g, auto&& pack) {
      pack(filter, to);
      to += divide_up(packed_size(g), LINE) * LINE;
    });
  }
}

/// Images of `event` floats into the first activation, and out of it.
void load_images(const NetworkPlan& p, const float* x, int images, float* work) {
  for (int i = 0; i < images; ++i)
    memcpy(work + p.activation[0] + i * p.stride[0], x + i * p.event, static_cast<size_t>(p.event) * 4);
}
void store_images(const NetworkPlan& p, const float* from, int images, float* x) {
  for (int i = 0; i < images; ++i) memcpy(x + i * p.event, from + i * p.stride[0], static_cast<size_t>(p.event) * 4);
}

/// f of each image, into the last activation.
void forward_pass(const NetworkPlan& p, const float* packed, float* work, int images) {
  const Network& f = *p.network;
  for (int l = 0; l < f.layers; ++l) {
    Grid g = forward_grid(f.shapes[l]);
    g.batch = images;
    g.sourceImage = p.stride[l];
    g.outImage = p.stride[l + 1];
    Epilogue e;
    e.bias = packed + p.bias[l];
    if (l < f.layers - 1) {
      e.activation = f.activation;
      e.alpha = f.slope;
      if (!p.bySigns) e.derivative = work + p.derivative[l + 1];
    }
    multiply_alone(g, work + p.activation[l], packed + p.forward[l], work + p.activation[l + 1], e,
                   work + p.productWork);
  }
}
INLINE float value_of(const NetworkPlan& p, const float* work, int image) {
  return work[p.activation[p.network->layers] + image * p.stride[p.network->layers]];
}

/// After a forward pass: visit(l, dy) sees the gradient of the sum over images of weight * f in layer l's sums, which are
/// p.stride[l + 1] apart, last layer first; layer l's input is lost after it. Returns that in the images, p.stride[0]
/// apart, or null if it is not wanted. Weights are 1 where there are none.
template <class Visit>
const float* backward_pass(const NetworkPlan& p, const float* packed, float* work, int images, const float* weights,
                           bool inImages, Visit&& visit) {
  const Network& f = *p.network;
  float* dy = work + p.gradient[f.layers];
  for (int i = 0; i < images; ++i) dy[i * p.stride[f.layers]] = weights ? weights[i] : 1.f;
  for (int l = f.layers - 1; l >= 0; --l) {
    visit(l, static_cast<const float*>(dy));
    if (l == 0 && !inImages) return nullptr;
    const ConvShape& s = f.shapes[l];
    const float* filter = packed + p.backward[l];
    float* dx = work + p.gradient[l];
    Epilogue e;
    if (l > 0) {
      e.activation = p.bySigns ? Activation::leakyReluGradient : Activation::timesStored;
      e.alpha = f.slope;
      e.stored = work + (p.bySigns ? p.activation[l] : p.derivative[l]);
    }
    each_phase(s, [&](Grid g, auto&&) {
      g.batch = images;
      g.sourceImage = p.stride[l + 1];
      g.outImage = p.stride[l];
      multiply_alone(g, dy, filter, dx, e, work + p.productWork);
      filter += divide_up(packed_size(g), LINE) * LINE;
    });
    dy = dx;
  }
  return dy;
}

/// Images in groups, as many as keep every thread busy to the end.
struct Groups {
  int64_t images, count;
  int64_t first(int64_t group) const { return group * images / count; }
  int64_t largest() const { return divide_up(images, count); }
};
/// Of AMD, whose cores are few to a third-level cache: weights come from it as fast as they are multiplied.
bool has_near_cache() {
#if defined(__x86_64__)
  return __builtin_cpu_is("amd");
#else
  return false;
#endif
}

/// Images that a thread takes through all layers: many where weights come from afar, for each group reads them all, and
/// otherwise as many as keep their activations in the second-level cache.
int64_t most_in_a_group(const Network& f) {
  // In floats. Tiles of narrow vectors have fewer rows to a weight.
  constexpr int64_t FAR = int64_t{L < 16 ? 1 : 4} << 20, NEAR = int64_t{128} << 10;
  const NetworkPlan one = network_plan(f, 1);
  if (one.packedSize > FAR) return 2 * ROWS;
  if (!has_near_cache()) return ROWS;
  int64_t activations = 0;
  for (int l = 0; l < f.layers; ++l) activations += one.stride[l];
  return larger(2, smaller(ROWS, NEAR / activations));
}

Groups groups_of(const Network& f, int64_t images, int64_t threads) {
  const int64_t most = most_in_a_group(f);
  return {images, smaller(images, divide_up(divide_up(images, most), threads) * threads)};
}

/// f(x) and f'(x) of n images.
void value_and_gradient(const Network& f, int64_t n, const float* x, float* value, float* gradient) {
  if (n <= 0) return;
  const int64_t threads = srmcmc::thread_count();
  const Groups groups = groups_of(f, n, threads);
  const int slots = static_cast<int>(smaller(threads, groups.count));
  const NetworkPlan plan = network_plan(f, groups.largest());
  const Memory<float> packed(plan.packedSize), workspace(plan.workSize * slots);
  pack_weights(plan, packed.data());
  auto group = [&](int64_t index, int slot) {
    const int64_t first = groups.first(index);
    const int images = static_cast<int>(groups.first(index + 1) - first);
    float* work = workspace.data() + slot * plan.workSize;
    load_images(plan, x + first * plan.event, images, work);
    forward_pass(plan, packed.data(), work, images);
    for (int i = 0; i < images; ++i) value[first + i] = value_of(plan, work, i);
    const float* dx = backward_pass(plan, packed.data(), work, images, nullptr, true, [](int, const float*) {});
    store_images(plan, dx, images, gradient + first * plan.event);
  };
  parallel(groups.count, group, slots);
}

}  // namespace
