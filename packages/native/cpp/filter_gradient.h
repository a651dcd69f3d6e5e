// The gradient of a convolution in its filter: for each tap, a sum of outer products over pixels. The operands of a
// block of images are packed first, images innermost, so that the sums run along memory whatever the stride.
#pragma once
#include <utility>

#include "convolution.h"

namespace {

/// c[row][column] += sum over i < count[0], j < count[1], k < count[2] of a[.. + row] * b[.. + column].
struct Outer {
  const float *a, *b;
  int64_t count[3], aStep[3], bStep[3];
  float* c;
  int64_t cRow;
  int columns;
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
  if (o.columns == V * L)
    return each<R>([&](auto r) {
      each<V>([&](auto v) {
        float* c = o.c + r * o.cRow + v * L;
        store(c, load(c) + sum[r][v]);
      });
    });
  float edge[R * V * L];
  each<R>([&](auto r) { each<V>([&](auto v) { store(edge + (r * V + v) * L, sum[r][v]); }); });
  for (int r = 0; r < R; ++r)
    for (int c = 0; c < o.columns; ++c) o.c[r * o.cRow + c] += edge[r * V * L + c];
}

using OuterFunction = void (*)(const Outer&);
template <int V, int... R>
OuterFunction outer_of(int rows) {
  static constexpr OuterFunction table[] = {outer_tile<R, V>...};
  return table[rows - 1];
}

/// Copies R floats of each image at each of `pixels` places.
template <int R>
void pack_rows(const float* from, int64_t pixelStep, int64_t imageStep, int64_t pixels, int64_t images, float* to,
               int64_t toPixelStep) {
  for (int64_t pixel = 0; pixel < pixels; ++pixel, from += pixelStep, to += toPixelStep)
    for (int64_t image = 0; image < images; ++image) memcpy(to + image * R, from + image * imageStep, R * 4);
}
using PackFunction = void (*)(const float*, int64_t, int64_t, int64_t, int64_t, float*, int64_t);
template <int... R>
PackFunction pack_rows_of(int rows) {
  static constexpr PackFunction table[] = {pack_rows<R>...};
  return table[rows - 1];
}

// Few input channels would leave most of a tile's rows empty: such tiles have half the rows and twice the columns.
constexpr int FEW_ROWS = ROWS / 2, MOST_VECTORS = 4;
#if LANES == 16
#define FEW_ROW_COUNTS 1, 2, 3, 4, 5, 6
#else
#define FEW_ROW_COUNTS 1, 2, 3
#endif

/// How the filter gradient of a block of images is computed. Its sums have the same terms in the same order on any
/// number of threads.
struct FilterGradient {
  ConvShape shape;
  int64_t images;
  int64_t inPixels, outPixels;
  int64_t rowTiles;            // of nearly equal heights, over the input channels
  int64_t panels, panelWidth;  // over the output channels
  int64_t sourceSize;          // packed x: [row tile][pixel][image][row]
  int64_t gradientSize;        // packed dy: [panel][pixel][image][column]
  int64_t tapParts, tasks;     // rows of taps are shared out, and panels

