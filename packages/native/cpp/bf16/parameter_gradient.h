// The gradient of a weighted sum of f in all weights and biases. Images are taken in batches of 32, by two groups:
// threads make the groups' passes and turn what the filter gradients need, then share out the filter gradients by taps
// and channels. Batches are added in order, so that the result is the same on any number of threads.
#pragma once
#include "evaluate.h"
#include "filter_product.h"

namespace {

/// What the passes of a block of batches leave for the filter gradients.
struct TurnedOperands {
  FilterProduct layers[Network::kMaxLayers];
  int64_t source[Network::kMaxLayers], gradient[Network::kMaxLayers];  // numbers into a batch's operands
  int64_t size = 0;      // numbers for a batch
  int64_t topSize = 0;   // of the last layer's filter
  int64_t segments = 1;  // most of a sum
};

TurnedOperands operands_of(const Plan& p) {
  TurnedOperands o{};
  o.segments = 1;
  const ConvShape& last = p.network->shapes[p.hidden];
  o.topSize = int64_t{last.filterHeight} * last.filterWidth * last.inChannels;
  for (int l = 0; l < p.hidden; ++l) {
    o.layers[l] = filter_product(p, l);
    o.source[l] = o.size;
    o.gradient[l] = o.size + o.layers[l].sourceSize();
    o.size = o.gradient[l] + o.layers[l].gradientSize();
    o.segments = larger(o.segments, o.layers[l].shape.outHeight);
  }
  return o;
}

// Both read and write whole steps, up to OVERRUN numbers too many.
constexpr int64_t STEP = 16;
INLINE void copy_terms(const bf16* from, bf16* to, int64_t n) {
  for (int64_t i = 0; i < n; i += STEP) memcpy(to + i, from + i, STEP * sizeof(bf16));
}
INLINE void clear_terms(bf16* to, int64_t n) {
  for (int64_t i = 0; i < n; i += STEP) memset(to + i, 0, STEP * sizeof(bf16));
}

/// The terms of `count` outputs of row y from column x on, as [output][chain][depth]. What a row of terms writes too
/// much is written over by the next one.
void gather_strip(const Plan& p, const bf16* images, int64_t y, int64_t x, int64_t count, bf16* strip) {
  const FirstLayer& f = p.first;
  const ConvShape& s = p.network->shapes[0];
  const int64_t n = f.rowTerms, terms = n * s.filterHeight;
  // The usual 3 x 3 taps of few channels: a step for each row of taps, and one for what is left of the tile.
  const bool usual = s.filterHeight == 3 && n <= STEP && f.depth == BLOCK && terms >= BLOCK - STEP;
  for (int64_t i = 0; i < count; ++i) {
    const bf16* from = images + y * s.strideHeight * f.imageRow + (x + i) * f.shift;
    bf16* to = strip + i * CHAINS * f.depth;
    for (int chain = 0; chain < p.rows; ++chain, from += f.image, to += f.depth) {
      if (usual) {
        copy_terms(from, to, STEP);
        copy_terms(from + f.imageRow, to + n, STEP);
        copy_terms(from + 2 * f.imageRow, to + 2 * n, STEP);
        clear_terms(to + terms, STEP);
      } else {
        for (int64_t row = 0; row < s.filterHeight; ++row) copy_terms(from + row * f.imageRow, to + row * n, n);
        clear_terms(to + terms, f.depth - terms);
      }
    }
  }
}

/// The sources of the first layer are its outputs' terms.
void turn_terms(const Plan& p, int half, char* work, bf16* to) {
  const ConvShape& s = p.network->shapes[0];
  const FirstLayer& f = p.first;
  bf16* strip = at<bf16>(work, p.strip);
  for (int64_t y = 0; y < s.outHeight; ++y)
    for (int64_t x = 0; x < s.outWidth; x += STRIP) {
      const int64_t count = smaller(STRIP, s.outWidth - x);
      gather_strip(p, at<bf16>(work, p.images), y, x, count, strip);
      for (int64_t i = 0; i < count; ++i)
        for (int64_t term = 0; term < f.depth; term += BLOCK, to += BLOCK * BATCH)
          turn_to_rows(strip + i * CHAINS * f.depth + term, f.depth, half, to);
    }
}

/// The last layer's filter gradient of one group, in single precision.
void top_gradient(const Plan& p, const char* work, const float* weights, float* to) {
  const ConvShape& s = p.network->shapes[p.hidden];
  const int64_t channels = s.inChannels, blocks = blocks_of(channels);
  for (int64_t row = 0; row < s.filterHeight; ++row)
    for (int64_t column = 0; column < s.filterWidth; ++column)
      for (int64_t c = 0; c < channels; ++c, ++to) {
        const int64_t y = row - s.padTop, x = column - s.padLeft;
        *to = 0;
        if (y < 0 || y >= s.inHeight || x < 0 || x >= s.inWidth) continue;
        const int64_t position = y * s.inWidth + x;
        for (int64_t chain = 0; chain < CHAINS; ++chain) {
          const float input =
              p.hidden == 0
                  ? at<float>(work, p.positions)[chain * p.first.positionStride + position * channels + c]
                  : widened(at<bf16>(work, p.activations[p.hidden - 1])[(position * blocks + c / BLOCK) * TILE +
                                                                        chain * BLOCK + c % BLOCK]);
          *to += weights[chain] * input;
        }
      }
}

/// Both passes of one group, the `half`th of a batch.
void group_passes(const Plan& p, const TurnedOperands& o, const char* packed, const float* weights, int half, char* work,
                  float* value, bf16* operands, float* top) {
  if (p.hidden == 0) {
    linear_network(p, packed, work, weights, value);
    return top_gradient(p, work, weights, top);
  }
  const auto turn_gradient = [&](int l) {
    const bf16* gradient = at<bf16>(work, p.activations[l]);
    bf16* to = operands + o.gradient[l];
    for (int64_t tile = 0; tile < o.layers[l].gradientSize() / (2 * TILE); ++tile)
      turn_to_columns(gradient + tile * TILE, half, to + tile * 2 * TILE);
  };
  forward_passes(p, packed, work);
  top_gradient(p, work, weights, top);
  last_layer(p, packed, work, weights, value);
  turn_terms(p, half, work, operands + o.source[0]);
  turn_gradient(p.hidden - 1);
  for (int l = p.hidden - 1; l > 0; --l) {
    const bf16* source = at<bf16>(work, p.activations[l - 1]);
    for (int64_t tile = 0; tile < o.layers[l].sourceSize() / (2 * TILE); ++tile)
      turn_to_rows(source + tile * TILE, BLOCK, half, operands + o.source[l] + tile * 2 * TILE);
    layer_backward(p, l, packed, work);
    turn_gradient(l - 1);
  }
}

/// Adds the blocks' filter gradients of all layers but the last, in tasks.
void add_filter_gradients(const Plan& p, const TurnedOperands& o, const bf16* operands, int64_t batches, bool patient,
                          float* const* gradients) {
  int64_t tasks[Network::kMaxLayers + 1] = {0};
  for (int l = 0; l < p.hidden; ++l) tasks[l + 1] = tasks[l] + o.layers[l].tasks() + 1;  // the last one is the bias
  const int slots = static_cast<int>(smaller(srmcmc::thread_count(), tasks[p.hidden]));
  const int64_t bytes = divide_up(2 * TILE * 4 + o.segments * static_cast<int64_t>(sizeof(Segment)), 64) * 64;
  const Memory<char> scratch(bytes * slots);
  auto share = [&](int64_t index, int slot) {
    int l = p.hidden - 1;
    while (index < tasks[l]) --l;
    float* sums = at<float>(scratch.data(), slot * bytes);
    auto* segments = at<Segment>(scratch.data(), slot * bytes + 2 * TILE * 4);
    const FilterProduct& layer = o.layers[l];
    if (index - tasks[l] < layer.tasks())
      add_filter_gradient(layer, index - tasks[l], operands + o.source[l], operands + o.gradient[l], o.size, batches,
                          segments, sums, gradients[2 * l]);
    else
      add_bias_gradient(layer, operands + o.gradient[l], o.size, batches, gradients[2 * l + 1]);
  };
  parallel(tasks[p.hidden], share, slots, patient);
}

void bf16_parameter_gradient(const Network& f, int64_t n, const float* x, const float* weights, float* value,
                             float* const* gradients, srmcmc::Progress* progress) {
  for (int l = 0; l < f.layers; ++l) {
    const ConvShape& s = f.shapes[l];
    const int64_t channels = s.outChannels, terms = int64_t{s.filterHeight} * s.filterWidth * s.inChannels;
    memset(gradients[2 * l], 0, static_cast<size_t>(terms * channels) * 4);
    memset(gradients[2 * l + 1], 0, static_cast<size_t>(channels) * 4);
  }
  if (n <= 0) return;
  constexpr int64_t BLOCK_BYTES = 64 << 20;  // of operands; more where threads would have nothing to do
  const Plan plan = plan_of(f, 0);
  const TurnedOperands o = operands_of(plan);
  const int64_t most = larger(BLOCK_BYTES / larger(1, o.size * 2), divide_up(srmcmc::thread_count(), 2));
  const int64_t block = smaller(divide_up(n, BATCH), most) * BATCH, event = plan.first.event;
  const bool patient = progress != nullptr;
  const Memory<char> packed(plan.packedSize);
  const Memory<bf16> operands(o.size * (block / BATCH));
  const Memory<float> tops(o.topSize * (block / CHAINS));
  pack_weights(plan, packed.data());

  for (int64_t first = 0; first < n; first += block) {
    const int64_t images = smaller(block, n - first), batches = divide_up(images, BATCH);
    // A last batch that is not full has images of weight 0.
    each_group(plan, batches * BATCH, patient, [&](int64_t at, int64_t, char* work) {
      const int64_t count = larger(0, smaller(CHAINS, images - at));
      float values[CHAINS], weight[CHAINS] = {};
      for (int64_t i = 0; i < count; ++i) weight[i] = weights[first + at + i];
      load_group(plan, x + (first + (count > 0 ? at : 0)) * event, count, work);
      group_passes(plan, o, packed.data(), weight, at % BATCH != 0, work, values,
                   operands.data() + at / BATCH * o.size, tops.data() + at / CHAINS * o.topSize);
      for (int64_t i = 0; i < count; ++i) value[first + at + i] = values[i];
    });
    if (plan.hidden > 0) add_filter_gradients(plan, o, operands.data(), batches, patient, gradients);
    float *top = gradients[2 * plan.hidden], *bias = gradients[2 * plan.hidden + 1];
    for (int64_t group = 0; group < 2 * batches; ++group)
      for (int64_t i = 0; i < o.topSize; ++i) top[i] += tops.data()[group * o.topSize + i];
    for (int64_t i = 0; i < images; ++i) *bias += weights[first + i];
    if (!progress) continue;
    progress->done.fetch_add(images, std::memory_order_relaxed);
    if (progress->cancelled.load(std::memory_order_relaxed)) return;
  }
}

}  // namespace
