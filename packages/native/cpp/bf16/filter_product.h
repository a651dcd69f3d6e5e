// The gradient of one layer's filter: for each tap, a product of turned activations and gradients, summed over pixels.
#pragma once
#include "meanwhile.h"
#include "plan.h"
#include "transpose.h"

namespace {

struct FilterProduct {
  ConvShape shape;

  int64_t sourceBlocks() const { return blocks_of(shape.inChannels); }
  int64_t outBlocks() const { return blocks_of(shape.outChannels); }
  /// Numbers for a batch: [pixel][block of channels], two tiles each.
  int64_t sourceSize() const { return int64_t{shape.inHeight} * shape.inWidth * sourceBlocks() * 2 * TILE; }
  int64_t gradientSize() const { return int64_t{shape.outHeight} * shape.outWidth * outBlocks() * 2 * TILE; }
  int64_t taps() const { return int64_t{shape.filterHeight} * shape.filterWidth; }
  int64_t tasks() const { return taps() * outBlocks(); }
};

/// The first layer's channels are its terms, at outputs.
FilterProduct filter_product(const Plan& p, int l) {
  const ConvShape& s = p.network->shapes[l];
  if (l > 0) return {s};
  const int terms = s.filterHeight * s.filterWidth * s.inChannels;
  return {{1, s.outHeight, s.outWidth, terms, s.outHeight, s.outWidth, s.outChannels, 1, 1, 1, 1, 1, 1, 0, 0}};
}

/// Output positions whose source, at distance `to` from position times stride, lies inside the picture.
INLINE Range outputs_inside(int64_t to, int64_t stride, int64_t in, int64_t out) {
  const int64_t first = smaller(out, to >= 0 ? 0 : divide_up(-to, stride));
  return {first, larger(first, smaller(out, to >= in ? 0 : divide_up(in - to, stride)))};
}

/// Adds rows `row` to before `end` of a block of sums [32 channels in][32 channels out] to a filter's tap.
void add_rows(const ConvShape& s, const float* sums, int64_t in, int64_t out, int64_t row, int64_t end, float* tap) {
  const int64_t columns = smaller(BLOCK, s.outChannels - out);
  for (int64_t r = row; r < smaller(end, s.inChannels - in); ++r) {
    float* to = tap + (in + r) * s.outChannels + out;
    int64_t c = 0;
    for (; c + L <= columns; c += L) store(to + c, load(to + c) + load(sums + r * BLOCK + c));
    for (; c < columns; ++c) to[c] += sums[r * BLOCK + c];
  }
}

/// One tap and one block of output channels; a batch's operands are `batch` numbers apart.
void add_filter_gradient(const FilterProduct& f, int64_t task, const bf16* source, const bf16* gradient, int64_t batch,
                         int64_t batches, Segment* segments, float* sums, float* filter) {
  const ConvShape& s = f.shape;
  const int64_t tap = task / f.outBlocks(), out = task % f.outBlocks();
  const int64_t toY = tap / s.filterWidth - s.padTop, toX = tap % s.filterWidth - s.padLeft;
  const Range rows = outputs_inside(toY, s.strideHeight, s.inHeight, s.outHeight);
  const Range columns = outputs_inside(toX, s.strideWidth, s.inWidth, s.outWidth);
  if (rows.first >= rows.end || columns.first >= columns.end) return;
  const int64_t sourcePixel = f.sourceBlocks() * 2 * TILE, gradientPixel = f.outBlocks() * 2 * TILE;
  const Operands operands{BATCH, TILE, s.strideWidth * sourcePixel, gradientPixel, BLOCK, CHAINS};
  float* weights = filter + tap * s.inChannels * s.outChannels;
  int64_t previous = 0;
  Meanwhile meanwhile([&](int unit) {
    add_rows(s, sums, previous * BLOCK, out * BLOCK, unit * ROWS_AT_ONCE, (unit + 1) * ROWS_AT_ONCE, weights);
  });
  int units = 0;  // of the sums before
  Engine::begin(CHAINS);
  Engine engine;
  for (int64_t in = 0; in < f.sourceBlocks(); ++in)
    for (int64_t i = 0; i < batches; ++i) {
      int count = 0;
      for (int64_t y = rows.first; y < rows.end; ++y) {
        const int64_t from = (y * s.strideHeight + toY) * s.inWidth + columns.first * s.strideWidth + toX;
        segments[count++] = {source + i * batch + from * sourcePixel + in * 2 * TILE,
                             gradient + i * batch + (y * s.outWidth + columns.first) * gradientPixel + out * 2 * TILE,
                             columns.end - columns.first, 0, 2};
      }
      meanwhile.begin(units, count * (columns.end - columns.first));
      engine.sum<2, 2>(operands, 0, segments, count, 2, nullptr, {sums, BLOCK, TILE}, meanwhile);
      previous = in;
      units = 2 * UNITS_OF_A_TILE;
    }
  engine.drain<2>();
  meanwhile.begin(units, 0);
  meanwhile.rest();
  Engine::end();
}

void add_bias_gradient(const FilterProduct& f, const bf16* gradient, int64_t batch, int64_t batches, float* bias) {
  const int64_t pixels = int64_t{f.shape.outHeight} * f.shape.outWidth;
  for (int64_t i = 0; i < batches; ++i)
    for (int64_t column = 0; column < f.outBlocks() * BLOCK; column += L) {
      vec sum{};
      for (int64_t pixel = 0; pixel < pixels; ++pixel) {
        const bf16* tile = gradient + i * batch + (pixel * f.outBlocks() * 2 + column / COLUMNS) * TILE;
        for (int pair = 0; pair < BATCH / 2; ++pair) {
          const bf16* at = tile + (pair * COLUMNS + column % COLUMNS) * 2;
          const uvec both = *reinterpret_cast<const loose_uvec*>(at);
          sum += reinterpret_cast<vec>(both << 16) + reinterpret_cast<vec>(both & 0xffff0000u);
        }
      }
      for (int64_t c = column; c < smaller(column + L, f.shape.outChannels); ++c) bias[c] += sum[c - column];
    }
}

}  // namespace
