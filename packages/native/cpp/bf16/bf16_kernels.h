// The table of bfloat16 kernels: products of bfloat16 numbers, summed in single precision.
#pragma once
#include <vector>

#include "../kernels.h"

namespace srmcmc {

struct Bf16Kernels {
  const char* name;
  /// Whether gradients in layers' inputs are made by minimal filtering, of differences that are rounded once more and of
  /// sums of weights that were not rounded before.
  bool minimalBackward;
  /// As those of Kernels, with operands rounded to bfloat16; of an epilogue without `stored` and `derivative`.
  void (*conv2d)(const ConvShape&, const float* x, const float* filter, float* y, const Epilogue&);
  void (*conv2dInputGradient)(const ConvShape&, const float* dy, const float* filter, float* dx);
  void (*conv2dFilterGradient)(const ConvShape&, const float* x, const float* dy, float* dFilter);
  void (*matMul)(const MatMulShape&, const float* a, const float* b, float* c, const Epilogue&);
  /// As in Kernels. Positions, gradients of f, momenta and noise are single precision; weights, activations and the
  /// gradients between layers are rounded to bfloat16, and with minimalBackward their differences.
  void (*shortRunLangevin)(const ShortRun&, const Langevin&, const float* x, const ShortRunResult&, Progress* progress);
  void (*shortRunHmc)(const ShortRun&, const Hmc&, const float* x, const ShortRunResult&, Progress* progress);
  /// f and f' at n positions x [n, event]: value [n], gradient [n, event].
  void (*valueAndGradient)(const Network&, int64_t n, const float* x, float* value, float* gradient);
  /// f at n images x, and the gradient of sum_i weights[i] f(x_i) in each layer's filter and bias: gradients
  /// [2 layers]. `progress` counts images and may be null.
  void (*parameterGradient)(const Network&, int64_t n, const float* x, const float* weights, float* value,
                            float* const* gradients, Progress* progress);
  void (*productLoop)(int64_t tasks, int64_t iterations, float* sink);  // kLoopOperations an iteration
  static constexpr int64_t kLoopOperations = 1 << 21;
};

const Bf16Kernels* portable_bf16_kernels();
#if defined(__x86_64__)
const Bf16Kernels* avx2_bf16_kernels();
/// Null where the compiler does not know the instructions.
const Bf16Kernels* avx512_bf16_kernels();
const Bf16Kernels* amx_bf16_kernels();
#endif

/// The tables that this processor and system can run, the slowest first. The portable one and avx2 widen bfloat16
/// numbers and multiply in single precision; avx512bf16 and amx have instructions for them.
std::vector<const Bf16Kernels*> supported_bf16_kernels();

/// The best of them, or the one that SRMCMC_ISA=portable|avx2|avx512|amx names.
const Bf16Kernels& bf16_kernels();

/// Whether they take less time than single precision. Intel's dot products of pairs, where they were measured, took
/// twice as long (docs/performance.md).
bool bf16_is_faster();

}  // namespace srmcmc
