// Convolutions, their gradients and matrix products of bfloat16 numbers, from and to single precision: the operands are
// rounded, the sums are not. Those of few channels are left in single precision, whose kernels these call.
#pragma once
#include "../turned.h"
#include "filter_product.h"
#include "image_product.h"
#include "pack.h"
#include "rounded.h"

namespace {

using srmcmc::MatMulShape;

/// Of fewer terms or columns most of a tile would be empty: single precision takes no longer.
INLINE bool is_in_bfloat16(int64_t terms, int64_t columns) { return terms >= BLOCK / 2 && columns >= BLOCK / 2; }

/// Few rows leave a tile empty, too, but what an image's numbers are may not depend on how many images there are.
INLINE bool fills_tiles(int64_t rows) { return rows >= CHAINS / 2; }
INLINE bool fills_tiles(const ConvShape& s) {
  return fills_tiles(s.batch) && s.dilationHeight == 1 && s.dilationWidth == 1 && s.padTop >= 0 && s.padLeft >= 0;
}

/// Memory of the calling thread for packed weights.
bf16* weights_area(int64_t size) {
  return reinterpret_cast<bf16*>(srmcmc::scratch(0, static_cast<size_t>(divide_up(size, 2))));
}

/// Bias and slopes in the caller's scratch memory, zeros after them.
Destination destination_of(float* data, int64_t channels, int64_t stride, const Epilogue& e) {
  const int64_t whole = blocks_of(channels) * BLOCK;
  float* padded = srmcmc::scratch(1, static_cast<size_t>(2 * whole));
  memset(padded, 0, static_cast<size_t>(2 * whole) * 4);
  if (e.bias) memcpy(padded, e.bias, static_cast<size_t>(channels) * 4);
  if (e.prelu) memcpy(padded + whole, e.prelu, static_cast<size_t>(channels) * 4);
  return {data, channels, stride, e.activation, e.alpha, padded, padded + whole};
}

/// rows [count, inner] of a times b, whose packed tiles are given. Rows are pixels of 16 images, and of fewer what is left.
void multiply_rows(int64_t count, int64_t inner, int64_t columns, const float* a, const bf16* b, float* c,
                   const Epilogue& epilogue) {
  const auto part = [&](int64_t first, int64_t images, int64_t width) {
    const Axis one{1, 0, 1, 0, 1, 1, 1, 0, 1};
    const Axis along{width, 0, 1, 0, 1, 1, width, 0, 1};
    const Grid grid{one,   along, blocks_of(inner), blocks_of(columns),
                    width, width, terms_of(inner),  column_tiles_of(columns)};
    multiply_images({{grid, b}}, {a + first * inner, images, width, inner, width * inner},
                    destination_of(c + first * columns, columns, width * columns, epilogue));
  };
  const int64_t width = count / CHAINS;
  if (width > 0) part(0, CHAINS, width);
  if (count % CHAINS > 0) part(width * CHAINS, count % CHAINS, 1);
}

void bf16_mat_mul(const MatMulShape& s, const float* a, const float* b, float* c, const Epilogue& epilogue) {
  if (!is_in_bfloat16(s.inner, s.columns)) return srmcmc::kernels().matMul(s, a, b, c, epilogue);
  if (!fills_tiles(s.rows)) return rounded_mat_mul(s, a, b, c, epilogue);
  bf16* packed = weights_area(blocks_of(s.inner) * blocks_of(s.columns) * 2 * TILE);
  float* turned = s.transposeA ? srmcmc::scratch(2, static_cast<size_t>(s.rows * s.inner)) : nullptr;
  for (int64_t i = 0; i < s.batch; ++i) {
    const float* left = a + i * s.batchStrideA;
    if (s.transposeA && (i == 0 || s.batchStrideA != 0)) transpose_into(left, s.inner, s.rows, turned);
    if (i == 0 || s.batchStrideB != 0)
      pack_columns({b + i * s.batchStrideB, s.transposeB ? 1 : s.columns, s.transposeB ? s.inner : 1, s.inner,
                    s.columns}, packed);
    multiply_rows(s.rows, s.inner, s.columns, s.transposeA ? turned : left, packed, c + i * s.rows * s.columns,
                  epilogue);
  }
}

/// A filter of one pixel multiplies pixels, whichever image they are of.
INLINE bool is_product_of_rows(const ConvShape& s) {
  return s.filterHeight == 1 && s.filterWidth == 1 && s.strideHeight == 1 && s.strideWidth == 1 && s.padTop == 0 &&
         s.padLeft == 0 && s.outHeight == s.inHeight && s.outWidth == s.inWidth;
}
MatMulShape rows_of(const ConvShape& s, bool gradient) {
  const int64_t rows = int64_t{s.batch} * s.inHeight * s.inWidth;
  if (gradient) return {1, rows, s.outChannels, s.inChannels, 0, 0, false, true};
  return {1, rows, s.inChannels, s.outChannels, 0, 0, false, false};
}

Images inputs_of(const ConvShape& s, const float* x) {
  return {x, s.batch, s.inWidth, s.inChannels, int64_t{s.inHeight} * s.inWidth * s.inChannels};
}
Images outputs_of(const ConvShape& s, const float* y) {
  return {y, s.batch, s.outWidth, s.outChannels, int64_t{s.outHeight} * s.outWidth * s.outChannels};
}

void bf16_conv2d(const ConvShape& s, const float* x, const float* filter, float* y, const Epilogue& epilogue) {
  if (!is_in_bfloat16(s.inChannels, s.outChannels)) return srmcmc::kernels().conv2d(s, x, filter, y, epilogue);
  if (is_product_of_rows(s)) return bf16_mat_mul(rows_of(s, false), x, filter, y, epilogue);
  if (!fills_tiles(s)) return rounded_conv2d(s, x, filter, y, epilogue);
  const Grid grid = forward_grid(s);
  bf16* packed = weights_area(grid.packedSize());
  pack_forward(s, filter, packed);
  multiply_images({{grid, packed}}, inputs_of(s, x),
                  destination_of(y, s.outChannels, outputs_of(s, y).stride, epilogue));
}

void bf16_input_gradient(const ConvShape& s, const float* dy, const float* filter, float* dx) {
  if (!is_in_bfloat16(s.outChannels, s.inChannels))
    return srmcmc::kernels().conv2dInputGradient(s, dy, filter, dx);
  if (is_product_of_rows(s)) return bf16_mat_mul(rows_of(s, true), dy, filter, dx, Epilogue{});
  if (!fills_tiles(s)) return rounded_input_gradient(s, dy, filter, dx);
  int64_t size = 0;
  each_phase(s, [&](const Grid& grid) { size += grid.packedSize(); });
  bf16* packed = weights_area(size);
  std::vector<Phase> phases;
  each_phase(s, [&](const Grid& grid) {
    pack_backward(s, grid, filter, packed);
    phases.push_back({grid, packed});
    packed += grid.packedSize();
  });
  multiply_images(phases, outputs_of(s, dy),
                  destination_of(dx, s.inChannels, inputs_of(s, dx).stride, Epilogue{}));
}

/// 32 images from `first` on, turned: two tiles a pixel and block of channels.
template <class Turn>
void turn_images(const Images& x, int64_t first, int64_t pixel, int64_t pixels, bf16* to, Turn&& turn) {
  alignas(64) bf16 tile[TILE];
  const int64_t blocks = blocks_of(x.channels);
  to += pixel * blocks * 2 * TILE;
  for (int64_t i = pixel; i < pixel + pixels; ++i)
    for (int64_t block = 0; block < blocks; ++block, to += 2 * TILE)
      for (int half = 0; half < 2; ++half) {
        for (int64_t chain = 0; chain < CHAINS; ++chain) {
          const int64_t image = first + half * CHAINS + chain, channel = block * BLOCK;
          const float* from = x.data + image * x.stride + i * x.channels + channel;
          if (image < x.count) narrow_block(from, x.channels - channel, tile + chain * BLOCK);
          else memset(tile + chain * BLOCK, 0, BLOCK * sizeof(bf16));
        }
        turn(tile, half, to);
      }
}

void bf16_filter_gradient(const ConvShape& s, const float* x, const float* dy, float* dFilter) {
  if (!is_in_bfloat16(s.inChannels, s.outChannels)) return srmcmc::kernels().conv2dFilterGradient(s, x, dy, dFilter);
  if (!fills_tiles(s)) return rounded_filter_gradient(s, x, dy, dFilter);
  memset(dFilter, 0, static_cast<size_t>(filter_size(s)) * 4);
  constexpr int64_t BLOCK_BYTES = 16 << 20, GRAIN = 16;  // of operands; pixels that a task turns
  const FilterProduct product{s};
  const int64_t sourceSize = product.sourceSize(), batch = sourceSize + product.gradientSize();
  const int64_t all = divide_up(s.batch, BATCH), most = larger(1, BLOCK_BYTES / (batch * 2));
  const int64_t block = divide_up(all, divide_up(all, most));
  bf16* operands = reinterpret_cast<bf16*>(srmcmc::scratch(LEFT_AREA, static_cast<size_t>(block * batch / 2)));
  const Images sources = inputs_of(s, x), gradients = outputs_of(s, dy);
  const int64_t inPixels = int64_t{s.inHeight} * s.inWidth, outPixels = int64_t{s.outHeight} * s.outWidth;
  const int64_t inParts = divide_up(inPixels, GRAIN), parts = inParts + divide_up(outPixels, GRAIN);
  for (int64_t first = 0; first < all; first += block) {
    const int64_t batches = smaller(block, all - first);
    auto turn = [&](int64_t task, int) {
      const int64_t i = task / parts, image = (first + i) * BATCH, part = task % parts;
      bf16* to = operands + i * batch;
      if (part < inParts)
        turn_images(sources, image, part * GRAIN, smaller(GRAIN, inPixels - part * GRAIN), to,
                    [](const bf16* tile, int half, bf16* at) { turn_to_rows(tile, BLOCK, half, at); });
      else
        turn_images(gradients, image, (part - inParts) * GRAIN, smaller(GRAIN, outPixels - (part - inParts) * GRAIN),
                    to + sourceSize, turn_to_columns);
    };
    parallel(batches * parts, turn);
    auto multiply = [&](int64_t task, int) {
      int64_t size = 0;
      const int64_t sums = take(size, 2 * TILE * 4);
      const int64_t segments = take(size, s.outHeight * static_cast<int64_t>(sizeof(Segment)));
      char* work = reinterpret_cast<char*>(srmcmc::scratch(PIECE_AREA, static_cast<size_t>(size / 4)));
      add_filter_gradient(product, task, operands, operands + sourceSize, batch, batches, at<Segment>(work, segments),
                          at<float>(work, sums), dFilter);
    };
    parallel(product.tasks(), multiply);
  }
}

}  // namespace
