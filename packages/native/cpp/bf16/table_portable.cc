#define LANES 4
#include "engine_emulated.h"
#include "table.h"

namespace srmcmc {
const Bf16Kernels* portable_bf16_kernels() {
  static constexpr Bf16Kernels kernels = bf16_table("portable");
  return &kernels;
}
}  // namespace srmcmc
