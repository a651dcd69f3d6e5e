// The gradient of a convolution in its filter by minimal filtering, of two taps a step: F(4x4, 2x2) transposed
// (winograd.h). Squares of the picture and of the gradient are transformed to 25 planes, outer products of each plane
// summed over all squares, and the sums transformed to taps: 25 products do the work of 64. A filter of two taps a step
// is as many filters of two as the stride has phases.
#pragma once
#include "kernels.h"
#include "minimal_filtering.h"
#include "outer_product.h"

namespace {

using srmcmc::ConvShape;

class SquareGradient {
  static constexpr int M = 4, T = 2, P = M + T - 1, PLANES = P * P;

 public:
  int64_t sourceSize;    // a pixel of zeros, and transformed x: [plane][image][square][phase][channel]
  int64_t gradientSize;  // transformed dy, and each square's sum: [plane][panel][image][square][column]
  int64_t tasks;         // panels, and tiles of terms
  static constexpr int64_t GRAIN = 1;

  /// Whether it takes less time for a batch: fewer products by a third at least, and as many terms in their sums as
  /// outweigh the transformation of these.
  static bool suits(const Grid& g) {
    constexpr int64_t FEWEST_TERMS = 16;
    const int64_t squares = squares_of(g, M);
    return minimal_taps(g) == T && stays_near(g) && 3 * PLANES * squares < 2 * T * T * g.y.count * g.x.count &&
           g.batch * squares >= FEWEST_TERMS;
  }

  /// Of `images` images of a convolution.
  SquareGradient(const ConvShape& s, const Grid& forward, int64_t images) : shape_(s), grid_(forward) {
    squaresX_ = divide_up(s.outWidth, M);
    squares_ = squares_of(forward, M);
    rows_ = images * squares_;
    terms_ = minimal_terms(forward);
    panels_ = panels_of(s.outChannels);
    rowFloats_ = minimal_row(terms_);
    sourcePlane_ = rows_ * rowFloats_ + 16;
    gradientPlane_ = panels_ * rows_ * PANEL + 16;
    zeros_ = minimal_row(s.inChannels);
    sourceSize = zeros_ + PLANES * sourcePlane_;
    gradientSize = (PLANES + 1) * gradientPlane_;
    tiles_ = divide_up(terms_, ROWS);
    tilesATask_ = tiles_ * panels_ >= MOST_TILES * FEWEST_TASKS ? MOST_TILES : 1;
    tasks = divide_up(tiles_, tilesATask_) * panels_;
  }

  int64_t images_wanted() const { return divide_up(WANTED_TERMS, squares_); }

  void begin(float* source) const { memset(source, 0, static_cast<size_t>(zeros_) * 4); }

  void pack_source(const float* x, int64_t imageStep, int64_t first, int64_t count, float* source) const {
    float* to = source + zeros_ + first * squares_ * rowFloats_;
    for (int64_t image = 0; image < count; ++image)
      for (int64_t square = 0; square < squares_; ++square, to += rowFloats_)
        for (int64_t phase = 0; phase < phases(); ++phase)
          SquareInputs<M, T>(grid_, square / squaresX_, square % squaresX_, phase, x + image * imageStep, source)
              .transform(grid_.channels, to + phase * grid_.channels, sourcePlane_);
  }

  void pack_gradient(const float* dy, int64_t imageStep, int64_t first, int64_t count, float* gradient) const {
    const int64_t outputs = shape_.outChannels, width = shape_.outWidth;
    float* to = gradient + first * squares_ * PANEL;
    for (int64_t image = 0; image < count; ++image)
      for (int64_t square = 0; square < squares_; ++square, to += PANEL) {
        const int64_t y = square / squaresX_ * M, x = square % squaresX_ * M;
        const int64_t down = smaller(M, shape_.outHeight - y), across = smaller(M, width - x);
        const float* const from = dy + image * imageStep + (y * width + x) * outputs;
        for (int64_t c = 0; c < panels_ * PANEL; c += L) {
          const int64_t n = larger(0, smaller(L, outputs - c));
          vec values[M][M], transformed[P][P], sum{};
          each<M>([&](auto i) {
            each<M>([&](auto j) {
              values[i][j] = i < down && j < across ? load_part(from + (i * width + j) * outputs + c, n) : vec{};
              sum += values[i][j];
            });
          });
          along_both_axes<transform_output_gradient>(values, transformed);
          float* const plane = to + c / PANEL * rows_ * PANEL + c % PANEL;
          each<P>([&](auto i) {
            each<P>([&](auto j) { store(plane + (i * P + j) * gradientPlane_, transformed[i][j]); });
          });
          store(plane + PLANES * gradientPlane_, sum);
        }
      }
  }

