// Winograd's minimal filtering (Lavin and Gray 2016), F(M, T): of M neighbouring outputs of T taps each, whose direct
// sums take M T products, M + T - 1 products suffice, and of a square of M x M outputs the square of that.
//
// F(2, 2): m = [(x0 - x1) w0, x1 (w0 + w1), (x2 - x1) w1], y = [m0 + m1, m1 + m2].
// F(2, 3): m = [(x0 - x2) w0, (x1 + x2) (w0 + w1 + w2) / 2, (x2 - x1) (w0 - w1 + w2) / 2, (x1 - x3) w2],
// y = [m0 + m1 + m2, m1 - m2 - m3].
// F(4, 2): by values of polynomials at 1/2, -1/2, 5/4, -5/4 and infinity (Toom and Cook). All their factors but the
// filter's are exact, and of the points that were tried they make the smallest errors (tools/precision/minimal.py).
#pragma once
#include "vector.h"

namespace {

template <int M, int T>
INLINE void transform_input(const vec (&x)[M + T - 1], vec (&to)[M + T - 1]) {
  static_assert((M == 2 && (T == 2 || T == 3)) || (M == 4 && T == 2));
  if constexpr (M == 4) {
    const vec evenNear = x[2] - 1.5625f * x[0], oddNear = x[3] - 1.5625f * x[1];
    const vec evenFar = x[2] - 0.25f * x[0], oddFar = x[3] - 0.25f * x[1];
    to[0] = oddNear + 0.5f * evenNear;
    to[1] = oddNear - 0.5f * evenNear;
    to[2] = oddFar + 1.25f * evenFar;
    to[3] = oddFar - 1.25f * evenFar;
    to[4] = x[4] - 1.8125f * x[2] + 0.390625f * x[0];
  } else if constexpr (T == 2) {
    to[0] = x[0] - x[1];
    to[1] = x[1];
    to[2] = x[2] - x[1];
  } else {
    to[0] = x[0] - x[2];
    to[1] = x[1] + x[2];
    to[2] = x[2] - x[1];
    to[3] = x[1] - x[3];
  }
}

template <int M, int T>
INLINE void transform_filter(const vec (&w)[T], vec (&to)[M + T - 1]) {
  if constexpr (M == 4) {
    constexpr float NEAR = 1 / 1.3125f, FAR = 1 / 3.28125f;
    to[0] = (w[0] + 0.5f * w[1]) * -NEAR;
    to[1] = (w[0] - 0.5f * w[1]) * NEAR;
    to[2] = (w[0] + 1.25f * w[1]) * FAR;
    to[3] = (w[0] - 1.25f * w[1]) * -FAR;
    to[4] = w[1];
  } else if constexpr (T == 2) {
    to[0] = w[0];
    to[1] = w[0] + w[1];
    to[2] = w[1];
  } else {
    to[0] = w[0];
    to[1] = (w[0] + w[1] + w[2]) * 0.5f;
    to[2] = (w[0] - w[1] + w[2]) * 0.5f;
    to[3] = w[2];
  }
}

template <int M, int T>
INLINE void transform_output(const vec (&m)[M + T - 1], vec (&y)[M]) {
  if constexpr (M == 4) {
    const vec evenNear = m[0] + m[1], oddNear = m[0] - m[1], evenFar = m[2] + m[3], oddFar = m[2] - m[3];
    y[0] = evenNear + evenFar;
    y[1] = 0.5f * oddNear + 1.25f * oddFar;
    y[2] = 0.25f * evenNear + 1.5625f * evenFar;
    y[3] = 0.125f * oddNear + 1.953125f * oddFar + m[4];
  } else if constexpr (T == 2) {
    y[0] = m[0] + m[1];
    y[1] = m[1] + m[2];
  } else {
    y[0] = m[0] + m[1] + m[2];
    y[1] = m[1] - m[2] - m[3];
  }
}

/// Of F(4, 2)'s output transform the transpose: gradients in outputs become those in products.
INLINE void transform_output_gradient(const vec (&y)[4], vec (&to)[5]) {
  const vec evenNear = y[0] + 0.25f * y[2], oddNear = 0.5f * y[1] + 0.125f * y[3];
  const vec evenFar = y[0] + 1.5625f * y[2], oddFar = 1.25f * y[1] + 1.953125f * y[3];
  to[0] = evenNear + oddNear;
  to[1] = evenNear - oddNear;
  to[2] = evenFar + oddFar;
  to[3] = evenFar - oddFar;
  to[4] = y[3];
}

/// Of its filter transform the transpose: gradients in transformed taps become those in taps.
INLINE void transform_filter_gradient(const vec (&m)[5], vec (&w)[2]) {
  constexpr float NEAR = 1 / 1.3125f, FAR = 1 / 3.28125f;
  w[0] = (m[1] - m[0]) * NEAR + (m[2] - m[3]) * FAR;
  w[1] = (m[0] + m[1]) * (-0.5f * NEAR) + (m[2] + m[3]) * (1.25f * FAR) + m[4];
}

/// Makes M x M numbers of N x N by a transform of N into M, along one axis and then along the other. The transform is
/// known where this is compiled, so that numbers stay in registers.
template <auto TRANSFORM, int N, int M>
INLINE void along_both_axes(const vec (&x)[N][N], vec (&to)[M][M]) {
  vec across[N][M];
  each<N>([&](auto i) { TRANSFORM(x[i], across[i]); });
  each<M>([&](auto j) {
    vec column[N], made[M];
    each<N>([&](auto i) { column[i] = across[i][j]; });
    TRANSFORM(column, made);
    each<M>([&](auto i) { to[i][j] = made[i]; });
  });
}

}  // namespace
