// exp, log, tanh and friends on vectors, in single precision: 1 to 2 units in the last place.
// Polynomials: Cephes (Moshier), expf.c, logf.c, sinf.c.
#pragma once
#include "vector.h"

namespace {

INLINE vec power_of_two(ivec e) { return reinterpret_cast<vec>((e + 127) << 23); }

INLINE vec vexp(vec x) {
  const vec clamped = vmin(vmax(x, splat(-104.f)), splat(89.f));
  const vec scaled = clamped * 1.44269504088896341f;
  const ivec n = __builtin_convertvector(scaled + (scaled < 0.f ? splat(-0.5f) : splat(0.5f)), ivec);
  const vec k = __builtin_convertvector(n, vec);
  const vec r = (clamped - k * 0.693359375f) - k * -2.12194440e-4f;
  vec p = splat(1.9875691500e-4f);
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.f;
  // 2^n in two factors, so that results below the normal range are rounded, not lost.
  const ivec half = n >> 1;
  const vec y = p * power_of_two(half) * power_of_two(n - half);
  return x != x ? x : y;
}

/// log of a positive normal number.
INLINE vec log_normal(vec x, ivec exponentBias) {
  const uvec bits = reinterpret_cast<uvec>(x);
  // Exponent and mantissa such that the mantissa lies in [sqrt(1/2), sqrt(2)).
  const uvec shifted = bits - 0x3f3504f3u;
  const ivec e = (reinterpret_cast<ivec>(shifted) >> 23) + exponentBias;
  const vec f = reinterpret_cast<vec>(bits - (shifted & 0xff800000u)) - 1.f;
  const vec k = __builtin_convertvector(e, vec);
  const vec z = f * f;
  vec p = splat(7.0376836292e-2f);
  p = p * f - 1.1514610310e-1f;
  p = p * f + 1.1676998740e-1f;
  p = p * f - 1.2420140846e-1f;
  p = p * f + 1.4249322787e-1f;
  p = p * f - 1.6668057665e-1f;
  p = p * f + 2.0000714765e-1f;
  p = p * f - 2.4999993993e-1f;
  p = p * f + 3.3333331174e-1f;
  vec y = p * f * z + k * -2.12194440e-4f;
  y = y - 0.5f * z;
  return (f + y) + k * 0.693359375f;
}

INLINE vec vlog(vec x) {
  const float infinity = __builtin_inff();
  const auto tiny = x < 1.17549435e-38f;
  const vec y = log_normal(tiny ? x * 8388608.f : x, tiny ? splat_int(-23) : splat_int(0));
  const vec special = x == 0.f ? splat(-infinity) : x < 0.f ? splat(__builtin_nanf("")) : x;
  const auto ordinary = (x > 0.f) & (x < infinity);
  return ordinary ? y : special;
}

/// log(1 + x) for x >= 0.
INLINE vec vlog1p(vec x) {
  const vec u = 1.f + x;
  const vec d = u - 1.f;
  const vec y = log_normal(u, splat_int(0)) * (x / d);
  return d == 0.f ? x : y;
}

/// exp(x) - 1 for x <= 0.
INLINE vec vexpm1(vec x) {
  const vec r = vmax(x, splat(-0.5f));
  vec p = splat(1.f / 40320);
  p = p * r + 1.f / 5040;
  p = p * r + 1.f / 720;
  p = p * r + 1.f / 120;
  p = p * r + 1.f / 24;
  p = p * r + 1.f / 6;
  p = p * r + 0.5f;
  p = p * r * r + r;
  const vec y = x > -0.5f ? p : vexp(x) - 1.f;
  return x != x ? x : y;
}

INLINE vec vsigmoid(vec x) { return 1.f / (1.f + vexp(-x)); }

INLINE vec vtanh(vec x) {
  const vec z = x * x;
  vec p = splat(-5.70498872745e-3f);
  p = p * z + 2.06390887954e-2f;
  p = p * z - 5.37397155531e-2f;
  p = p * z + 1.33314422036e-1f;
  p = p * z - 3.33332819422e-1f;
  const vec small = p * z * x + x;
  const vec a = vabs(x);
  const vec large = 1.f - 2.f / (vexp(2.f * a) + 1.f);
  const vec y = a < 0.625f ? small : x < 0.f ? -large : large;
  return x != x ? x : y;
}

INLINE vec vsoftplus(vec x) {
  const vec y = vmax(x, vec{}) + vlog1p(vexp(-vabs(x)));
  return x != x ? x : y;
}

/// The error function, within 1 unit in the last place (polynomials of N. Juffa).
INLINE vec verf(vec x) {
  const vec t = vabs(x), z = x * x;
  vec p = splat(-5.96761703e-4f);
  p = p * z + 4.99119423e-3f;
  p = p * z - 2.67681349e-2f;
  p = p * z + 1.12819925e-1f;
  p = p * z - 3.76125336e-1f;
  p = p * z + 1.28379166e-1f;
  const vec small = p * x + x;
  vec q = (-1.72853470e-5f * t + 3.83197126e-4f) * z + (-3.88396438e-3f * t + 2.42546219e-2f);
  q = q * t - 1.06777877e-1f;
  q = q * t - 6.34846687e-1f;
  q = q * t - 1.28717512e-1f;
  q = q * t - t;
  const vec large = 1.f - vexp(q);
  const vec y = t <= 0.927734375f ? small : x < 0.f ? -large : large;
  return x != x ? x : y;
}

INLINE vec velu(vec x) { return x >= 0.f ? x : vexpm1(x); }

}  // namespace
