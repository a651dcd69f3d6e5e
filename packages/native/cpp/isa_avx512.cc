#define LANES 16
#include "all_kernels.h"

namespace srmcmc {
const Kernels* avx512_kernels() {
  static constexpr Kernels kernels = table("avx512");
  return &kernels;
}
}  // namespace srmcmc
