// Chooses the bfloat16 kernels once, from what the processor and the system have and what SRMCMC_ISA asks for.
#include <cstdlib>
#include <cstring>

#include "bf16_kernels.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif
#if defined(__x86_64__) && defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace srmcmc {
namespace {

#if defined(__x86_64__)
struct Leaf {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
};
Leaf cpuid(unsigned leaf, unsigned subleaf) {
  Leaf l;
  if (!__get_cpuid_count(leaf, subleaf, &l.eax, &l.ebx, &l.ecx, &l.edx)) return {};
  return l;
}
bool bit(unsigned word, int i) { return word >> i & 1; }

bool has_avx512_bf16() {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") && bit(cpuid(7, 1).eax, 5);
}

/// Asks Linux to let this process use the tile registers, as it must be asked once.
bool may_use_tiles() {
#if defined(__linux__) && defined(SYS_arch_prctl)
  constexpr long REQUEST_PERMISSION = 0x1023, TILE_DATA = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  return syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0;
#else
  return false;
#endif
}

bool has_amx() {
  constexpr int AMX_BF16 = 22, AMX_TILE = 24;
  const unsigned features = cpuid(7, 0).edx;
  return has_avx512_bf16() && bit(features, AMX_BF16) && bit(features, AMX_TILE) && may_use_tiles();
}
#endif

const Bf16Kernels* choose() {
  const std::vector<const Bf16Kernels*> tables = supported_bf16_kernels();
  if (const char* wanted = std::getenv("SRMCMC_ISA")) {
    // One name for both precisions will do.
    const char* name = std::strcmp(wanted, "avx512") == 0 ? "avx512bf16" : wanted;
    for (const Bf16Kernels* table : tables)
      if (!std::strcmp(table->name, name)) return table;
  }
  return tables.back();
}

}  // namespace

std::vector<const Bf16Kernels*> supported_bf16_kernels() {
  std::vector<const Bf16Kernels*> tables{portable_bf16_kernels()};
#if defined(__x86_64__)
  const auto add = [&](bool supported, const Bf16Kernels* kernels) {
    if (supported && kernels) tables.push_back(kernels);
  };
  __builtin_cpu_init();
  add(__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"), avx2_bf16_kernels());
  add(has_avx512_bf16(), avx512_bf16_kernels());
  add(amx_bf16_kernels() && has_amx(), amx_bf16_kernels());
#endif
  return tables;
}

const Bf16Kernels& bf16_kernels() {
  static const Bf16Kernels* chosen = choose();
  return *chosen;
}

bool bf16_is_faster() {
#if defined(__x86_64__)
  const Bf16Kernels* chosen = &bf16_kernels();
  return chosen == amx_bf16_kernels() || (chosen == avx512_bf16_kernels() && !__builtin_cpu_is("intel"));
#else
  return false;
#endif
}

}  // namespace srmcmc
