// The gradient of a convolution with respect to its filter: for each tap, a sum of outer products over pixels.
#pragma once
#include "convolution.h"

namespace {

/// c[row][column] += sum over i < count[0], j < count[1], k < count[2] of a[.. + row] * b[.. + column].
struct Outer {
  const float *a, *b;
  int64_t count[3], aStep[3], bStep[3];
  float* c;
  int64_t cRow;
  int columns;
  bool first;
};

template <int R, int V>
__attribute__((noinline)) void outer_tile(const Outer& o) {
  vec sum[R][V];
  each<R>([&](auto r) { each<V>([&](auto v) { sum[r][v] = vec{}; }); });
  const int64_t aStep = o.aStep[2], bStep = o.bStep[2];
  for (int64_t i = 0; i < o.count[0]; ++i)
    for (int64_t j = 0; j < o.count[1]; ++j) {
      const float* a = o.a + i * o.aStep[0] + j * o.aStep[1];
      const float* b = o.b + i * o.bStep[0] + j * o.bStep[1];
      for (int64_t k = 0; k < o.count[2]; ++k, a += aStep, b += bStep) {
        vec column[V];
        each<V>([&](auto v) { column[v] = load(b + v * L); });
        each<R>([&](auto r) {
          const vec row = splat(a[r]);
          each<V>([&](auto v) { sum[r][v] += row * column[v]; });
        });
      }
    }
  each<R>([&](auto r) {
    each<V>([&](auto v) {
      float* c = o.c + r * o.cRow + v * L;
      const int64_t n = smaller(L, o.columns - v * L);
      if (n == L)
        store(c, o.first ? sum[r][v] : load(c) + sum[r][v]);
      else if (n > 0)
        store_some(c, o.first ? sum[r][v] : load_some(c, n) + sum[r][v], n);
    });
  });
}

using OuterFunction = void (*)(const Outer&);
template <int V, int... R>
OuterFunction outer_of(int rows) {
  static constexpr OuterFunction table[] = {outer_tile<R, V>...};
  return table[rows - 1];
}

void conv2d_filter_gradient(const ConvShape& s, const float* x, const float* dy, float* dFilter) {
  const int64_t taps = static_cast<int64_t>(s.filterHeight) * s.filterWidth;
  if (s.batch == 0) {
    memset(dFilter, 0, static_cast<size_t>(taps * s.inChannels * s.outChannels) * 4);
    return;
  }
  const int64_t ci = s.inChannels, co = s.outChannels;
  const int64_t panels = panels_of(co), rowTiles = divide_up(ci, ROWS);
  const int64_t inRow = s.inWidth * ci, inImage = inRow * s.inHeight;
  const int64_t outPixels = static_cast<int64_t>(s.outHeight) * s.outWidth, outImage = outPixels * co;

  // Images a block: its pixels are shared by all tiles of a task, so they should fit in the second-level cache,
  // and a sum over one block stays short enough for single precision.
  constexpr int64_t BLOCK_FLOATS = 256 * 1024 / 4;
  const int64_t block =
      smaller(s.batch, larger(1, smaller(BLOCK_FLOATS / larger(1, inImage / s.strideHeight + outImage),
                                         divide_up(512, larger(1, outPixels)))));
  const int64_t panelParts = smaller(panels, divide_up(32, taps));
  const int64_t panelsAPart = divide_up(panels, panelParts);

  // A last panel that is not full is copied to one that is.
  const int64_t odd = co % PANEL != 0 ? PANEL : 0;
  float* padded = srmcmc::scratch(0, static_cast<size_t>(odd * outPixels * s.batch + 1));
  if (odd) {
    const int64_t first = (panels - 1) * PANEL, columns = co - first;
    parallel_range(outPixels * s.batch, 4096, [&](int64_t begin, int64_t end) {
      for (int64_t pixel = begin; pixel < end; ++pixel)
        for (int64_t c = 0; c < PANEL; ++c)
          padded[pixel * PANEL + c] = c < columns ? dy[pixel * co + first + c] : 0.f;
    });
  }

  auto task = [&](int64_t index, int) {
    const int64_t tap = index / panelParts, part = index % panelParts;
    const Axis ay{s.outHeight, 0, 1, tap / s.filterWidth * s.dilationHeight - s.padTop, s.strideHeight, 1, 1, s.inHeight};
    const Axis ax{s.outWidth, 0, 1, tap % s.filterWidth * s.dilationWidth - s.padLeft, s.strideWidth, 1, 1, s.inWidth};
    const auto inside = [](const Axis& axis) {  // output positions whose source lies inside the picture
      const int64_t from = axis.sourceFirst >= 0 ? 0 : divide_up(-axis.sourceFirst, axis.sourceStep);
      const int64_t to = axis.sourceFirst >= axis.sourceSize
                             ? 0
                             : divide_up(axis.sourceSize - axis.sourceFirst, axis.sourceStep);
      return TapRange{smaller(from, axis.count), larger(smaller(from, axis.count), smaller(to, axis.count))};
    };
    const TapRange rows = inside(ay), columns = inside(ax);
    const int64_t sourceY = ay.sourceFirst + rows.first * ay.sourceStep;
    const int64_t sourceX = ax.sourceFirst + columns.first * ax.sourceStep;
    const bool empty = rows.first >= rows.end || columns.first >= columns.end;
    for (int64_t image = 0; image < s.batch; image += block)
      for (int64_t panel = part * panelsAPart; panel < smaller(panels, (part + 1) * panelsAPart); ++panel)
        for (int64_t tile = 0; tile < rowTiles; ++tile) {
          const int64_t row = tile * ci / rowTiles, rowEnd = (tile + 1) * ci / rowTiles;
          const bool copied = odd && panel == panels - 1;
          const int64_t pixel = copied ? PANEL : co;
          Outer o;
          o.first = image == 0;
          o.columns = static_cast<int>(smaller(PANEL, co - panel * PANEL));
          o.c = dFilter + (tap * ci + row) * co + panel * PANEL;
          o.cRow = co;
          struct {
            int64_t count, a, b;
          } level[3] = {{empty ? 0 : smaller(block, s.batch - image), inImage, outPixels * pixel},
                        {rows.end - rows.first, s.strideHeight * inRow, s.outWidth * pixel},
                        {columns.end - columns.first, s.strideWidth * ci, pixel}};
          for (int i = 0; i < 3; ++i) {
            o.count[i] = level[i].count;
            o.aStep[i] = level[i].a;
            o.bStep[i] = level[i].b;
          }
          const int64_t at = (image * s.outHeight + rows.first) * s.outWidth + columns.first;
          o.a = empty ? x : x + image * inImage + sourceY * inRow + sourceX * ci + row;
          o.b = empty ? dy : copied ? padded + at * PANEL : dy + at * co + panel * PANEL;
          const int height = static_cast<int>(rowEnd - row);
          (o.columns <= L ? outer_of<1, ROW_COUNTS>(height) : outer_of<2, ROW_COUNTS>(height))(o);
        }
  };
  parallel(taps * panelParts, task);
}

}  // namespace
