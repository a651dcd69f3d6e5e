// Vectors of floats and integers in GCC/Clang extensions, LANES wide. Included once by each instruction set's
// translation unit; everything is in an unnamed namespace so that code compiled for different processors can
// never be merged by the linker.
#pragma once
#include <cstdint>
#include <cstring>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#ifndef LANES
#error "define LANES before including vector.h"
#endif
#define INLINE inline __attribute__((always_inline))

namespace {

typedef float vec __attribute__((vector_size(LANES * 4)));
typedef int32_t ivec __attribute__((vector_size(LANES * 4)));
typedef uint32_t uvec __attribute__((vector_size(LANES * 4)));
typedef uint64_t lvec __attribute__((vector_size(LANES * 4)));
typedef float loose_vec __attribute__((vector_size(LANES * 4), aligned(4), may_alias));

constexpr int L = LANES;

INLINE vec load(const float* p) { return *reinterpret_cast<const loose_vec*>(p); }
INLINE void store(float* p, vec v) { *reinterpret_cast<loose_vec*>(p) = v; }
INLINE vec splat(float x) { return x - vec{}; }
INLINE ivec splat_int(int32_t x) { return x - ivec{}; }
INLINE uvec splat_uint(uint32_t x) { return x - uvec{}; }

#if LANES == 16 && defined(__AVX512F__)
INLINE __mmask16 first_lanes(int64_t n) { return static_cast<__mmask16>((1u << n) - 1); }
#elif LANES == 8 && defined(__AVX2__)
INLINE __m256i first_lanes(int64_t n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
#endif

/// The first n lanes, 0 to L; the others are 0, and their memory is left alone.
INLINE vec load_some(const float* p, int64_t n) {
#if LANES == 16 && defined(__AVX512F__)
  return reinterpret_cast<vec>(_mm512_maskz_loadu_ps(first_lanes(n), p));
#elif LANES == 8 && defined(__AVX2__)
  return reinterpret_cast<vec>(_mm256_maskload_ps(p, first_lanes(n)));
#else
  vec v{};
  memcpy(&v, p, static_cast<size_t>(n) * 4);
  return v;
#endif
}
INLINE void store_some(float* p, vec v, int64_t n) {
#if LANES == 16 && defined(__AVX512F__)
  _mm512_mask_storeu_ps(p, first_lanes(n), reinterpret_cast<__m512>(v));
#elif LANES == 8 && defined(__AVX2__)
  _mm256_maskstore_ps(p, first_lanes(n), reinterpret_cast<__m256>(v));
#else
  memcpy(p, &v, static_cast<size_t>(n) * 4);
#endif
}

/// Of n lanes that are mostly all of them.
INLINE vec load_part(const float* p, int64_t n) { return n == L ? load(p) : load_some(p, n); }
INLINE void store_part(float* p, vec v, int64_t n) { n == L ? store(p, v) : store_some(p, v, n); }

INLINE vec vmax(vec a, vec b) { return a > b ? a : b; }
INLINE vec vmin(vec a, vec b) { return a < b ? a : b; }
/// NaN stays NaN.
INLINE vec clamp(vec x, vec low, vec high) { return x > high ? high : x < low ? low : x; }
INLINE vec vabs(vec a) { return reinterpret_cast<vec>(reinterpret_cast<ivec>(a) & splat_int(0x7fffffff)); }

INLINE vec vsqrt(vec a) {
#if LANES == 16 && defined(__AVX512F__)
  return reinterpret_cast<vec>(_mm512_sqrt_ps(reinterpret_cast<__m512>(a)));
#elif LANES == 8 && defined(__AVX__)
  return reinterpret_cast<vec>(_mm256_sqrt_ps(reinterpret_cast<__m256>(a)));
#elif LANES == 4 && defined(__SSE2__)
  return reinterpret_cast<vec>(_mm_sqrt_ps(reinterpret_cast<__m128>(a)));
#else
  for (int i = 0; i < L; ++i) a[i] = __builtin_sqrtf(a[i]);
  return a;
#endif
}

/// 64-bit products of the low halves of each 64-bit lane.
INLINE lvec multiply_low_halves(lvec a, lvec b) {
#if LANES == 16 && defined(__AVX512F__)
  return reinterpret_cast<lvec>(_mm512_mul_epu32(reinterpret_cast<__m512i>(a), reinterpret_cast<__m512i>(b)));
#elif LANES == 8 && defined(__AVX2__)
  return reinterpret_cast<lvec>(_mm256_mul_epu32(reinterpret_cast<__m256i>(a), reinterpret_cast<__m256i>(b)));
#elif LANES == 4 && defined(__SSE2__)
  return reinterpret_cast<lvec>(_mm_mul_epu32(reinterpret_cast<__m128i>(a), reinterpret_cast<__m128i>(b)));
#else
  return (a & 0xffffffffu) * (b & 0xffffffffu);
#endif
}

/// The odd lanes, each moved to the even one before it; odd lanes are left undefined.
INLINE uvec odd_to_even(uvec a) {
#if LANES == 16 && defined(__AVX512F__)
  return reinterpret_cast<uvec>(_mm512_shuffle_epi32(reinterpret_cast<__m512i>(a), _MM_PERM_DDBB));
#else
  return reinterpret_cast<uvec>(reinterpret_cast<lvec>(a) >> 32);
#endif
}

/// The low, or the high, 32 bits of numbers of 64 bits, of which those for even and for odd lanes are given.
INLINE uvec low_halves(lvec even, lvec odd) {
#if LANES == 16 && defined(__AVX512F__)
  return reinterpret_cast<uvec>(_mm512_mask_shuffle_epi32(reinterpret_cast<__m512i>(even), 0xaaaa,
                                                          reinterpret_cast<__m512i>(odd), _MM_PERM_CCAA));
#else
  return reinterpret_cast<uvec>((even & uint64_t{0xffffffffu}) | (odd << 32));
#endif
}
INLINE uvec high_halves(lvec even, lvec odd) {
#if LANES == 16 && defined(__AVX512F__)
  return reinterpret_cast<uvec>(_mm512_mask_shuffle_epi32(reinterpret_cast<__m512i>(odd), 0x5555,
                                                          reinterpret_cast<__m512i>(even), _MM_PERM_DDBB));
#else
  return reinterpret_cast<uvec>((even >> 32) | (odd & ~uint64_t{0xffffffffu}));
#endif
}

#if LANES == 16
constexpr ivec HALVES_IN_TURNS = {0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23};
#elif LANES == 8
constexpr ivec HALVES_IN_TURNS = {0, 8, 1, 9, 2, 10, 3, 11};
#else
constexpr ivec HALVES_IN_TURNS = {0, 4, 1, 5};
#endif

/// The first lanes of two vectors in turns, and the last.
INLINE void interleave(vec a, vec b, vec& first, vec& last) {
#if defined(__clang__)
  for (int i = 0; i < L; ++i) {
    first[i] = i % 2 ? b[i / 2] : a[i / 2];
    last[i] = i % 2 ? b[(L + i) / 2] : a[(L + i) / 2];
  }
#else
  first = __builtin_shuffle(a, b, HALVES_IN_TURNS);
  last = __builtin_shuffle(a, b, HALVES_IN_TURNS + L / 2);
#endif
}

/// Lane i of each of C vectors one after the other, and then lane i + 1 of each.
template <int C>
INLINE void interleave(const vec (&from)[C], vec (&to)[C]) {
  for (int i = 0; i < C; ++i) {
    ivec lane, vector;
    for (int l = 0; l < L; ++l) {
      lane[l] = (i * L + l) / C;
      vector[l] = (i * L + l) % C;
    }
    for (int v = 0; v < C; ++v) {
#if defined(__clang__)
      vec moved;
      for (int l = 0; l < L; ++l) moved[l] = from[v][lane[l]];
#else
      const vec moved = __builtin_shuffle(from[v], lane);
#endif
      to[i] = v == 0 ? moved : vector == v ? moved : to[i];
    }
  }
}

/// Keeps a compiler from loading it again for each of its uses.
INLINE vec in_register(vec v) {
#if defined(__x86_64__)
  __asm__("" : "+v"(v));
#elif defined(__aarch64__)
  __asm__("" : "+w"(v));
#endif
  return v;
}

INLINE float horizontal_sum(vec v) {
  float sum = 0;
  for (int i = 0; i < L; ++i) sum += v[i];
  return sum;
}

/// Calls f(0), f(1), ... f(N - 1) with constants, so that arrays of vectors indexed by them stay in registers.
template <int I>
struct Constant {
  INLINE constexpr operator int() const { return I; }
};
template <int N, int I = 0, class F>
INLINE void each(F&& f) {
  if constexpr (I < N) {
    f(Constant<I>{});
    each<N, I + 1>(f);
  }
}

INLINE constexpr int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
INLINE constexpr int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }
INLINE constexpr int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

}  // namespace
