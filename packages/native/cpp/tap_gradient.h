// The gradient of a convolution in its filter by direct sums: for each tap, of outer products over pixels. The operands
// of a block of images are packed first, images innermost, so that the sums run along memory whatever the stride.
#pragma once
#include <utility>

#include "grid.h"
#include "outer_product.h"

namespace {

using srmcmc::ConvShape;

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

/// Those output positions in [first, end) whose source at distance `to` lies inside the picture.
INLINE TapRange outputs_inside(int64_t to, int64_t stride, int64_t inSize, int64_t first, int64_t end) {
  const int64_t from = to >= 0 ? 0 : divide_up(-to, stride);
  const int64_t until = to >= inSize ? 0 : divide_up(inSize - to, stride);
  return {larger(first, from), smaller(end, until)};
}

class TapGradient {
 public:
  int64_t sourceSize;    // packed x: [row tile][pixel][image][row]
  int64_t gradientSize;  // packed dy: [panel][pixel][image][column]
  int64_t tasks;         // panels, and their rows of taps
  static constexpr int64_t GRAIN = 8;

  TapGradient(const ConvShape& s, int64_t images)
      : shape_(s),
        images_(images),
        inPixels_(int64_t{s.inHeight} * s.inWidth),
        outPixels_(int64_t{s.outHeight} * s.outWidth) {
    const bool fewRows = s.inChannels <= FEW_ROWS && s.outChannels > PANEL;
    rowTiles_ = divide_up(s.inChannels, fewRows ? FEW_ROWS : ROWS);
    panelWidth_ = (fewRows ? MOST_VECTORS : 2) * L;
    panels_ = divide_up(s.outChannels, panelWidth_);
    sourceSize = inPixels_ * images * s.inChannels;
    gradientSize = outPixels_ * images * panels_ * panelWidth_;
    tapParts_ = smaller(s.filterHeight, divide_up(32, panels_));
    tasks = panels_ * tapParts_;
  }

  int64_t images_wanted() const { return 1; }

  void begin(float*) const {}

  void pack_source(const float* x, int64_t imageStep, int64_t first, int64_t count, float* packed) const {
    constexpr int64_t PIXELS = 64;  // that all tiles read while they are in the cache
    const int64_t channels = shape_.inChannels;
    for (int64_t pixel = 0; pixel < inPixels_; pixel += PIXELS)
      for (int64_t tile = 0; tile < rowTiles_; ++tile) {
        const int64_t begin = row(tile), rows = row(tile + 1) - begin;
        float* to = packed + begin * inPixels_ * images_ + (pixel * images_ + first) * rows;
        pack_rows_of<ROW_COUNTS>(static_cast<int>(rows))(x + pixel * channels + begin, channels, imageStep,
                                                         smaller(PIXELS, inPixels_ - pixel), count, to,
                                                         images_ * rows);
      }
  }

  void pack_gradient(const float* dy, int64_t imageStep, int64_t first, int64_t count, float* packed) const {
    const int64_t channels = shape_.outChannels, width = panelWidth_;
    for (int64_t panel = 0; panel < panels_; ++panel) {
      const int64_t columns = smaller(width, channels - panel * width);
      float* to = packed + (panel * outPixels_ * images_ + first) * width;
      for (int64_t pixel = 0; pixel < outPixels_; ++pixel, to += images_ * width)
        for (int64_t image = 0; image < count; ++image) {
          const float* from = dy + image * imageStep + pixel * channels + panel * width;
          for (int64_t c = 0; c < width; c += L)
            store(to + image * width + c,
                  c + L <= columns ? load(from + c) : load_some(from + c, larger(0, columns - c)));
        }
    }
  }

