// The gradient in the filter of a convolution of few channels, such as a network's first: the taps of a row and their
// channels are one contiguous run of a padded picture, and so the rows of one tile. Nothing else is packed.
#pragma once
#include "filter_gradient.h"

namespace {

/// How pictures are padded, and images are shared out: by the batch alone, so that sums are the same for any threads.
struct RowGradient {
  int64_t paddedRow, paddedHeight;  // of the part of the padded picture that taps reach, in floats and rows
  int64_t rowTerms, rowTiles;       // of a row of taps, in tiles of nearly equal heights
  int64_t size;                     // of the filter
  int64_t blocks;                   // of images, each with a sum of its own
};

INLINE RowGradient row_gradient_of(const ConvShape& s) {
  constexpr int64_t MOST_BLOCKS = 32;
  RowGradient g{};
  g.rowTerms = static_cast<int64_t>(s.filterWidth) * s.inChannels;
  g.rowTiles = divide_up(g.rowTerms, ROWS);
  g.paddedRow = static_cast<int64_t>(s.outWidth - 1) * s.strideWidth * s.inChannels + g.rowTerms;
  g.paddedHeight = static_cast<int64_t>(s.outHeight - 1) * s.strideHeight +
                   static_cast<int64_t>(s.filterHeight - 1) * s.dilationHeight + 1;
  g.size = filter_size(s);
  g.blocks = smaller(s.batch, MOST_BLOCKS);
  return g;
}

/// Whether a tile of single channels would be less full than one of rows of taps. dy is read where it lies, so its
/// channels have to be whole vectors; and padding should not be most of what is read.
INLINE bool has_short_rows(const ConvShape& s) {
  const RowGradient g = row_gradient_of(s);
  return s.inChannels <= FEW_ROWS && s.filterWidth > 1 && s.dilationWidth == 1 && s.outChannels % L == 0 &&
         g.paddedHeight <= 2 * static_cast<int64_t>(s.inHeight) &&
         g.paddedRow <= 2 * static_cast<int64_t>(s.inWidth) * s.inChannels;
}

/// Copies the part of a picture that taps reach, zeros around it.
void pad_picture(const ConvShape& s, const RowGradient& g, const float* x, float* padded) {
  const int64_t inRow = static_cast<int64_t>(s.inWidth) * s.inChannels;
  const int64_t shift = static_cast<int64_t>(s.padLeft) * s.inChannels;
  const int64_t left = larger(0, smaller(shift, g.paddedRow));
  const int64_t end = larger(left, smaller(g.paddedRow, shift + inRow));
  for (int64_t y = 0; y < g.paddedHeight; ++y, padded += g.paddedRow) {
    const int64_t from = y - s.padTop;
    if (from < 0 || from >= s.inHeight) {
      memset(padded, 0, static_cast<size_t>(g.paddedRow) * 4);
      continue;
    }
    memset(padded, 0, static_cast<size_t>(left) * 4);
    memcpy(padded + left, x + from * inRow + left - shift, static_cast<size_t>(end - left) * 4);
    memset(padded + end, 0, static_cast<size_t>(g.paddedRow - end) * 4);
  }
}

/// Adds one image's gradient to dFilter. Some rows of dy stay in the first-level cache while all taps use them.
void add_image_by_rows(const ConvShape& s, const RowGradient& g, const float* padded, const float* dy,
                       float* dFilter) {
  constexpr int64_t TERMS = 288;
  const int64_t co = s.outChannels, down = larger(1, TERMS / s.outWidth);
  Outer o{};
  o.count[0] = 1;
  o.aStep[0] = o.bStep[0] = 0;
  o.aStep[1] = s.strideHeight * g.paddedRow;
  o.bStep[1] = s.outWidth * co;
  o.count[2] = s.outWidth;
  o.aStep[2] = static_cast<int64_t>(s.strideWidth) * s.inChannels;
  o.bStep[2] = co;
  o.cRow = co;
  for (int64_t y = 0; y < s.outHeight; y += down) {
    o.count[1] = smaller(down, s.outHeight - y);
    for (int64_t column = 0; column < co; column += PANEL) {
      o.columns = static_cast<int>(smaller(PANEL, co - column));
      o.b = dy + y * o.bStep[1] + column;
      for (int64_t tap = 0; tap < s.filterHeight; ++tap)
        for (int64_t tile = 0; tile < g.rowTiles; ++tile) {
          const int64_t row = tile * g.rowTerms / g.rowTiles, end = (tile + 1) * g.rowTerms / g.rowTiles;
          const int rows = static_cast<int>(end - row);
          o.a = padded + y * o.aStep[1] + tap * s.dilationHeight * g.paddedRow + row;
          o.c = dFilter + (tap * g.rowTerms + row) * co + column;
          (o.columns == L ? outer_of<1, ROW_COUNTS>(rows) : outer_of<2, ROW_COUNTS>(rows))(o);
        }
    }
  }
}

void filter_gradient_by_rows(const ConvShape& s, const float* x, const float* dy, float* dFilter) {
  const RowGradient g = row_gradient_of(s);
  const int64_t inImage = static_cast<int64_t>(s.inHeight) * s.inWidth * s.inChannels;
  const int64_t outImage = static_cast<int64_t>(s.outHeight) * s.outWidth * s.outChannels;
  const int64_t picture = divide_up(g.paddedRow * g.paddedHeight, L) * L;
  const int slots = srmcmc::thread_count();
  float* sums = srmcmc::scratch(0, static_cast<size_t>(g.size * g.blocks));
  float* pictures = srmcmc::scratch(2, static_cast<size_t>(picture * slots));
  auto block = [&](int64_t index, int slot) {
    float *sum = sums + index * g.size, *padded = pictures + slot * picture;
    memset(sum, 0, static_cast<size_t>(g.size) * 4);
    for (int64_t n = index * s.batch / g.blocks; n < (index + 1) * s.batch / g.blocks; ++n) {
      pad_picture(s, g, x + n * inImage, padded);
      add_image_by_rows(s, g, padded, dy + n * outImage, sum);
    }
  };
  parallel(g.blocks, block, slots);
  for (int64_t index = 0; index < g.blocks; ++index)
    for (int64_t i = 0; i < g.size; i += L) {  // a whole number of vectors, since the channels are
      const vec sum = load(sums + index * g.size + i);
      store(dFilter + i, index == 0 ? sum : load(dFilter + i) + sum);
    }
}

void conv2d_filter_gradient(const ConvShape& s, const float* x, const float* dy, float* dFilter) {
  if (s.batch > 0 && has_short_rows(s))
    filter_gradient_by_rows(s, x, dy, dFilter);
  else
    filter_gradient_by_channels(s, x, dy, dFilter);
}

}  // namespace
