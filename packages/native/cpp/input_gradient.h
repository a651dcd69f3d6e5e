// The gradient of a convolution in its input, by phases of the stride: each is a product over a grid like the forward
// one.
#pragma once
#include "convolution.h"

namespace {

/// The positions p, p + stride, ... of the input: they see every stride-th tap, in reverse order.
INLINE Axis phase_axis(int64_t phase, int64_t inSize, int64_t outSize, int64_t filterSize, int64_t stride,
                       int64_t pad, int64_t* firstTap) {
  const int64_t r = ((phase + pad) % stride + stride) % stride;
  const int64_t taps = r < filterSize ? divide_up(filterSize - r, stride) : 0;
  const int64_t count = phase < inSize ? divide_up(inSize - phase, stride) : 0;
  *firstTap = r + stride * (taps - 1);
  return {count, phase, stride, (phase + pad - r) / stride - (taps - 1), 1, taps, 1, outSize};
}

/// Calls body(grid, pack) for each phase of an input gradient; pack(filter, packed) packs what it multiplies by.
template <class Body>
void each_phase(const ConvShape& s, Body&& body) {
  Grid g{};
  g.batch = s.batch;
  g.channels = s.outChannels;
  g.outputs = s.inChannels;
  g.sourceRow = static_cast<int64_t>(s.outWidth) * s.outChannels;
  g.sourceImage = g.sourceRow * s.outHeight;
  g.outWidth = s.inWidth;
  g.outImage = static_cast<int64_t>(s.inHeight) * s.inWidth * s.inChannels;
  for (int64_t py = 0; py < smaller(s.strideHeight, s.inHeight); ++py)
    for (int64_t px = 0; px < smaller(s.strideWidth, s.inWidth); ++px) {
      int64_t firstY, firstX;
      g.y = phase_axis(py, s.inHeight, s.outHeight, s.filterHeight, s.strideHeight, s.padTop, &firstY);
      g.x = phase_axis(px, s.inWidth, s.outWidth, s.filterWidth, s.strideWidth, s.padLeft, &firstX);
      body(g, [&](const float* filter, float* packed) {
        pack_filter(g, 1, s.outChannels, packed, [&](int64_t ty, int64_t tx) {
          return filter + ((firstY - ty * s.strideHeight) * s.filterWidth + firstX - tx * s.strideWidth) *
                              s.inChannels * s.outChannels;
        });
      });
    }
}

void conv2d_input_gradient(const ConvShape& s, const float* dy, const float* filter, float* dx) {
  each_phase(s, [&](const Grid& g, auto&& pack) {
    float* packed = srmcmc::scratch(0, static_cast<size_t>(packed_size(g)));
    pack(filter, packed);
    multiply_grid(g, dy, packed, dx, Epilogue{});
  });
}

}  // namespace
