#define LANES 8
#include "all_kernels.h"

namespace srmcmc {
const Kernels* avx2_kernels() {
  static constexpr Kernels kernels = table("avx2");
  return &kernels;
}
}  // namespace srmcmc
