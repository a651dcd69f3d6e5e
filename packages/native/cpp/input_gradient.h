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

// Few input channels would leave most of a panel empty: instead all taps of one output position are columns of one
// product, and a pixel sums what the taps that reach it gave. The products of a few rows wait in a ring.
struct Columns {
  int64_t count, panels, width;
  int64_t packedSize;
  int64_t first, positions;  // of a row of products: all that pixels may ask for, zeros where there is no output
  int64_t rows, rowSize;     // of the ring
  int64_t workSize;
};

INLINE int64_t divide_down(int64_t a, int64_t b) { return a >= 0 ? a / b : -divide_up(-a, b); }

Columns columns_of(const ConvShape& s) {
  Columns c{};
  c.count = static_cast<int64_t>(s.filterHeight) * s.filterWidth * s.inChannels;
  c.panels = panels_of(c.count);
  c.width = c.panels * PANEL;
  c.packedSize = c.width * s.outChannels;
  c.first = divide_down(static_cast<int64_t>(s.padLeft) - s.filterWidth + 1, s.strideWidth);
  c.positions = divide_down(static_cast<int64_t>(s.inWidth) - 1 + s.padLeft, s.strideWidth) - c.first + 1;
  c.rows = (s.filterHeight - 1) / s.strideHeight + 1;
  c.rowSize = c.positions * c.width;
  c.workSize = c.rows * c.rowSize + L;
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

/// The products of one row of outputs with all taps. The next row may have to come from memory, or the next image.
void multiply_columns(const ConvShape& s, const Columns& c, const float* row, const float* packed, float* products) {
  const Epilogue none{};
  Tile t{};
  t.aRow = s.outChannels;
  t.count1 = t.count2 = 1;
  t.length = s.outChannels;
  t.outRow = c.width;
  t.first = t.last = true;
  t.epilogue = &none;
  const int64_t begin = larger(0, c.first), end = smaller(s.outWidth, c.first + c.positions);
  const int64_t tiles = divide_up(larger(0, end - begin), ROWS);  // of nearly equal heights
  const int64_t rowFloats = static_cast<int64_t>(s.outWidth) * s.outChannels;
  Ahead ahead(row + rowFloats, rowFloats * 4, tiles * c.panels);
  for (int64_t panel = 0; panel < c.panels; ++panel) {
    t.b = packed + panel * s.outChannels * PANEL;
    t.columns = c.count - panel * PANEL <= L ? L : PANEL;
    for (int64_t tile = 0; tile < tiles; ++tile) {
      ahead.fetch_slice();
      const int64_t ox = begin + tile * (end - begin) / tiles, next = begin + (tile + 1) * (end - begin) / tiles;
      t.a = row + ox * s.outChannels;
      t.out = products + (ox - c.first) * c.width + panel * PANEL;
      run_tile(t, static_cast<int>(next - ox), false);
    }
  }
}

constexpr int64_t FEW_COLUMNS = 64;

/// Where in the ring the terms of a pixel lie; those of the next pixel are one position on.
struct Terms {
  const float* at[FEW_COLUMNS];
  int count;
};

/// Sums the C channels of `pixels` pixels, toStep apart. Reads up to 3 floats past a term.
template <int C>
void sum_terms(const Terms& terms, int64_t step, int64_t pixels, float* to, int64_t toStep) {
  typedef float four __attribute__((vector_size(16)));
  typedef float loose_four __attribute__((vector_size(16), aligned(4), may_alias));
  constexpr int FOURS = (C + 3) / 4, TOGETHER = FOURS == 1 ? 4 : 1;
  const auto some = [&](auto together, int64_t pixel) {
    constexpr int N = together;
    four sum[N][FOURS]{};
    for (int term = 0; term < terms.count; ++term) {
      const float* from = terms.at[term] + pixel * step;
      each<N>([&](auto i) {
        each<FOURS>([&](auto f) { sum[i][f] += *reinterpret_cast<const loose_four*>(from + i * step + 4 * f); });
      });
    }
    each<N>([&](auto i) { memcpy(to + (pixel + i) * toStep, sum[i], C * 4); });
  };
  int64_t pixel = 0;
  for (; pixel + TOGETHER <= pixels; pixel += TOGETHER) some(Constant<TOGETHER>{}, pixel);
  for (; pixel < pixels; ++pixel) some(Constant<1>{}, pixel);
}

using SumFunction = void (*)(const Terms&, int64_t, int64_t, float*, int64_t);
template <int... C>
SumFunction sum_terms_of(int channels) {
  static constexpr SumFunction table[] = {sum_terms<C>...};
  return table[channels - 1];
}
#if LANES == 16
#define FEW_CHANNELS 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
#elif LANES == 8
#define FEW_CHANNELS 1, 2, 3, 4, 5, 6, 7
#else
#define FEW_CHANNELS 1, 2, 3
#endif

/// One image's gradient; `work` holds workSize floats.
void image_gradient_by_columns(const ConvShape& s, const Columns& c, const float* dy, const float* packed, float* dx,
                               float* work) {
  const int64_t channels = s.inChannels;
  const SumFunction sum = sum_terms_of<FEW_CHANNELS>(s.inChannels);
  memset(work, 0, static_cast<size_t>(c.workSize) * 4);
  // The pixels that a column of taps reaches are one phase of the stride, the first of them at this position.
  int64_t phaseOf[FEW_COLUMNS], firstOf[FEW_COLUMNS];
  for (int64_t tapX = 0; tapX < s.filterWidth; ++tapX) {
    const int64_t to = tapX - s.padLeft;
    firstOf[tapX] = -divide_down(to, s.strideWidth);
    phaseOf[tapX] = to + firstOf[tapX] * s.strideWidth;
  }
  int64_t made = 0;  // rows of products
  for (int64_t iy = 0; iy < s.inHeight; ++iy) {
    for (; made < s.outHeight && made * s.strideHeight <= iy + s.padTop; ++made)
      multiply_columns(s, c, dy + made * s.outWidth * s.outChannels, packed, work + made % c.rows * c.rowSize);
    for (int64_t phase = 0; phase < smaller(s.strideWidth, s.inWidth); ++phase) {
      Terms terms;
      terms.count = 0;
      for (int64_t tapY = 0; tapY < s.filterHeight; ++tapY) {
        const int64_t toY = iy + s.padTop - tapY, oy = toY / s.strideHeight;
        if (toY < 0 || oy * s.strideHeight != toY || oy >= s.outHeight) continue;
        const float* row = work + oy % c.rows * c.rowSize + tapY * s.filterWidth * channels;
        for (int64_t tapX = 0; tapX < s.filterWidth; ++tapX)
          if (phaseOf[tapX] == phase)
            terms.at[terms.count++] = row + (firstOf[tapX] - c.first) * c.width + tapX * channels;
      }
      sum(terms, c.width, divide_up(s.inWidth - phase, s.strideWidth), dx + (iy * s.inWidth + phase) * channels,
          s.strideWidth * channels);
    }
  }
}

INLINE bool has_few_columns(const ConvShape& s) {
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