  /// A piece of the panel stays in the first-level cache while all those taps use it.
  void add(int64_t task, const float* source, const float* gradient, float* dFilter, bool isFirst) const {
    constexpr int64_t TERMS = 288;
    const ConvShape& s = shape_;
    const int64_t panel = task / tapParts_, part = task % tapParts_;
    const int64_t firstTapY = part * s.filterHeight / tapParts_, endTapY = (part + 1) * s.filterHeight / tapParts_;
    if (isFirst) clear(panel, firstTapY * s.filterWidth, endTapY * s.filterWidth, dFilter);
    const int64_t across = divide_up(s.outWidth, divide_up(s.outWidth, larger(1, TERMS / images_)));
    const int64_t down = across < s.outWidth ? 1 : larger(1, TERMS / (images_ * s.outWidth));
    for (int64_t y = 0; y < s.outHeight; y += down)
      for (int64_t x = 0; x < s.outWidth; x += across)
        for (int64_t tapY = firstTapY; tapY < endTapY; ++tapY)
          for (int64_t tapX = 0; tapX < s.filterWidth; ++tapX) {
            const int64_t toY = tapY * s.dilationHeight - s.padTop, toX = tapX * s.dilationWidth - s.padLeft;
            const TapRange rows = outputs_inside(toY, s.strideHeight, s.inHeight, y, smaller(s.outHeight, y + down));
            const TapRange columns = outputs_inside(toX, s.strideWidth, s.inWidth, x, smaller(s.outWidth, x + across));
            if (rows.first < rows.end && columns.first < columns.end)
              add_tap(panel, tapY * s.filterWidth + tapX, rows, columns, toY, toX, source, gradient, dFilter);
          }
  }

  void add_bias(const float* gradient, float* dBias) const {
    const int64_t count = outPixels_ * images_;
    for (int64_t c = 0; c < shape_.outChannels; c += L) {
      const float* column = gradient + c / panelWidth_ * count * panelWidth_ + c % panelWidth_;
      add_column_sums(column, count, panelWidth_, smaller(L, shape_.outChannels - c), dBias + c);
    }
  }

 private:
  int64_t row(int64_t tile) const { return tile * shape_.inChannels / rowTiles_; }

  void clear(int64_t panel, int64_t firstTap, int64_t endTap, float* dFilter) const {
    const int64_t co = shape_.outChannels, columns = smaller(panelWidth_, co - panel * panelWidth_);
    for (int64_t i = firstTap * shape_.inChannels; i < endTap * shape_.inChannels; ++i)
      memset(dFilter + i * co + panel * panelWidth_, 0, static_cast<size_t>(columns) * 4);
  }

  /// What a panel gives at one tap, over a rectangle of output positions. Position (y, x) reads the source at
  /// (y strideHeight + toY, x strideWidth + toX).
  INLINE void add_tap(int64_t panel, int64_t tap, TapRange rows, TapRange columns, int64_t toY, int64_t toX,
                      const float* source, const float* gradient, float* dFilter) const {
    const ConvShape& s = shape_;
    const int64_t width = panelWidth_, co = s.outChannels;
    const int64_t sourcePixel = (rows.first * s.strideHeight + toY) * s.inWidth + columns.first * s.strideWidth + toX;
    Outer o{};
    o.b = gradient + (panel * outPixels_ + rows.first * s.outWidth + columns.first) * images_ * width;
    o.cRow = co;
    o.columns = static_cast<int>(smaller(width, co - panel * width));
    const int64_t vectors = divide_up(o.columns, L);
    for (int64_t tile = 0; tile < rowTiles_; ++tile) {
      const int64_t begin = row(tile), height = row(tile + 1) - begin;
      struct {
        int64_t count, a, b;
      } level[3] = {{rows.end - rows.first, s.strideHeight * s.inWidth * images_ * height, s.outWidth * images_ * width},
                    {columns.end - columns.first, s.strideWidth * images_ * height, images_ * width},
                    {images_, height, width}};
      if (level[2].count < level[1].count) std::swap(level[1], level[2]);
      for (int i = 0; i < 3; ++i) {
        o.count[i] = level[i].count;
        o.aStep[i] = level[i].a;
        o.bStep[i] = level[i].b;
      }
      o.a = source + (begin * inPixels_ + sourcePixel * height) * images_;
      o.c = dFilter + (tap * s.inChannels + begin) * co + panel * width;
      const int r = static_cast<int>(height);
      (vectors == 1   ? outer_of<1, ROW_COUNTS>(r)
       : vectors == 2 ? outer_of<2, ROW_COUNTS>(r)
       : vectors == 3 ? outer_of<3, FEW_ROW_COUNTS>(r)
                      : outer_of<4, FEW_ROW_COUNTS>(r))(o);
    }
  }

  ConvShape shape_;
  int64_t images_, inPixels_, outPixels_;
  int64_t rowTiles_;             // of nearly equal heights, over the input channels
  int64_t panels_, panelWidth_;  // over the output channels
  int64_t tapParts_;
};

}  // namespace
