// Compilers before GCC 10 do not know the instructions.
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 10
#pragma GCC target("avx512bf16")
#define CONVERTS_TO_BF16
#endif
#include "bf16_kernels.h"

#if defined(CONVERTS_TO_BF16)
#define LANES 16
#include "engine_avx512.h"
#include "table.h"

namespace srmcmc {
const Bf16Kernels* avx512_bf16_kernels() {
  static constexpr Bf16Kernels kernels = bf16_table("avx512bf16");
  return &kernels;
}
}  // namespace srmcmc
#else
namespace srmcmc {
const Bf16Kernels* avx512_bf16_kernels() { return nullptr; }
}  // namespace srmcmc
#endif
