// The inner loop of gradients in filters: sums of outer products.
#pragma once
#include "tile.h"

namespace {

/// c[row][column] += sum over i < count[0], j < count[1], k < count[2] of a[.. + row] * b[.. + column], or = where `first`.
struct Outer {
  const float *a, *b;
  int64_t count[3], aStep[3], bStep[3];
  float* c;
  int64_t cRow;
  int columns;
  bool first;
};

template <int R, int V>
__attribute__((noinline)) void outer_tile(const Outer& o) {
  vec sum[R][V];
  each<R>([&](auto r) { each<V>([&](auto v) { sum[r][v] = vec{}; }); });
  const int64_t aStep = o.aStep[2], bStep = o.bStep[2];
  for (int64_t i = 0; i < o.count[0]; ++i)
    for (int64_t j = 0; j < o.count[1]; ++j) {
      const float* a = o.a + i * o.aStep[0] + j * o.aStep[1];
      const float* b = o.b + i * o.bStep[0] + j * o.bStep[1];
      for (int64_t k = 0; k < o.count[2]; ++k, a += aStep, b += bStep) {
        vec column[V];
        each<V>([&](auto v) { column[v] = load(b + v * L); });
        each<R>([&](auto r) {
          const vec row = splat(a[r]);
          each<V>([&](auto v) { sum[r][v] += row * column[v]; });
        });
      }
    }
  if (o.columns == V * L)
    return each<R>([&](auto r) {
      each<V>([&](auto v) {
        float* c = o.c + r * o.cRow + v * L;
        store(c, o.first ? sum[r][v] : load(c) + sum[r][v]);
      });
    });
  float edge[R * V * L];
  each<R>([&](auto r) { each<V>([&](auto v) { store(edge + (r * V + v) * L, sum[r][v]); }); });
  for (int r = 0; r < R; ++r)
    for (int c = 0; c < o.columns; ++c) {
      float& to = o.c[r * o.cRow + c];
      to = (o.first ? 0.f : to) + edge[r * V * L + c];
    }
}

using OuterFunction = void (*)(const Outer&);
template <int V, int... R>
OuterFunction outer_of(int rows) {
  static constexpr OuterFunction table[] = {outer_tile<R, V>...};
  return table[rows - 1];
}

/// Adds the sums of n columns, of `count` rows, to `to`.
INLINE void add_column_sums(const float* columns, int64_t count, int64_t rowFloats, int64_t n, float* to) {
  constexpr int64_t RUN = 256;  // of terms, whose sums are added to the total
  vec total{};
  for (int64_t i = 0; i < count; i += RUN) {
    vec sum{};
    for (int64_t k = i; k < smaller(count, i + RUN); ++k) sum += load(columns + k * rowFloats);
    total += sum;
  }
  store_some(to, load_some(to, n) + total, n);
}

// Few rows would leave most of a tile empty: such tiles have half the rows and twice the columns.
constexpr int FEW_ROWS = ROWS / 2, MOST_VECTORS = 4;
#if LANES == 16
#define FEW_ROW_COUNTS 1, 2, 3, 4, 5, 6
#else
#define FEW_ROW_COUNTS 1, 2, 3
#endif

}  // namespace
