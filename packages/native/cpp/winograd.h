// Winograd's minimal filtering (Lavin and Gray 2016): of two neighbouring outputs of T taps each, whose direct sums take
// 2T products, T + 1 products suffice, and of a square of four outputs (T + 1)² instead of 4T².
//
// With T = 2, along one axis: m = [(x0 - x1) w0, x1 (w0 + w1), (x2 - x1) w1], y = [m0 + m1, m1 + m2].
// With T = 3: m = [(x0 - x2) w0, (x1 + x2) (w0 + w1 + w2) / 2, (x2 - x1) (w0 - w1 + w2) / 2, (x1 - x3) w2],
// y = [m0 + m1 + m2, m1 - m2 - m3].
#pragma once
#include "vector.h"

namespace {

template <int T>
INLINE void transform_input(const vec (&x)[T + 1], vec (&to)[T + 1]) {
  if constexpr (T == 2) {
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

template <int T>
INLINE void transform_filter(const vec (&w)[T], vec (&to)[T + 1]) {
  to[0] = w[0];
  to[T] = w[T - 1];
  if constexpr (T == 2) {
    to[1] = w[0] + w[1];
  } else {
    to[1] = (w[0] + w[1] + w[2]) * 0.5f;
    to[2] = (w[0] - w[1] + w[2]) * 0.5f;
  }
}

template <int T>
INLINE void transform_output(const vec (&m)[T + 1], vec (&y)[2]) {
  if constexpr (T == 2) {
    y[0] = m[0] + m[1];
    y[1] = m[1] + m[2];
  } else {
    y[0] = m[0] + m[1] + m[2];
    y[1] = m[1] - m[2] - m[3];
  }
}

/// Makes M x M numbers of N x N by a transform of N into M, along one axis and then along the other.
template <int N, int M, class Transform>
INLINE void along_both_axes(const vec (&x)[N][N], vec (&to)[M][M], Transform&& transform) {
  vec across[N][M];
  each<N>([&](auto i) { transform(x[i], across[i]); });
  each<M>([&](auto j) {
    vec column[N], made[M];
    each<N>([&](auto i) { column[i] = across[i][j]; });
    transform(column, made);
    each<M>([&](auto i) { to[i][j] = made[i]; });
  });
}

}  // namespace
