// The first layer, whose input are images of few channels: products of rows of taps forward, of columns backward.
#pragma once
#include "layers.h"
#include "pack.h"
#include "parts.h"

namespace {

/// A convolution of pictures with zeros around them, whose filter is one column of `rowTerms` channels.
Grid first_forward_grid(const Plan& p) {
  const ConvShape& s = p.network->shapes[0];
  const int64_t height = int64_t{s.outHeight} * s.strideHeight + s.filterHeight;  // no tap is outside
  return {{s.outHeight, 0, 1, 0, s.strideHeight, s.filterHeight, height, 0, 1},
          {s.outWidth, 0, 1, 0, 1, 1, s.outWidth, 0, 1},
          p.first.rowBlocks(),
          blocks_of(s.outChannels),
          s.outWidth,
          s.outWidth,
          terms_of(p.first.rowTerms),
          column_tiles_of(s.outChannels)};
}

void pack_first_layer(const Plan& p, const float* filter, char* packed) {
  const FirstLayer& f = p.first;
  const ConvShape& s = p.network->shapes[0];
  const int64_t inputs = s.inChannels, outputs = s.outChannels;
  pack_grid(first_forward_grid(p), at<bf16>(packed, p.firstForward), [&](int64_t row, int64_t) {
    return Matrix{filter + row * f.rowTerms * outputs, outputs, 1, f.rowTerms, outputs};
  });

  // Column c of a tile is channel c % inputs of pixel c / inputs, which the output at an offset reaches by one tap.
  bf16* to = at<bf16>(packed, p.firstBackward);
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

void first_layer_forward(const Plan& p, const char* packed, char* work) {
  const FirstLayer& f = p.first;
  multiply_forward(p, 0, first_forward_grid(p),
                   {at<bf16>(work, p.images), f.imageRow, f.shift, f.image, BLOCK, CHAINS * f.image},
                   at<bf16>(packed, p.firstForward), packed, work);
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
/// over by the next row, or lies between the chains. Parts of the gradients are used while others are computed.
template <class Use>
void first_layer_backward(const Plan& p, const char* packed, char* work, Parts<Use>& parts) {
  const FirstLayer& f = p.first;
  const ConvShape& s = p.network->shapes[0];
  const int64_t blocks = blocks_of(s.outChannels), columns = f.pixels * s.inChannels;
  // Tiles are taken together where outputs at the same offset are there for each of them.
  const int together = f.columnTiles == 1 && f.pixels % s.strideWidth == 0 ? 4 : 1;
  const Operands operands{BLOCK, f.pixels / s.strideWidth * blocks * TILE, TILE, TILE, terms_of(s.outChannels), p.rows};
  const FewTerms terms(p.rows, operands.terms);
  float* gradient = at<float>(work, p.positionGradient);
  Segment* segments = at<Segment>(work, p.segments);
  Meanwhile meanwhile([&parts](int) { parts.use_one(); });
  Engine engine;
  for (int64_t y = 0; y < s.inHeight; ++y)
    for (int64_t x = 0; x < s.inWidth; x += together * f.pixels)
      for (int64_t tile = 0; tile < f.columnTiles; ++tile) {
        const int tiles = static_cast<int>(smaller(together, divide_up(s.inWidth - x, f.pixels)));
        const bf16* weights = at<bf16>(packed, p.firstBackward) + tile * s.filterHeight * f.offsets * blocks * TILE;
        const int count = column_segments(p, y, x, tiles, at<bf16>(work, p.activations[0]), weights, segments);
        const int64_t before = (y * s.inWidth + x) * s.inChannels;
        const int64_t products = products_of(segments, count);
        meanwhile.begin(static_cast<int>(smaller(parts.ready(before), products)), products);
        engine.sum<4, 1>(operands, 0, segments, count, tiles, nullptr,
                         {gradient + before + tile * COLUMNS, f.positionStride, columns}, meanwhile);
      }
  engine.drain<4>();
  parts.use_rest();
}

}  // namespace
