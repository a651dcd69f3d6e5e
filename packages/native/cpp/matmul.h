// Matrix products: a convolution of 1 x 1 images, one image for each row.
#pragma once
#include "convolution.h"
#include "turned.h"

namespace {

void mat_mul(const srmcmc::MatMulShape& s, const float* a, const float* b, float* c, const Epilogue& epilogue) {
  Grid g{};
  g.y = g.x = {1, 0, 1, 0, 1, 1, 1, 1};
  g.batch = s.rows;
  g.channels = s.inner;
  g.outputs = s.columns;
  g.sourceRow = g.sourceImage = s.inner;
  g.outWidth = 1;
  g.outImage = s.columns;
  float* packed = srmcmc::scratch(0, static_cast<size_t>(packed_size(g)));
  float* turned = s.transposeA ? srmcmc::scratch(2, static_cast<size_t>(s.rows * s.inner)) : nullptr;
  for (int64_t i = 0; i < s.batch; ++i) {
    const float* left = a + i * s.batchStrideA;
    if (s.transposeA && (i == 0 || s.batchStrideA != 0)) transpose_into(left, s.inner, s.rows, turned);
    const float* right = b + i * s.batchStrideB;
    if (i == 0 || s.batchStrideB != 0)
      pack_filter(g, s.transposeB ? 1 : s.columns, s.transposeB ? s.inner : 1, packed,
                  [&](int64_t, int64_t) { return right; });
    multiply_grid(g, s.transposeA ? turned : left, packed, c + i * s.rows * s.columns, epilogue);
  }
}

}  // namespace
