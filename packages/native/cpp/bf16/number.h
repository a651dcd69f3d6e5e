// bfloat16 numbers: the upper half of a float, rounded to the nearest, ties to even.
#pragma once
#include "../vector.h"

namespace {

using bf16 = uint16_t;
typedef bf16 half_vec __attribute__((vector_size(LANES * 2)));
typedef bf16 loose_half_vec __attribute__((vector_size(LANES * 2), aligned(2), may_alias));
typedef uint32_t loose_uvec __attribute__((vector_size(LANES * 4), aligned(2), may_alias));

INLINE bf16 rounded(float x) {
  uint32_t bits;
  memcpy(&bits, &x, 4);
  if (x != x) return static_cast<bf16>(bits >> 16 | 0x40);  // rounding could turn a NaN into infinity
  return static_cast<bf16>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

INLINE float widened(bf16 half) {
  const uint32_t bits = uint32_t{half} << 16;
  float x;
  memcpy(&x, &bits, 4);
  return x;
}

INLINE vec widen(const bf16* p) {
  const half_vec half = *reinterpret_cast<const loose_half_vec*>(p);
  return reinterpret_cast<vec>(__builtin_convertvector(half, uvec) << 16);
}

/// The bits of numbers rounded to bfloat16.
INLINE uvec nearest_halves(vec x) {
  const uvec bits = reinterpret_cast<uvec>(x);
  return x == x ? (bits + 0x7fff + (bits >> 16 & 1)) >> 16 : (bits >> 16 | 0x40);
}

INLINE void narrow(bf16* p, vec x) {
#if defined(CONVERTS_TO_BF16)
  const auto half = reinterpret_cast<half_vec>(_mm512_cvtneps_pbh(reinterpret_cast<__m512>(x)));
#else
  const half_vec half = __builtin_convertvector(nearest_halves(x), half_vec);
#endif
  *reinterpret_cast<loose_half_vec*>(p) = half;
}

/// Two vectors, one after the other.
INLINE void narrow_two(bf16* p, vec x, vec y) {
#if defined(CONVERTS_TO_BF16)
  const __m512bh both = _mm512_cvtne2ps_pbh(reinterpret_cast<__m512>(y), reinterpret_cast<__m512>(x));
  _mm512_storeu_si512(p, reinterpret_cast<__m512i>(both));
#elif LANES == 8 && defined(__AVX2__)
  const __m256i both = _mm256_packus_epi32(reinterpret_cast<__m256i>(nearest_halves(x)),
                                           reinterpret_cast<__m256i>(nearest_halves(y)));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm256_permute4x64_epi64(both, 0xd8));
#else
  narrow(p, x);
  narrow(p + L, y);
#endif
}

/// Multiplies two vectors by `factor` wherever the numbers at `signs` are negative, -0 included.
INLINE void scale_where_negative(const bf16* signs, vec factor, vec* x, vec* y) {
#if defined(CONVERTS_TO_BF16)
  const __mmask32 negative = _mm512_movepi16_mask(_mm512_loadu_si512(signs));
  const auto scale = [&](vec v, __mmask16 where) {
    return reinterpret_cast<vec>(_mm512_mask_mul_ps(reinterpret_cast<__m512>(v), where, reinterpret_cast<__m512>(v),
                                                    reinterpret_cast<__m512>(factor)));
  };
  *x = scale(*x, static_cast<__mmask16>(negative));
  *y = scale(*y, static_cast<__mmask16>(negative >> 16));
#else
  typedef int16_t sign_vec __attribute__((vector_size(LANES * 2), aligned(2), may_alias));
  const auto negative = [](const bf16* p) {
    return __builtin_convertvector(*reinterpret_cast<const sign_vec*>(p), ivec) < 0;
  };
  *x = negative(signs) ? *x * factor : *x;
  *y = negative(signs + L) ? *y * factor : *y;
#endif
}

}  // namespace
