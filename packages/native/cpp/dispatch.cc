// Chooses the instruction set once, from what the processor has and what SRMCMC_ISA allows.
#include <cstdlib>
#include <cstring>

#include "kernels.h"

namespace srmcmc {

static const Kernels* choose() {
  const char* wanted = std::getenv("SRMCMC_ISA");
  int ceiling = 2;
  if (wanted && !std::strcmp(wanted, "portable")) ceiling = 0;
  if (wanted && !std::strcmp(wanted, "avx2")) ceiling = 1;
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
  if (ceiling >= 2 && avx2 && avx512) return avx512_kernels();
  if (ceiling >= 1 && avx2) return avx2_kernels();
#endif
  (void)ceiling;
  return portable_kernels();
}

const Kernels& kernels() {
  static const Kernels* chosen = choose();
  return *chosen;
}

}  // namespace srmcmc
