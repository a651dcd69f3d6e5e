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

/// A product over a plane of positions, from `sourceBlocks` to `outBlocks` blocks of channels.
struct Grid {
  Axis y, x;
  int64_t sourceBlocks, outBlocks, sourceWidth, outWidth;

  /// Products for one block of outputs.
  int64_t panel() const { return y.taps * x.taps * sourceBlocks; }
  int64_t packedSize() const { return outBlocks * panel() * 2 * TILE; }
};

Grid forward_grid(const ConvShape& s) {
  return {forward_axis(s.inHeight, s.outHeight, s.filterHeight, s.strideHeight, s.padTop),
          forward_axis(s.inWidth, s.outWidth, s.filterWidth, s.strideWidth, s.padLeft),
          blocks_of(s.inChannels), blocks_of(s.outChannels), s.inWidth, s.outWidth};
}

template <class Body>
void each_phase(const ConvShape& s, Body&& body) {
  for (int64_t py = 0; py < smaller(s.strideHeight, s.inHeight); ++py)
    for (int64_t px = 0; px < smaller(s.strideWidth, s.inWidth); ++px)
      body(Grid{phase_axis(py, s.inHeight, s.outHeight, s.filterHeight, s.strideHeight, s.padTop),
                phase_axis(px, s.inWidth, s.outWidth, s.filterWidth, s.strideWidth, s.padLeft),
                blocks_of(s.outChannels), blocks_of(s.inChannels), s.outWidth, s.inWidth});
}

/// The gradient in a layer's input by minimal filtering: what all of it is cut into, and how it lies in memory. A phase's
/// outputs are taken in squares of four.
struct MinimalGrid {
  static constexpr int PHASES = 4, PLANES = 9;  // products of a square
  int64_t sourceBlocks, outBlocks;
  int64_t squaresY, squaresX;         // of a phase; none where products are direct
  int64_t pieceY, pieceX;             // squares of a piece, at most
  int64_t position, row, difference;  // numbers from a position's tiles to the next's, to those below, of the next kind

  bool is_used() const { return squaresY > 0; }
  int64_t packedSize() const { return PHASES * PLANES * outBlocks * sourceBlocks * 2 * TILE; }
  int64_t differencesSize() const { return 3 * difference; }
  int64_t sumsSize() const { return PLANES * pieceY * pieceX * TILE; }
};

/// It is used for filters of 4 x 4 taps and stride 2 that halve a picture of 4 k pixels a side, and where products take
/// longer than the sums around them, as they do but on AMX.
MinimalGrid minimal_grid(const ConvShape& s) {
  MinimalGrid g{};
  const auto halves = [](int in, int out, int filter, int stride, int pad) {
    return filter == 4 && stride == 2 && pad == 1 && in == 2 * out && out % 2 == 0;
  };
  if (Engine::HIDES_WORK || !halves(s.inHeight, s.outHeight, s.filterHeight, s.strideHeight, s.padTop) ||
      !halves(s.inWidth, s.outWidth, s.filterWidth, s.strideWidth, s.padLeft))
    return g;
  g.sourceBlocks = blocks_of(s.outChannels);
  g.outBlocks = blocks_of(s.inChannels);
  g.position = g.sourceBlocks * TILE;
  g.pieceY = g.squaresY = s.outHeight / 2;
  g.pieceX = g.squaresX = s.outWidth / 2;
  // A piece's differences stay in the second-level cache, or are fewer than the weights that are read for it.
  const int64_t most = larger(192 * 1024, g.packedSize() / 4), square = 3 * 4 * g.position;
  while (g.pieceY * g.pieceX * square > most && g.pieceY * g.pieceX > 1) {
    int64_t& side = g.pieceX > g.pieceY ? g.pieceX : g.pieceY;
    side = divide_up(side, 2);
  }
  g.row = (2 * g.pieceX + 1) * g.position;
  g.difference = (2 * g.pieceY + 1) * g.row;
  return g;
}

}  // namespace