  int64_t row(int64_t tile) const { return tile * shape.inChannels / rowTiles; }
};

FilterGradient filter_gradient_of(const ConvShape& s, int64_t images) {
  FilterGradient g{};
  g.shape = s;
  g.images = images;
  g.inPixels = static_cast<int64_t>(s.inHeight) * s.inWidth;
  g.outPixels = static_cast<int64_t>(s.outHeight) * s.outWidth;
  const bool fewRows = s.inChannels <= FEW_ROWS && s.outChannels > PANEL;
  g.rowTiles = divide_up(s.inChannels, fewRows ? FEW_ROWS : ROWS);
  g.panelWidth = (fewRows ? MOST_VECTORS : 2) * L;
  g.panels = divide_up(s.outChannels, g.panelWidth);
  g.sourceSize = g.inPixels * images * s.inChannels;
  g.gradientSize = g.outPixels * images * g.panels * g.panelWidth;
  g.tapParts = smaller(s.filterHeight, divide_up(32, g.panels));
  g.tasks = g.panels * g.tapParts;
  return g;
}

/// Packs `count` images x, imageStep apart, as images `first` and on of the block.
void pack_source(const FilterGradient& g, const float* x, int64_t imageStep, int64_t first, int64_t count,
                 float* packed) {
  constexpr int64_t PIXELS = 64;  // that all tiles read while they are in the cache
  const int64_t channels = g.shape.inChannels;
  for (int64_t pixel = 0; pixel < g.inPixels; pixel += PIXELS)
    for (int64_t tile = 0; tile < g.rowTiles; ++tile) {
      const int64_t row = g.row(tile), rows = g.row(tile + 1) - row;
      float* to = packed + row * g.inPixels * g.images + (pixel * g.images + first) * rows;
      pack_rows_of<ROW_COUNTS>(static_cast<int>(rows))(x + pixel * channels + row, channels, imageStep,
                                                       smaller(PIXELS, g.inPixels - pixel), count, to,
                                                       g.images * rows);
    }
}

/// Likewise the gradients dy in the convolution's output.
void pack_gradient(const FilterGradient& g, const float* dy, int64_t imageStep, int64_t first, int64_t count,
                   float* packed) {
  const int64_t channels = g.shape.outChannels, width = g.panelWidth;
  for (int64_t panel = 0; panel < g.panels; ++panel) {
    const int64_t columns = smaller(width, channels - panel * width);
    float* to = packed + (panel * g.outPixels * g.images + first) * width;
    for (int64_t pixel = 0; pixel < g.outPixels; ++pixel, to += g.images * width)
      for (int64_t image = 0; image < count; ++image) {
        const float* from = dy + image * imageStep + pixel * channels + panel * width;
        for (int64_t c = 0; c < width; c += L)
          store(to + image * width + c,
                c + L <= columns ? load(from + c) : load_some(from + c, larger(0, columns - c)));
      }
  }
}

/// Those output positions in [first, end) whose source at distance `to` lies inside the picture.
INLINE TapRange outputs_inside(int64_t to, int64_t stride, int64_t inSize, int64_t first, int64_t end) {
  const int64_t from = to >= 0 ? 0 : divide_up(-to, stride);
  const int64_t until = to >= inSize ? 0 : divide_up(inSize - to, stride);
  return {larger(first, from), smaller(end, until)};
}

/// Adds to dFilter what a panel of output channels gives at one tap, over a rectangle of output positions. Position
/// (y, x) reads the source at (y strideHeight + toY, x strideWidth + toX).
INLINE void add_tap(const FilterGradient& g, int64_t panel, int64_t tap, TapRange rows, TapRange columns, int64_t toY,
                    int64_t toX, const float* source, const float* gradient, float* dFilter) {
  const ConvShape& s = g.shape;
  const int64_t width = g.panelWidth, co = s.outChannels;
  const int64_t sourcePixel = (rows.first * s.strideHeight + toY) * s.inWidth + columns.first * s.strideWidth + toX;
  Outer o;
  o.b = gradient + (panel * g.outPixels + rows.first * s.outWidth + columns.first) * g.images * width;
  o.cRow = co;
  o.columns = static_cast<int>(smaller(width, co - panel * width));
  const int64_t vectors = divide_up(o.columns, L);
  for (int64_t tile = 0; tile < g.rowTiles; ++tile) {
    const int64_t row = g.row(tile), height = g.row(tile + 1) - row;
    struct {
      int64_t count, a, b;
    } level[3] = {{rows.end - rows.first, s.strideHeight * s.inWidth * g.images * height, s.outWidth * g.images * width},
                  {columns.end - columns.first, s.strideWidth * g.images * height, g.images * width},
                  {g.images, height, width}};
    if (level[2].count < level[1].count) std::swap(level[1], level[2]);
    for (int i = 0; i < 3; ++i) {
      o.count[i] = level[i].count;
      o.aStep[i] = level[i].a;
      o.bStep[i] = level[i].b;
    }
    o.a = source + (row * g.inPixels + sourcePixel * height) * g.images;
    o.c = dFilter + (tap * s.inChannels + row) * co + panel * width;
    const int r = static_cast<int>(height);
    (vectors == 1   ? outer_of<1, ROW_COUNTS>(r)
     : vectors == 2 ? outer_of<2, ROW_COUNTS>(r)
     : vectors == 3 ? outer_of<3, FEW_ROW_COUNTS>(r)
                    : outer_of<4, FEW_ROW_COUNTS>(r))(o);
  }
}

/// Adds task `task`, a panel of output channels and some rows of taps, to dFilter. A piece of the panel stays in the
/// first-level cache while all those taps use it.
void add_filter_gradient(const FilterGradient& g, int64_t task, const float* source, const float* gradient,
                         float* dFilter) {
  constexpr int64_t TERMS = 288;
  const ConvShape& s = g.shape;
  const int64_t panel = task / g.tapParts, part = task % g.tapParts;
  const int64_t across = divide_up(s.outWidth, divide_up(s.outWidth, larger(1, TERMS / g.images)));
  const int64_t down = across < s.outWidth ? 1 : larger(1, TERMS / (g.images * s.outWidth));
  for (int64_t y = 0; y < s.outHeight; y += down)
    for (int64_t x = 0; x < s.outWidth; x += across)
      for (int64_t tapY = part * s.filterHeight / g.tapParts; tapY < (part + 1) * s.filterHeight / g.tapParts; ++tapY)
        for (int64_t tapX = 0; tapX < s.filterWidth; ++tapX) {
          const int64_t toY = tapY * s.dilationHeight - s.padTop, toX = tapX * s.dilationWidth - s.padLeft;
          const TapRange rows = outputs_inside(toY, s.strideHeight, s.inHeight, y, smaller(s.outHeight, y + down));
          const TapRange columns = outputs_inside(toX, s.strideWidth, s.inWidth, x, smaller(s.outWidth, x + across));
          if (rows.first < rows.end && columns.first < columns.end)
            add_tap(g, panel, tapY * s.filterWidth + tapX, rows, columns, toY, toX, source, gradient, dFilter);
        }
}

/// Adds the sums of dy over pixels and images to dBias.
void add_bias_gradient(const FilterGradient& g, const float* gradient, float* dBias) {
  const int64_t count = g.outPixels * g.images;
  for (int64_t panel = 0; panel < g.panels; ++panel)
    for (int64_t c = panel * g.panelWidth; c < smaller(g.shape.outChannels, (panel + 1) * g.panelWidth); c += L) {
      const float* column = gradient + panel * count * g.panelWidth + c % g.panelWidth;
      vec total{};
      constexpr int64_t RUN = 256;  // of terms, whose sums are added to the total
      for (int64_t i = 0; i < count; i += RUN) {
        vec sum{};
        for (int64_t k = i; k < smaller(count, i + RUN); ++k) sum += load(column + k * g.panelWidth);
        total += sum;
      }
      const int64_t n = smaller(L, g.shape.outChannels - c);
      store_some(dBias + c, load_some(dBias + c, n) + total, n);
    }
}

/// Images of a block: as many as take the memory of the gradients themselves, or a little if those are small.
INLINE int64_t images_a_block(int64_t images, int64_t floatsAnImage, int64_t floatsOfGradients) {
  constexpr int64_t LEAST_FLOATS = int64_t{6} << 18, FEWEST = 4, MOST = 256;
  const int64_t wanted = larger(LEAST_FLOATS, floatsOfGradients) / larger(1, floatsAnImage);
  const int64_t most = smaller(images, smaller(MOST, larger(FEWEST, wanted)));
  return divide_up(images, divide_up(images, most));
}

void filter_gradient_by_channels(const ConvShape& s, const float* x, const float* dy, float* dFilter) {
  const int64_t size = static_cast<int64_t>(s.filterHeight) * s.filterWidth * s.inChannels * s.outChannels;
  memset(dFilter, 0, static_cast<size_t>(size) * 4);
  if (s.batch <= 0) return;
  const FilterGradient one = filter_gradient_of(s, 1);
  const int64_t block = images_a_block(s.batch, one.sourceSize + one.gradientSize, size);
  float* source = srmcmc::scratch(0, static_cast<size_t>(one.sourceSize * block));
  float* gradient = srmcmc::scratch(2, static_cast<size_t>(one.gradientSize * block));
  const int64_t inImage = one.sourceSize, outImage = one.outPixels * s.outChannels;
  for (int64_t first = 0; first < s.batch; first += block) {
    const FilterGradient g = filter_gradient_of(s, smaller(block, s.batch - first));
    constexpr int64_t GRAIN = 8;  // images packed by one task
    auto pack = [&](int64_t index, int) {
      const int64_t image = index * GRAIN, count = smaller(GRAIN, g.images - image);
      pack_source(g, x + (first + image) * inImage, inImage, image, count, source);
      pack_gradient(g, dy + (first + image) * outImage, outImage, image, count, gradient);
    };
    parallel(divide_up(g.images, GRAIN), pack);
    auto task = [&](int64_t index, int) { add_filter_gradient(g, index, source, gradient, dFilter); };
    parallel(g.tasks, task);
  }
}

}  // namespace
