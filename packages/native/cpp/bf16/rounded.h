// Products of operands that were rounded to bfloat16, by the kernels of single precision: for few images, which would
// leave most of a tile empty, and for geometries that the tiles do not know.
#pragma once
#include "../kernels.h"
#include "../parallel.h"
#include "number.h"

namespace {

using srmcmc::ConvShape;
using srmcmc::Epilogue;
using srmcmc::MatMulShape;

// The kernels of single precision use the scratch areas below these.
constexpr int LEFT_AREA = 3, RIGHT_AREA = 4;

/// A copy of n numbers, rounded, in one of the caller's scratch areas.
const float* rounded_copy(int area, const float* x, int64_t n) {
  float* to = srmcmc::scratch(area, static_cast<size_t>(n));
  constexpr int64_t GRAIN = 1 << 15;
  parallel_range(n, GRAIN, [&](int64_t begin, int64_t end) {
    for (; begin + L <= end; begin += L) store(to + begin, reinterpret_cast<vec>(nearest_halves(load(x + begin)) << 16));
    for (; begin < end; ++begin) to[begin] = widened(rounded(x[begin]));
  });
  return to;
}

void rounded_conv2d(const ConvShape& s, const float* x, const float* filter, float* y, const Epilogue& epilogue) {
  srmcmc::kernels().conv2d(s, rounded_copy(LEFT_AREA, x, input_size(s)),
                           rounded_copy(RIGHT_AREA, filter, filter_size(s)), y, epilogue);
}

void rounded_input_gradient(const ConvShape& s, const float* dy, const float* filter, float* dx) {
  srmcmc::kernels().conv2dInputGradient(s, rounded_copy(LEFT_AREA, dy, output_size(s)),
                                        rounded_copy(RIGHT_AREA, filter, filter_size(s)), dx);
}

void rounded_filter_gradient(const ConvShape& s, const float* x, const float* dy, float* dFilter) {
  srmcmc::kernels().conv2dFilterGradient(s, rounded_copy(LEFT_AREA, x, input_size(s)),
                                         rounded_copy(RIGHT_AREA, dy, output_size(s)), dFilter);
}

void rounded_mat_mul(const MatMulShape& s, const float* a, const float* b, float* c, const Epilogue& epilogue) {
  const auto size = [&](int64_t stride, int64_t one) { return stride == 0 ? one : s.batch * one; };
  srmcmc::kernels().matMul(s, rounded_copy(LEFT_AREA, a, size(s.batchStrideA, s.rows * s.inner)),
                           rounded_copy(RIGHT_AREA, b, size(s.batchStrideB, s.inner * s.columns)), c, epilogue);
}

}  // namespace
