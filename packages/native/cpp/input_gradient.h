// The gradient of a convolution in its input: by phases of the stride, each a product over a grid like the forward
// one; or, where the input has few channels, by columns.
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
        pack_panels(g, 1, s.outChannels, packed, [&](int64_t ty, int64_t tx) {
          return filter + ((firstY - ty * s.strideHeight) * s.filterWidth + firstX - tx * s.strideWidth) *
                              s.inChannels * s.outChannels;
        });
      });
    }
}

void input_gradient_by_phases(const ConvShape& s, const float* dy, const float* filter, float* dx) {
  each_phase(s, [&](const Grid& g, auto&& pack) {
    float* packed = srmcmc::scratch(0, static_cast<size_t>(packed_size(g)));
    pack(filter, packed);
    multiply_grid(g, dy, packed, dx, Epilogue{});
  });
}

/// to[i] += from[i] for the part of [at, at + n) that lies inside [0, size).
INLINE void add_inside(float* to, int64_t size, const float* from, int64_t at, int64_t n) {
  int64_t i = larger(0, -at);
  const int64_t end = smaller(n, size - at);
  for (; i + L <= end; i += L) store(to + at + i, load(to + at + i) + load(from + i));
  for (; i < end; ++i) to[at + i] += from[i];
}

/// Copies n groups of fewer than L floats; the vector that copies a group writes past it, up to L floats too far.
void gather_short(const float* from, int64_t fromStep, float* to, int64_t toStep, int64_t n) {
  for (int64_t i = 0; i < n; ++i, from += fromStep, to += toStep) store(to, load(from));
}

// Few input channels would leave most of a panel empty: instead all taps of one output position are columns of
// one product, and each position's columns are added to the pixels they came from.
struct Columns {
  int64_t count, panels, width;
  int64_t packedSize;
  int64_t productSize, workSize;  // products [position][tap][channel] of a row, and with them one tap's plane
};

Columns columns_of(const ConvShape& s) {
  Columns c{};
  c.count = static_cast<int64_t>(s.filterHeight) * s.filterWidth * s.inChannels;
  c.panels = panels_of(c.count);
  c.width = c.panels * PANEL;
  c.packedSize = c.width * s.outChannels;
  c.productSize = static_cast<int64_t>(s.outWidth) * c.width + L;
  c.workSize = c.productSize + static_cast<int64_t>(s.outWidth) * s.inChannels + L;
  return c;
}

void pack_columns(const ConvShape& s, const Columns& c, const float* filter, float* packed) {
  for (int64_t panel = 0; panel < c.panels; ++panel)
    for (int64_t k = 0; k < s.outChannels; ++k)
      for (int64_t column = 0; column < PANEL; ++column) {
        const int64_t n = panel * PANEL + column;
        packed[(panel * s.outChannels + k) * PANEL + column] = n < c.count ? filter[n * s.outChannels + k] : 0.f;
      }
}

/// One image's gradient; `work` holds workSize floats.
void image_gradient_by_columns(const ConvShape& s, const Columns& c, const float* dy, const float* packed, float* dx,
                               float* work) {
  const int64_t channels = s.inChannels, inRow = static_cast<int64_t>(s.inWidth) * channels;
  float* products = work;
  float* plane = work + c.productSize;
  memset(dx, 0, static_cast<size_t>(s.inHeight * inRow) * 4);
  const Epilogue none{};
  Tile t{};
  t.aRow = s.outChannels;
  t.count1 = t.count2 = 1;
  t.length = s.outChannels;
  t.outRow = c.width;
  t.first = t.last = true;
  t.epilogue = &none;
  for (int64_t oy = 0; oy < s.outHeight; ++oy) {
    const float* row = dy + oy * s.outWidth * s.outChannels;
    for (int64_t panel = 0; panel < c.panels; ++panel) {
      t.b = packed + panel * s.outChannels * PANEL;
      t.columns = c.count - panel * PANEL <= L ? L : PANEL;
      const int64_t tiles = divide_up(s.outWidth, ROWS);  // of nearly equal heights
      for (int64_t tile = 0; tile < tiles; ++tile) {
        const int64_t ox = tile * s.outWidth / tiles, end = (tile + 1) * s.outWidth / tiles;
        t.a = row + ox * s.outChannels;
        t.out = products + ox * c.width + panel * PANEL;
        run_tile(t, static_cast<int>(end - ox), false);
      }
    }
    for (int64_t tap = 0; tap < static_cast<int64_t>(s.filterHeight) * s.filterWidth; ++tap) {
      const int64_t iy = oy * s.strideHeight - s.padTop + tap / s.filterWidth;
      if (iy < 0 || iy >= s.inHeight) continue;
      const int64_t ix = tap % s.filterWidth - s.padLeft;
      gather_short(products + tap * channels, c.width, plane, channels, s.outWidth);
      float* to = dx + iy * inRow;
      if (s.strideWidth == 1)
        add_inside(to, inRow, plane, ix * channels, s.outWidth * channels);
      else
        for (int64_t ox = 0; ox < s.outWidth; ++ox)
          add_inside(to, inRow, plane + ox * channels, (ix + ox * s.strideWidth) * channels, channels);
    }
  }
}

INLINE bool has_few_columns(const ConvShape& s) {
  constexpr int64_t FEW_COLUMNS = 64;
  return columns_of(s).count <= FEW_COLUMNS && s.inChannels < L;
}

void input_gradient_by_columns(const ConvShape& s, const float* dy, const float* filter, float* dx) {
  const Columns c = columns_of(s);
  float* packed = srmcmc::scratch(0, static_cast<size_t>(c.packedSize));
  pack_columns(s, c, filter, packed);
  const int slots = srmcmc::thread_count();
  float* work = srmcmc::scratch(2, static_cast<size_t>(c.workSize * slots));
  const int64_t inImage = static_cast<int64_t>(s.inHeight) * s.inWidth * s.inChannels;
  const int64_t outImage = static_cast<int64_t>(s.outHeight) * s.outWidth * s.outChannels;
  auto image = [&](int64_t n, int slot) {
    image_gradient_by_columns(s, c, dy + n * outImage, packed, dx + n * inImage, work + c.workSize * slot);
  };
  parallel(s.batch, image, slots);
}

void conv2d_input_gradient(const ConvShape& s, const float* dy, const float* filter, float* dx) {
  if (has_few_columns(s))
    input_gradient_by_columns(s, dy, filter, dx);
  else
    input_gradient_by_phases(s, dy, filter, dx);
}

}  // namespace
