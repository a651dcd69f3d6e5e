// Chooses the instruction set once, from what the processor has and what SRMCMC_ISA allows.
#include <cstdlib>
#include <cstring>

#include "kernels.h"

namespace srmcmc {

std::vector<const Kernels*> supported_kernels() {
  std::vector<const Kernels*> tables{portable_kernels()};
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return tables;
  tables.push_back(avx2_kernels());
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
    tables.push_back(avx512_kernels());
#endif
  return tables;
}

static const Kernels* choose() {
  const std::vector<const Kernels*> tables = supported_kernels();
  if (const char* wanted = std::getenv("SRMCMC_ISA"))
    for (const Kernels* table : tables)
      if (!std::strcmp(table->name, wanted)) return table;
  return tables.back();
}

const Kernels& kernels() {
  static const Kernels* chosen = choose();
  return *chosen;
}

}  // namespace srmcmc
