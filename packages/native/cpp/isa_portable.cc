#define LANES 4
#include "all_kernels.h"

namespace srmcmc {
const Kernels* portable_kernels() {
  static constexpr Kernels kernels = table("portable");
  return &kernels;
}
}  // namespace srmcmc
