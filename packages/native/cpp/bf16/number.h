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

INLINE void narrow(bf16* p, vec x) {
#if defined(CONVERTS_TO_BF16)
  const auto half = reinterpret_cast<half_vec>(_mm512_cvtneps_pbh(reinterpret_cast<__m512>(x)));
#else
  const uvec bits = reinterpret_cast<uvec>(x);
  const uvec nearest = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
  const uvec all = x == x ? nearest : (bits >> 16 | 0x40);
  const half_vec half = __builtin_convertvector(all, half_vec);
#endif
  *reinterpret_cast<loose_half_vec*>(p) = half;
}

}  // namespace
