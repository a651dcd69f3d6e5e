// Compilers before GCC 11 do not know the instructions.
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 11
#pragma GCC target("avx512bf16,amx-tile,amx-bf16")
#define CONVERTS_TO_BF16
#endif
#include "bf16_kernels.h"

#if defined(CONVERTS_TO_BF16)
#define LANES 16
#include "engine_amx.h"
#include "table.h"

namespace srmcmc {
const Bf16Kernels* amx_bf16_kernels() {
  static constexpr Bf16Kernels kernels = bf16_table("amx");
  return &kernels;
}
}  // namespace srmcmc
#else
namespace srmcmc {
const Bf16Kernels* amx_bf16_kernels() { return nullptr; }
}  // namespace srmcmc
#endif
