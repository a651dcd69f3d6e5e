// The first layer, whose input are images of few channels: forward by gathering terms, backward by columns.
#pragma once
#include "layers.h"

namespace {

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

void first_layer_forward(const Plan& p, const char* packed, char* work) {
  const FirstLayer& f = p.first;
  const ConvShape& s = p.network->shapes[0];
  bf16* strip = at<bf16>(work, p.strip);
  for (int64_t y = 0; y < s.outHeight; ++y)
    for (int64_t x = 0; x < s.outWidth; x += STRIP) {
      const int64_t count = smaller(STRIP, s.outWidth - x);
      gather_strip(p, at<bf16>(work, p.images), y, x, count, strip);
      // A picture of one row, whose pixels' channels are all terms of an output.
      const Axis row{1, y, 1, 0, 1, 1, 1, 0, 1}, column{count, x, 1, 0, 1, 1, count, 0, 1};
      multiply({{row, column, f.depth / BLOCK, blocks_of(s.outChannels), count, s.outWidth}, p.rows, strip, f.depth,
                BLOCK, at<bf16>(packed, p.firstForward), at<float>(packed, p.bias[0]), at<bf16>(work, p.activations[0]),
                at<Segment>(work, p.segments), at<float>(work, p.sums)},
               forward_finish(p, 0, work));
    }
}

/// Columns of up to four outputs from x on, of which the i-th goes to the planes of a row of the gradient.
struct ColumnBlock {
  int64_t x, tile;
  int outputs;
};

void store_columns(const Plan& p, const float* sums, const ColumnBlock& b, int i, float* planes) {
  const FirstLayer& f = p.first;
  const int64_t columns = f.rowTerms - b.tile * COLUMNS;
  // What a single tile has too many of is zero, and is written over by the plane's next output.
  const bool whole = columns >= COLUMNS || f.columnTiles == 1;
  const float* from = sums + i * CHAINS * COLUMNS;
  float* plane = planes + (b.x + i) % f.planes * CHAINS * f.planeSize + (b.x + i) * f.shift + b.tile * COLUMNS;
  for (int chain = 0; chain < p.rows; ++chain, plane += f.planeSize, from += COLUMNS) {
    if (whole)
      for (int c = 0; c < COLUMNS; c += L) store(plane + c, load(from + c));
    else
      memcpy(plane, from, static_cast<size_t>(columns) * 4);
  }
}

/// Row y of the chains' gradient: the sum of the planes.
void add_planes(const Plan& p, const float* planes, int64_t y, float* gradient) {
  const FirstLayer& f = p.first;
  const ConvShape& s = p.network->shapes[0];
  const int64_t row = int64_t{s.inWidth} * s.inChannels;
  for (int64_t chain = 0; chain < p.rows; ++chain) {
    const float* from = planes + chain * f.planeSize + s.padLeft * s.inChannels;
    float* to = gradient + chain * f.positionStride + y * row;
    for (int64_t i = 0; i < row; i += L) {
      vec sum = load(from + i);
      for (int64_t plane = 1; plane < f.planes; ++plane) sum += load(from + plane * CHAINS * f.planeSize + i);
      store(to + i, sum);  // what goes past the row's end is written over by the next row
    }
  }
}

void first_layer_backward(const Plan& p, const char* packed, char* work) {
  const FirstLayer& f = p.first;
  const ConvShape& s = p.network->shapes[0];
  const int64_t blocks = blocks_of(s.outChannels);
  const Strides strides{BLOCK, blocks * TILE, TILE, TILE, p.rows};
  const bf16* source = at<bf16>(work, p.activations[0]);
  float* planes = at<float>(work, p.planes);
  float* sums = at<float>(work, p.sums);
  Segment* segments = at<Segment>(work, p.segments);
  for (int64_t y = 0; y < s.inHeight; ++y) {
    ColumnBlock previous{};
    Meanwhile meanwhile([&](int output) { store_columns(p, sums, previous, output, planes); });
    for (int64_t tile = 0; tile < f.columnTiles; ++tile) {
      const bf16* weights = at<bf16>(packed, p.firstBackward) + tile * s.filterHeight * blocks * TILE;
      for (int64_t x = 0; x < s.outWidth; x += 4) {
        const int outputs = static_cast<int>(smaller(4, s.outWidth - x));
        int count = 0;
        for (int64_t row = 0; row < s.filterHeight; ++row) {
          const int64_t from = y + s.padTop - row;
          if (from < 0 || from % s.strideHeight != 0 || from / s.strideHeight >= s.outHeight) continue;
          segments[count++] = {source + (from / s.strideHeight * s.outWidth + x) * blocks * TILE,
                               weights + row * blocks * TILE, blocks, 0, outputs};
        }
        meanwhile.begin(previous.outputs, count * blocks);
        Engine::sum<4, 1>(strides, segments, count, outputs, nullptr, sums, meanwhile);
        previous = {x, tile, outputs};
      }
    }
    meanwhile.begin(previous.outputs, 0);
    meanwhile.rest();
    add_planes(p, planes, y, at<float>(work, p.positionGradient));
  }
}

}  // namespace
