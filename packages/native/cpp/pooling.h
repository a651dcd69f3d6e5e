// Maxima and means over windows of NHWC images. A mean is over the pixels inside the picture alone.
#pragma once
#include "kernels.h"
#include "parallel.h"

namespace {

using srmcmc::PoolShape;

/// The pixels of a window that lie inside: `count` of them, `step` apart, from `first` on.
struct WindowSpan {
  int64_t first, count, step;
};
INLINE WindowSpan window_inside(int64_t start, int64_t size, int64_t step, int64_t sourceSize) {
  const int64_t skipped = start < 0 ? divide_up(-start, step) : 0;
  const int64_t end = start >= sourceSize ? 0 : smaller(size, divide_up(sourceSize - start, step));
  return {start + skipped * step, larger(0, end - skipped), step};
}

/// V vectors of channels of one window. The last one may be cut short: `last` of its channels exist.
template <bool average, int V>
INLINE void pool_window(const float* x, int64_t row, int64_t channels, const WindowSpan& ys, const WindowSpan& xs,
                        float* y, int64_t last) {
  vec sum[V];
  each<V>([&](auto v) { sum[v] = splat(average ? 0.f : -__builtin_inff()); });
  for (int64_t i = 0; i < ys.count; ++i)
    for (int64_t j = 0; j < xs.count; ++j) {
      const float* pixel = x + (ys.first + i * ys.step) * row + (xs.first + j * xs.step) * channels;
      each<V>([&](auto v) {
        const vec values = v + 1 == V && last < L ? load_some(pixel + v * L, last) : load(pixel + v * L);
        // A NaN is not greater, as in TensorFlow.js.
        sum[v] = average ? sum[v] + values : values > sum[v] ? values : sum[v];
      });
    }
  const vec scale = splat(average ? 1.f / static_cast<float>(ys.count * xs.count) : 1.f);
  each<V>([&](auto v) { store_some(y + v * L, sum[v] * scale, v + 1 == V ? last : L); });
}

template <bool average>
void pool_as(const PoolShape& s, const float* x, float* y) {
  const int64_t row = static_cast<int64_t>(s.inWidth) * s.channels;
  constexpr int BLOCK = 4;
  parallel_range(static_cast<int64_t>(s.batch) * s.outHeight, 1, [&](int64_t task, int64_t) {
    const int64_t image = task / s.outHeight, outY = task % s.outHeight;
    const float* source = x + image * s.inHeight * row;
    float* out = y + task * s.outWidth * s.channels;
    const WindowSpan ys =
        window_inside(outY * s.strideHeight - s.padTop, s.filterHeight, s.dilationHeight, s.inHeight);
    for (int64_t outX = 0; outX < s.outWidth; ++outX, out += s.channels) {
      const WindowSpan xs =
          window_inside(outX * s.strideWidth - s.padLeft, s.filterWidth, s.dilationWidth, s.inWidth);
      int64_t c = 0;
      for (; c + BLOCK * L <= s.channels; c += BLOCK * L)
        pool_window<average, BLOCK>(source + c, row, s.channels, ys, xs, out + c, L);
      for (; c < s.channels; c += L)
        pool_window<average, 1>(source + c, row, s.channels, ys, xs, out + c, smaller(L, s.channels - c));
    }
  });
}

void pool(bool average, const PoolShape& s, const float* x, float* y) {
  return average ? pool_as<true>(s, x, y) : pool_as<false>(s, x, y);
}

}  // namespace
