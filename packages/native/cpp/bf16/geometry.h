// Which positions of a convolution read which: the same for the forward pass and, phase by phase of the stride, for
// the gradient in the input.
#pragma once
#include "tiles.h"
#include "../kernels.h"

namespace {

using srmcmc::ConvShape;

/// One spatial axis: output position outFirst + i * outStep reads the source positions
/// sourceFirst + i * sourceStep + t, t < taps, those inside [0, sourceSize), each with the filter's row or column
/// filterFirst + t * filterStep.
struct Axis {
  int64_t count, outFirst, outStep, sourceFirst, sourceStep, taps, sourceSize, filterFirst, filterStep;
};

struct Range {
  int64_t first, end;
};

/// The taps of position i that lie inside the source; none where there is no such position.
INLINE Range taps_inside(const Axis& axis, int64_t i) {
  if (i >= axis.count) return {0, 0};
  const int64_t at = axis.sourceFirst + i * axis.sourceStep;
  const int64_t first = smaller(axis.taps, larger(0, -at));
  return {first, larger(first, smaller(axis.taps, axis.sourceSize - at))};
}

Axis forward_axis(int64_t in, int64_t out, int64_t filter, int64_t stride, int64_t pad) {
  return {out, 0, 1, -pad, stride, filter, in, 0, 1};
}

/// Positions phase, phase + stride, ... of the input: they see every stride-th tap, in reverse order.
Axis phase_axis(int64_t phase, int64_t in, int64_t out, int64_t filter, int64_t stride, int64_t pad) {
  const int64_t r = (phase + pad) % stride;
  const int64_t taps = r < filter ? divide_up(filter - r, stride) : 0;
  const int64_t count = phase < in ? divide_up(in - phase, stride) : 0;
  const int64_t last = stride * (taps - 1);
  return {count, phase, stride, (phase + pad - r - last) / stride, 1, taps, out, r + last, -stride};
}

INLINE int64_t blocks_of(int64_t channels) { return divide_up(channels, BLOCK); }
/// Terms of a block of so many channels, or its first: an even number.
INLINE int terms_of(int64_t channels) { return static_cast<int>(smaller(BLOCK, divide_up(channels, 2) * 2)); }
/// Tiles of columns that are multiplied for a block of so many channels, or for each.
INLINE int column_tiles_of(int64_t channels) { return channels <= COLUMNS ? Engine::FEWEST_COLUMN_TILES : 2; }

/// A product over a plane of positions, from `sourceBlocks` to `outBlocks` blocks of channels.
struct Grid {
  Axis y, x;
  int64_t sourceBlocks, outBlocks, sourceWidth, outWidth;
  int terms = BLOCK, columnTiles = 2;  // of a block

  /// Products for one block of outputs.
  int64_t panel() const { return y.taps * x.taps * sourceBlocks; }
  int64_t packedSize() const { return outBlocks * panel() * 2 * TILE; }
};

Grid forward_grid(const ConvShape& s) {
  return {forward_axis(s.inHeight, s.outHeight, s.filterHeight, s.strideHeight, s.padTop),
          forward_axis(s.inWidth, s.outWidth, s.filterWidth, s.strideWidth, s.padLeft),
          blocks_of(s.inChannels),
          blocks_of(s.outChannels),
          s.inWidth,
          s.outWidth,
          terms_of(s.inChannels),
          column_tiles_of(s.outChannels)};
}

template <class Body>
void each_phase(const ConvShape& s, Body&& body) {
  for (int64_t py = 0; py < smaller(s.strideHeight, s.inHeight); ++py)
    for (int64_t px = 0; px < smaller(s.strideWidth, s.inWidth); ++px)
      body(Grid{phase_axis(py, s.inHeight, s.outHeight, s.filterHeight, s.strideHeight, s.padTop),
                phase_axis(px, s.inWidth, s.outWidth, s.filterWidth, s.strideWidth, s.padLeft),
                blocks_of(s.outChannels), blocks_of(s.inChannels), s.outWidth, s.inWidth, terms_of(s.outChannels),
                column_tiles_of(s.inChannels)});
}

/// The gradient in a layer's input by minimal filtering: what it is cut into, and how that lies in memory. A phase's
/// outputs are taken in squares of four, which have a product in each of several planes.
struct MinimalGrid {
  static constexpr int PHASES = 4, PLANES = 9;
  int64_t sourceBlocks, outBlocks;
  int terms, columnTiles;      // of a block
  int64_t squaresY, squaresX;  // of a phase; none where products are direct
  int64_t pieceY, pieceX;      // squares of a piece, at most
  int64_t position;            // numbers from a position to the next, of the source or of its differences
  int64_t row, kind;           // of differences, to the row below, and from one kind to the next

  bool is_used() const { return squaresY > 0; }
  int64_t packedSize() const { return PHASES * PLANES * outBlocks * sourceBlocks * 2 * TILE; }
  int64_t differencesSize() const { return 3 * kind; }
  int64_t sumsSize() const { return PLANES * pieceY * pieceX * TILE; }

  void cut(int64_t height, int64_t width) {
    pieceY = height;
    pieceX = width;
    row = (2 * width + 1) * position;
    kind = (2 * height + 1) * row;
  }
};

/// Where sums cost as much as products, as they do on AMX, direct products are as good.
constexpr bool MINIMAL_BACKWARD = !Engine::HIDES_WORK;

/// It is used for filters of 4 x 4 taps and stride 2 that halve a picture into one of an even height and width, of more
/// than the four pixels whose direct products are as few.
MinimalGrid minimal_grid(const ConvShape& s) {
  MinimalGrid g{};
  const auto halves = [](int in, int out, int filter, int stride, int pad) {
    return filter == 4 && stride == 2 && pad == 1 && in == 2 * out && out % 2 == 0;
  };
  if (!MINIMAL_BACKWARD || int64_t{s.outHeight} * s.outWidth <= 4 ||
      !halves(s.inHeight, s.outHeight, s.filterHeight, s.strideHeight, s.padTop) ||
      !halves(s.inWidth, s.outWidth, s.filterWidth, s.strideWidth, s.padLeft))
    return g;
  g.sourceBlocks = blocks_of(s.outChannels);
  g.outBlocks = blocks_of(s.inChannels);
  g.terms = terms_of(s.outChannels);
  g.columnTiles = column_tiles_of(s.inChannels);
  g.position = g.sourceBlocks * TILE;
  g.squaresY = s.outHeight / 2;
  g.squaresX = s.outWidth / 2;
  g.cut(g.squaresY, g.squaresX);
  // The second-level cache keeps a piece, or it takes less than a third of the weights that are read for it.
  constexpr int64_t CACHE_BYTES = 512 * 1024;
  const int64_t most = larger(CACHE_BYTES, g.packedSize() * 2 / 3);
  while (g.differencesSize() * 2 + g.sumsSize() * 4 > most && g.pieceY * g.pieceX > 1) {
    if (g.pieceX > g.pieceY)
      g.cut(g.pieceY, divide_up(g.pieceX, 2));
    else
      g.cut(divide_up(g.pieceY, 2), g.pieceX);
  }
  return g;
}

}  // namespace
