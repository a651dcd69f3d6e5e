// What a convolution, or one phase of its gradient in the input, computes: products of a filter's taps at the
// positions of a grid.
#pragma once
#include "tile.h"

namespace {

/// One spatial axis: output position first + i * outStep reads source positions
/// sourceFirst + i * sourceStep + t * tapStep for t < taps, those inside [0, sourceSize).
struct Axis {
  int64_t count, outFirst, outStep, sourceFirst, sourceStep, taps, tapStep, sourceSize;
};
struct TapRange {
  int64_t first, end;
};
INLINE TapRange taps_inside(const Axis& axis, int64_t i) {
  const int64_t s = axis.sourceFirst + i * axis.sourceStep;
  // A division costs as much as a short tile's whole row of taps.
  const auto steps = [&](int64_t distance) {
    return axis.tapStep == 1 ? distance : divide_up(distance, axis.tapStep);
  };
  const int64_t first = s >= 0 ? 0 : smaller(axis.taps, steps(-s));
  const int64_t end = s >= axis.sourceSize ? 0 : smaller(axis.taps, steps(axis.sourceSize - s));
  return {first, larger(first, end)};
}

struct Grid {
  Axis y, x;
  int64_t batch, channels, outputs;                    // channels of the source, channels of the output
  int64_t sourceRow, sourceImage, outWidth, outImage;  // strides in floats, but outWidth in positions
};

/// Whether positions and taps reach little beyond the source. Sizes come from outside: working spaces made for what is
/// reached would be of any size otherwise.
INLINE bool stays_near(const Axis& axis) {
  return (axis.count - 1) * axis.sourceStep + axis.taps <= 2 * axis.sourceSize + 64;
}
INLINE bool stays_near(const Grid& g) { return stays_near(g.y) && stays_near(g.x); }

INLINE int64_t panels_of(int64_t outputs) { return divide_up(outputs, PANEL); }

}  // namespace
