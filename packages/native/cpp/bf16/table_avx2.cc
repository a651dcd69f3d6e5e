#define LANES 8
#include "engine_emulated.h"
#include "table.h"

namespace srmcmc {
const Bf16Kernels* avx2_bf16_kernels() {
  static constexpr Bf16Kernels kernels = bf16_table("avx2");
  return &kernels;
}
}  // namespace srmcmc
