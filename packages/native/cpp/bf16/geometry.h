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

}  // namespace