  void add(int64_t task, const float* source, const float* gradient, float* dFilter, bool isFirst) const {
    const int64_t panel = task % panels_, firstTile = task / panels_ * tilesATask_;
    const int64_t endTile = smaller(tiles_, firstTile + tilesATask_);
    alignas(64) float sums[PLANES][MOST_TILES * ROWS][PANEL];
    multiply_planes(panel, firstTile, endTile, source, gradient, sums);
    const int64_t columns = smaller(PANEL, shape_.outChannels - panel * PANEL);
    for (int64_t k = term(firstTile); k < term(endTile); ++k)
      for (int64_t c = 0; c < columns; c += L) {
        vec products[P][P], taps[T][T];
        each<P>([&](auto i) {
          each<P>([&](auto j) { products[i][j] = load(&sums[i * P + j][k - term(firstTile)][c]); });
        });
        along_both_axes<transform_filter_gradient>(products, taps);
        add_taps(taps, k, panel * PANEL + c, smaller(L, columns - c), dFilter, isFirst);
      }
  }

  void add_bias(const float* gradient, float* dBias) const {
    for (int64_t c = 0; c < shape_.outChannels; c += L)
      add_column_sums(gradient + PLANES * gradientPlane_ + c / PANEL * rows_ * PANEL + c % PANEL, rows_, PANEL,
                      smaller(L, shape_.outChannels - c), dBias + c);
  }

 private:
  static constexpr int64_t FEWEST_TASKS = 32, MOST_TILES = 2, WANTED_TERMS = 64;

  int64_t phases() const { return grid_.y.sourceStep * grid_.x.sourceStep; }
  int64_t term(int64_t tile) const { return tile * terms_ / tiles_; }

  /// Some tiles' sums of a panel. Some rows of that stay in the first-level cache while the tiles use them.
  void multiply_planes(int64_t panel, int64_t firstTile, int64_t endTile, const float* source, const float* gradient,
                       float (*sums)[MOST_TILES * ROWS][PANEL]) const {
    constexpr int64_t MOST_ROWS = 128;
    Outer o{};
    o.count[0] = o.count[1] = 1;
    o.aStep[2] = rowFloats_;
    o.bStep[2] = o.cRow = o.columns = PANEL;
    for (int64_t plane = 0; plane < PLANES; ++plane)
      for (int64_t row = 0; row < rows_; row += MOST_ROWS) {
        o.first = row == 0;
        o.count[2] = smaller(MOST_ROWS, rows_ - row);
        o.b = gradient + plane * gradientPlane_ + (panel * rows_ + row) * PANEL;
        for (int64_t tile = firstTile; tile < endTile; ++tile) {
          o.a = source + zeros_ + plane * sourcePlane_ + row * rowFloats_ + term(tile);
          o.c = sums[plane][term(tile) - term(firstTile)];
          outer_of<2, ROW_COUNTS>(static_cast<int>(term(tile + 1) - term(tile)))(o);
        }
      }
  }

  /// The taps of one phase and channel, for n outputs.
  INLINE void add_taps(const vec (&taps)[T][T], int64_t term, int64_t output, int64_t n, float* dFilter,
                       bool isFirst) const {
    const int64_t phase = term / shape_.inChannels, channel = term % shape_.inChannels;
    each<T>([&](auto i) {
      each<T>([&](auto j) {
        const int64_t tapY = i * grid_.y.sourceStep + phase / grid_.x.sourceStep;
        const int64_t tapX = j * grid_.x.sourceStep + phase % grid_.x.sourceStep;
        float* to = dFilter + ((tapY * shape_.filterWidth + tapX) * shape_.inChannels + channel) * shape_.outChannels;
        to += output;
        store_part(to, isFirst ? taps[i][j] : load_part(to, n) + taps[i][j], n);
      });
    });
  }

  ConvShape shape_;
  Grid grid_;                             // of the convolution forward
  int64_t squaresX_, squares_;            // of an image
  int64_t rows_;                          // squares of all images, which the sums are over
  int64_t terms_, rowFloats_, panels_;    // of a row of the source, and of the gradient
  int64_t sourcePlane_, gradientPlane_, zeros_;
  int64_t tiles_, tilesATask_;            // of nearly equal heights, over the terms
};

}  // namespace
