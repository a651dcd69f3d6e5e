// One element of a convolution or of its gradients, straight from the definition, in double precision.
#pragma once
#include <cmath>

#include "check.h"

namespace check {

using srmcmc::ConvShape;

/// A sum, the sum of its terms' magnitudes, to which rounding errors are proportional, and their number.
struct Sum {
  double value = 0, magnitude = 0;
  int64_t terms = 0;
  void add(double a, double b) {
    value += a * b;
    magnitude += std::fabs(a * b);
    ++terms;
  }
};

/// Element `index` of y = conv(x, filter).
inline Sum forward_element(const ConvShape& s, const float* x, const float* filter, int64_t index) {
  const int64_t o = index % s.outChannels, ox = index / s.outChannels % s.outWidth;
  const int64_t oy = index / s.outChannels / s.outWidth % s.outHeight;
  const int64_t image = index / s.outChannels / s.outWidth / s.outHeight;
  Sum sum;
  for (int64_t ky = 0; ky < s.filterHeight; ++ky)
    for (int64_t kx = 0; kx < s.filterWidth; ++kx) {
      const int64_t iy = oy * s.strideHeight - s.padTop + ky * s.dilationHeight;
      const int64_t ix = ox * s.strideWidth - s.padLeft + kx * s.dilationWidth;
      if (iy < 0 || iy >= s.inHeight || ix < 0 || ix >= s.inWidth) continue;
      const float* pixel = x + ((image * s.inHeight + iy) * s.inWidth + ix) * s.inChannels;
      const float* tap = filter + (ky * s.filterWidth + kx) * s.inChannels * s.outChannels + o;
      for (int64_t c = 0; c < s.inChannels; ++c) sum.add(pixel[c], tap[c * s.outChannels]);
    }
  return sum;
}

/// Element `index` of the gradient of <dy, conv(x, filter)> in x.
inline Sum input_gradient_element(const ConvShape& s, const float* dy, const float* filter, int64_t index) {
  const int64_t c = index % s.inChannels, ix = index / s.inChannels % s.inWidth;
  const int64_t iy = index / s.inChannels / s.inWidth % s.inHeight;
  const int64_t image = index / s.inChannels / s.inWidth / s.inHeight;
  Sum sum;
  for (int64_t ky = 0; ky < s.filterHeight; ++ky)
    for (int64_t kx = 0; kx < s.filterWidth; ++kx) {
      const int64_t y = iy + s.padTop - ky * s.dilationHeight, x = ix + s.padLeft - kx * s.dilationWidth;
      if (y < 0 || x < 0 || y % s.strideHeight || x % s.strideWidth) continue;
      const int64_t oy = y / s.strideHeight, ox = x / s.strideWidth;
      if (oy >= s.outHeight || ox >= s.outWidth) continue;
      const float* pixel = dy + ((image * s.outHeight + oy) * s.outWidth + ox) * s.outChannels;
      const float* tap = filter + ((ky * s.filterWidth + kx) * s.inChannels + c) * s.outChannels;
      for (int64_t o = 0; o < s.outChannels; ++o) sum.add(pixel[o], tap[o]);
    }
  return sum;
}

/// Element `index` of the gradient of <dy, conv(x, filter)> in the filter.
inline Sum filter_gradient_element(const ConvShape& s, const float* x, const float* dy, int64_t index) {
  const int64_t o = index % s.outChannels, c = index / s.outChannels % s.inChannels;
  const int64_t tap = index / s.outChannels / s.inChannels;
  const int64_t ky = tap / s.filterWidth, kx = tap % s.filterWidth;
  Sum sum;
  for (int64_t image = 0; image < s.batch; ++image)
    for (int64_t oy = 0; oy < s.outHeight; ++oy)
      for (int64_t ox = 0; ox < s.outWidth; ++ox) {
        const int64_t iy = oy * s.strideHeight - s.padTop + ky * s.dilationHeight;
        const int64_t ix = ox * s.strideWidth - s.padLeft + kx * s.dilationWidth;
        if (iy < 0 || iy >= s.inHeight || ix < 0 || ix >= s.inWidth) continue;
        sum.add(x[((image * s.inHeight + iy) * s.inWidth + ix) * s.inChannels + c],
                dy[((image * s.outHeight + oy) * s.outWidth + ox) * s.outChannels + o]);
      }
  return sum;
}

}  // namespace check
