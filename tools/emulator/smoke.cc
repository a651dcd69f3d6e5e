// Tries the emulator itself before anything is concluded from it: instructions of AVX-512, AVX512-BF16 and AMX against
// plain C, and tiles that two threads use in turn. Ends with 0 when all agree.
//
//   g++ -O1 -static -pthread -march=sapphirerapids tools/emulator/smoke.cc -o smoke && tools/emulator/run.sh smoke
#include <immintrin.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <thread>

namespace {

int failures = 0;

void report(const char* what, bool holds) {
  std::printf("%-60s %s\n", what, holds ? "ok" : "FAIL");
  failures += !holds;
}

uint16_t rounded(float f) {
  uint32_t bits;
  std::memcpy(&bits, &f, 4);
  return (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}

float widened(uint16_t b) {
  const uint32_t bits = uint32_t{b} << 16;
  float f;
  std::memcpy(&f, &bits, 4);
  return f;
}

/// Numbers in [-1, 1).
struct Numbers {
  uint32_t state;
  float operator()() {
    state = state * 1664525u + 1013904223u;
    return static_cast<int32_t>(state) / 2147483648.f;
  }
};

void fused_multiply_add(Numbers& numbers) {
  alignas(64) float x[16], y[16], z[16], masked[16];
  for (int i = 0; i < 16; ++i) x[i] = numbers(), y[i] = numbers(), z[i] = numbers();
  const __mmask16 odd = 0xaaaa;
  _mm512_store_ps(masked, _mm512_mask_fmadd_ps(_mm512_load_ps(x), odd, _mm512_load_ps(y), _mm512_load_ps(z)));
  bool same = true;
  for (int i = 0; i < 16; ++i) same &= masked[i] == (i % 2 ? std::fma(x[i], y[i], z[i]) : x[i]);
  report("vfmadd with a mask", same);
}

void conversions(Numbers& numbers) {
  alignas(64) float low[16], high[16];
  for (int i = 0; i < 16; ++i) low[i] = numbers(), high[i] = numbers();
  uint16_t both[32], half[16], kept[16];
  const __m512bh pair = _mm512_cvtne2ps_pbh(_mm512_load_ps(high), _mm512_load_ps(low));
  std::memcpy(both, &pair, 64);
  const __m256bh single = _mm512_cvtneps_pbh(_mm512_load_ps(low));
  std::memcpy(half, &single, 32);
  const __m256bh merged = _mm512_mask_cvtneps_pbh((__m256bh)_mm256_set1_epi16(7), 0x00ff, _mm512_load_ps(low));
  std::memcpy(kept, &merged, 32);
  bool pairs = true, singles = true, merges = true;
  for (int i = 0; i < 16; ++i) {
    pairs &= both[i] == rounded(low[i]) && both[16 + i] == rounded(high[i]);
    singles &= half[i] == rounded(low[i]);
    merges &= kept[i] == (i < 8 ? rounded(low[i]) : 7);
  }
  report("vcvtne2ps2bf16", pairs);
  report("vcvtneps2bf16", singles);
  report("vcvtneps2bf16 that keeps masked elements", merges);
}

void dot_product(Numbers& numbers) {
  alignas(64) uint16_t a[32], b[32];
  alignas(64) float sum[16], result[16];
  for (int i = 0; i < 32; ++i) a[i] = rounded(numbers()), b[i] = rounded(numbers());
  for (float& s : sum) s = numbers();
  _mm512_store_ps(result, _mm512_dpbf16_ps(_mm512_load_ps(sum), (__m512bh)_mm512_load_si512(a),
                                           (__m512bh)_mm512_load_si512(b)));
  bool same = true;
  for (int i = 0; i < 16; ++i) {
    const float odd = std::fma(widened(a[2 * i + 1]), widened(b[2 * i + 1]), sum[i]);
    same &= result[i] == std::fma(widened(a[2 * i]), widened(b[2 * i]), odd);
  }
  report("vdpbf16ps", same);
}

void configure_tiles(int rows) {
  alignas(64) uint8_t configuration[64] = {1};
  for (int tile = 0; tile < 3; ++tile) configuration[16 + 2 * tile] = 64, configuration[48 + tile] = tile == 2 ? 16 : rows;
  _tile_loadconfig(configuration);
}

/// The largest error of c = a b with the given rows; other threads get the processor between the instructions.
double tile_product(uint32_t seed, int rows) {
  Numbers numbers{seed};
  alignas(64) uint16_t a[16][32], b[16][32];
  alignas(64) float c[16][16] = {};
  for (auto& row : a)
    for (uint16_t& v : row) v = rounded(numbers());
  for (auto& row : b)
    for (uint16_t& v : row) v = rounded(numbers());
  configure_tiles(rows);
  sched_yield();
  _tile_zero(0);
  _tile_loadd(1, a, 64);
  sched_yield();
  _tile_loadd(2, b, 64);
  sched_yield();
  _tile_dpbf16ps(0, 1, 2);
  sched_yield();
  _tile_stored(0, c, 64);
  _tile_release();
  double worst = 0;
  for (int i = 0; i < 16; ++i) {
    for (int j = 0; j < 16; ++j) {
      double expected = 0;
      for (int k = 0; i < rows && k < 32; ++k) expected += double{widened(a[i][k])} * widened(b[k / 2][j * 2 + k % 2]);
      worst = std::fmax(worst, std::fabs(expected - c[i][j]));
    }
  }
  return worst;
}

}  // namespace

int main() {
  constexpr long REQUEST_PERMISSION = 0x1023, TILE_DATA = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  if (syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) != 0) {
    std::puts("Linux does not lend the tile registers");
    return 1;
  }
  Numbers numbers{1};
  fused_multiply_add(numbers);
  conversions(numbers);
  dot_product(numbers);
  report("tdpbf16ps, 16 rows", tile_product(1, 16) < 1e-5);
  report("tdpbf16ps, 5 rows", tile_product(2, 5) < 1e-5);
  double worst[2] = {};
  const auto many = [&](int me) {
    for (int i = 0; i < 50; ++i) worst[me] = std::fmax(worst[me], tile_product(100 * me + i, me == 0 ? 16 : 7));
  };
  std::thread other(many, 1);
  many(0);
  other.join();
  report("tiles of two threads in turn", std::fmax(worst[0], worst[1]) < 1e-5);
  return failures == 0 ? 0 : 1;
}
