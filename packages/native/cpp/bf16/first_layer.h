// The first layer, whose input are images of few channels: products of rows of taps forward, of columns backward.
#pragma once
#include "layers.h"
#include "pack.h"

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

void pack_first_layer(const Plan& p, const float* filter, char* packed) {
  const FirstLayer& f = p.first;
  const ConvShape& s = p.network->shapes[0];
  const int64_t inputs = s.inChannels, outputs = s.outChannels;
  bf16* to = at<bf16>(packed, p.firstForward);
  for (int64_t column = 0; column < outputs; column += BLOCK)
    for (int64_t row = 0; row < s.filterHeight; ++row)
      for (int64_t term = 0; term < f.rowTerms; term += BLOCK)
        for (int64_t half = 0; half < BLOCK; half += COLUMNS, to += TILE)
          pack_tile({filter + row * f.rowTerms * outputs, outputs, 1, f.rowTerms, outputs}, term, column + half, to);

  // Column c of a tile is channel c % inputs of pixel c / inputs, which the output at an offset reaches by one tap.
  to = at<bf16>(packed, p.firstBackward);
  const int64_t blocks = blocks_of(outputs);
  const auto taps = [&](int64_t row, int64_t tap) { return filter + (row * s.filterWidth + tap) * inputs * outputs; };
  const auto pack = [&](int64_t first, int64_t row, int64_t offset, int64_t block) {
    if (f.pixels == 1) {
      const float* tap = taps(row, s.filterWidth - 1 - offset);
      return pack_tile({tap, 1, outputs, outputs, inputs}, block, first, to);
    }
    memset(to, 0, TILE * sizeof(bf16));
    for (int64_t c = first; c < smaller(first + COLUMNS, f.pixels * inputs); ++c) {
      const int64_t tap = c / inputs + s.filterWidth - 1 - offset;
      if (tap < 0 || tap >= s.filterWidth) continue;
      const float* from = taps(row, tap) + c % inputs * outputs + block;
      for (int64_t n = 0; n < smaller(BLOCK, outputs - block); ++n)
        to[n / 2 * 2 * COLUMNS + c % COLUMNS * 2 + n % 2] = rounded(from[n]);
    }
  };
  for (int64_t tile = 0; tile < f.columnTiles; ++tile)
    for (int64_t row = 0; row < s.filterHeight; ++row)
      for (int64_t offset = 0; offset < f.offsets; ++offset)
        for (int64_t block = 0; block < blocks; ++block, to += TILE)
          pack(tile * COLUMNS, row, offset, block * BLOCK);
}

/// A convolution of pictures with zeros around them, whose filter is one column of `rowTerms` channels.
void first_layer_forward(const Plan& p, const char* packed, char* work) {
  const FirstLayer& f = p.first;
  const ConvShape& s = p.network->shapes[0];
  const int64_t height = int64_t{s.outHeight} * s.strideHeight + s.filterHeight;  // no tap is outside
  const Axis down{s.outHeight, 0, 1, 0, s.strideHeight, s.filterHeight, height, 0, 1};
  const Axis across{s.outWidth, 0, 1, 0, 1, 1, s.outWidth, 0, 1};
  const int terms = static_cast<int>(f.rowTerms < BLOCK ? divide_up(f.rowTerms, 2) * 2 : BLOCK);
  Engine::begin(p.rows, terms);
  multiply_forward(p, 0, {down, across, f.rowBlocks(), blocks_of(s.outChannels), s.outWidth, s.outWidth},
                   {at<bf16>(work, p.images), f.imageRow, f.shift, f.image, BLOCK, terms, CHAINS * f.image},
                   at<bf16>(packed, p.firstForward), packed, work);
  Engine::begin(p.rows);
}

/// The products for a tile of columns that begins with pixel x of row y, and for the next ones, `tiles` in all.
int column_segments(const Plan& p, int64_t y, int64_t x, int tiles, const bf16* source, const bf16* weights,
                    Segment* segments) {
  const FirstLayer& f = p.first;
  const ConvShape& s = p.network->shapes[0];
  const int64_t blocks = blocks_of(s.outChannels), step = f.pixels / s.strideWidth;  // outputs from tile to tile
  int count = 0;
  for (int64_t row = 0; row < s.filterHeight; ++row) {
    const int64_t down = y + s.padTop - row, from = down / s.strideHeight;
    if (down < 0 || down % s.strideHeight != 0 || from >= s.outHeight) continue;
    for (int64_t offset = 0; offset < f.offsets; ++offset) {
      const int64_t across = x + s.padLeft + offset - (s.filterWidth - 1);
      if (across % s.strideWidth != 0) continue;
      const int64_t output = across / s.strideWidth;
      int first = 0, last = tiles;
      while (first < last && output + first * step < 0) ++first;
      while (last > first && output + (last - 1) * step >= s.outWidth) --last;
      if (first == last) continue;
      const bf16* a = source + (from * s.outWidth + output) * blocks * TILE;
      const bf16* b = weights + (row * f.offsets + offset) * blocks * TILE;
      Segment* before = count > 0 ? segments + count - 1 : nullptr;
      if (before && before->first == first && before->last == last && before->a + before->count * TILE == a &&
          before->b + before->count * TILE == b)
        before->count += blocks;
      else
        segments[count++] = {a, b, blocks, first, last};
    }
  }
  return count;
}

/// Tiles of columns go where they belong in the chains' gradients; what the last one of a row has too many is written
/// over by the next row, or lies between the chains.
void first_layer_backward(const Plan& p, const char* packed, char* work) {
  const FirstLayer& f = p.first;
  const ConvShape& s = p.network->shapes[0];
  const int64_t blocks = blocks_of(s.outChannels), columns = f.pixels * s.inChannels;
  // Tiles are taken together where outputs at the same offset are there for each of them.
  const int together = f.columnTiles == 1 && f.pixels % s.strideWidth == 0 ? 4 : 1;
  const Operands operands{BLOCK, f.pixels / s.strideWidth * blocks * TILE, TILE, TILE, BLOCK, p.rows};
  float* gradient = at<float>(work, p.positionGradient);
  Segment* segments = at<Segment>(work, p.segments);
  Meanwhile nothing([](int) {});
  Engine engine;
  for (int64_t y = 0; y < s.inHeight; ++y)
    for (int64_t x = 0; x < s.inWidth; x += together * f.pixels)
      for (int64_t tile = 0; tile < f.columnTiles; ++tile) {
        const int tiles = static_cast<int>(smaller(together, divide_up(s.inWidth - x, f.pixels)));
        const bf16* weights = at<bf16>(packed, p.firstBackward) + tile * s.filterHeight * f.offsets * blocks * TILE;
        const int count = column_segments(p, y, x, tiles, at<bf16>(work, p.activations[0]), weights, segments);
        float* to = gradient + (y * s.inWidth + x) * s.inChannels + tile * COLUMNS;
        engine.sum<4, 1>(operands, 0, segments, count, tiles, nullptr, {to, f.positionStride, columns}, nothing);
      }
  engine.drain<4>();
}

}  // namespace
