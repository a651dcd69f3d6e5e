// Gathers the kernels of one instruction set into a table. The including file defines LANES.
#pragma once
#include "concat.h"
#include "elementwise.h"
#include "filter_gradient_by_rows.h"
#include "matmul.h"
#include "parameter_gradient.h"
#include "pooling.h"
#include "random_normal.h"
#include "reduction.h"
#include "resize.h"
#include "short_run.h"

namespace {

// Independent multiply-adds in registers: the most that the machine can do, for reporting fractions of it.
void fma_loop(int64_t tasks, int64_t iterations, float* sink) {
  auto task = [&](int64_t index, int) {
    vec sum[12];
    for (int i = 0; i < 12; ++i) sum[i] = splat(static_cast<float>(i));
    volatile float factor = 0.999f, term = 0.001f;  // a compiler that knows them finds a sum that does not change
    const vec a = splat(factor), b = splat(term);
    for (int64_t k = 0; k < iterations; ++k) {
#pragma GCC unroll 12
      for (int i = 0; i < 12; ++i) sum[i] = sum[i] * a + b;
    }
    vec total{};
    for (int i = 0; i < 12; ++i) total += sum[i];
    sink[index] = horizontal_sum(total);
  };
  parallel(tasks, task);
}

constexpr srmcmc::Kernels table(const char* name) {
  return {name, L, conv2d, conv2d_input_gradient, conv2d_filter_gradient, mat_mul, unary, binary, compare,
          select, adam, reduce, pool, resize_bilinear, concat, random<Normals>, random<Uniforms>, short_run<LangevinMove>,
          short_run<HmcMove>, value_and_gradient, parameter_gradient,
          philox_block, fma_loop};
}

}  // namespace
