// Bilinear resizing of NHWC images: rows first, then columns, positions in double precision.
#pragma once
#include "kernels.h"
#include "parallel.h"

namespace {

using srmcmc::ResizeShape;

/// Output position i lies between two pixels of the source, at `fraction` of the way.
struct Between {
  int64_t low, high;
  float fraction;
};
INLINE Between between(int64_t i, int64_t size, int64_t outSize, bool alignCorners, bool halfPixelCenters) {
  const double scale = alignCorners && outSize > 1
                           ? static_cast<double>(size - 1) / static_cast<double>(outSize - 1)
                           : static_cast<double>(size) / static_cast<double>(outSize);
  const double at = halfPixelCenters ? scale * (static_cast<double>(i) + 0.5) - 0.5 : scale * static_cast<double>(i);
  const double inside = at > 0 ? at : 0;
  const int64_t low = smaller(static_cast<int64_t>(inside), size - 1);
  return {low, smaller(low + 1, size - 1), static_cast<float>(inside - static_cast<double>(low))};
}

void resize_bilinear(const ResizeShape& s, const float* x, float* y) {
  const int64_t row = static_cast<int64_t>(s.inWidth) * s.channels;
  parallel_range(static_cast<int64_t>(s.batch) * s.outHeight, 1, [&](int64_t task, int64_t) {
    const Between rows = between(task % s.outHeight, s.inHeight, s.outHeight, s.alignCorners, s.halfPixelCenters);
    const float* image = x + task / s.outHeight * s.inHeight * row;
    const float *top = image + rows.low * row, *bottom = image + rows.high * row;
    float* mixed = srmcmc::scratch(0, static_cast<size_t>(row));
    for (int64_t i = 0; i < row; ++i) mixed[i] = top[i] + (bottom[i] - top[i]) * rows.fraction;
    float* out = y + task * s.outWidth * s.channels;
    for (int64_t outX = 0; outX < s.outWidth; ++outX) {
      const Between columns = between(outX, s.inWidth, s.outWidth, s.alignCorners, s.halfPixelCenters);
      const float *left = mixed + columns.low * s.channels, *right = mixed + columns.high * s.channels;
      for (int64_t c = 0; c < s.channels; ++c) *out++ = left[c] + (right[c] - left[c]) * columns.fraction;
    }
  });
}

}  // namespace
