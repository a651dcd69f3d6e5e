// The last layer: its one output is f, and its filter is where the gradient begins.
#pragma once
#include "finish.h"
#include "plan.h"

namespace {

/// The filter's weight, rounded, of each number that the last layer reads: [row][column][channels of whole blocks].
void pack_top(const ConvShape& s, const float* filter, float* to) {
  const int64_t channels = s.inChannels, width = blocks_of(channels) * BLOCK;
  memset(to, 0, static_cast<size_t>(s.inHeight * s.inWidth * width) * 4);
  for (int64_t row = 0; row < s.filterHeight; ++row)
    for (int64_t column = 0; column < s.filterWidth; ++column) {
      const int64_t y = row - s.padTop, x = column - s.padLeft;
      if (y < 0 || y >= s.inHeight || x < 0 || x >= s.inWidth) continue;
      const float* from = filter + (row * s.filterWidth + column) * channels;
      for (int64_t c = 0; c < channels; ++c) to[(y * s.inWidth + x) * width + c] = widened(rounded(from[c]));
    }
}

/// f of each chain, and the gradient of weight * f in the sums of the layer before, in the place of its activations;
/// weights are 1 where there are none.
void last_layer(const Plan& p, const char* packed, char* work, const float* weights, float* value) {
  const int hidden = p.hidden - 1;
  const ConvShape& s = p.network->shapes[p.hidden];
  const int64_t blocks = blocks_of(s.inChannels), tiles = int64_t{s.inHeight} * s.inWidth * blocks;
  const float* top = at<float>(packed, p.top);
  bf16* activation = at<bf16>(work, p.activations[hidden]);
  const bf16* derivative = at<bf16>(work, p.derivatives[hidden]);
  const vec slope = splat(p.network->slope);
  vec sums[CHAINS] = {};
  for (int64_t tile = 0; tile < tiles; ++tile, top += BLOCK, activation += TILE, derivative += TILE)
    each_two_vectors(p.rows, [&](int i, int column) {
      const int chain = i / BLOCK;
      vec x = load(top + column), y = load(top + column + L);
      sums[chain] += x * widen(activation + i) + y * widen(activation + i + L);
      if (weights) {
        x *= weights[chain];
        y *= weights[chain];
      }
      if (p.bySigns) {
        scale_where_negative(activation + i, slope, &x, &y);
      } else {
        x *= widen(derivative + i);
        y *= widen(derivative + i + L);
      }
      narrow_two(activation + i, x, y);
    });
  for (int chain = 0; chain < p.rows; ++chain)
    value[chain] = horizontal_sum(sums[chain]) + p.network->biases[p.hidden][0];
}

/// A network of one layer, in single precision.
void linear_network(const Plan& p, const char* packed, char* work, const float* weights, float* value) {
  const ConvShape& s = p.network->shapes[0];
  const int64_t channels = s.inChannels, width = blocks_of(channels) * BLOCK;
  for (int64_t chain = 0; chain < p.rows; ++chain) {
    const float* x = at<float>(work, p.positions) + chain * p.first.positionStride;
    float* gradient = at<float>(work, p.positionGradient) + chain * p.first.positionStride;
    double sum = p.network->biases[0][0];
    for (int64_t i = 0; i < p.first.event; ++i) {
      const float weight = at<float>(packed, p.top)[i / channels * width + i % channels];
      sum += double{weight} * x[i];
      gradient[i] = weights ? weight * weights[chain] : weight;
    }
    value[chain] = static_cast<float>(sum);
  }
}

}  // namespace
