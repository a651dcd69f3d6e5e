// The inner loops of every matrix product: a tile of up to ROWS rows by two vectors of columns stays in registers
// while its terms are added. Rows are scattered (pixels of an image batch), columns come from a packed panel.
#pragma once
#include "activation.h"

namespace {

using srmcmc::Epilogue;

// Two vectors of columns and as many rows as leave two registers over: 12 + 2 of 16, or 24 + 2 of 32.
#if LANES == 16
constexpr int ROWS = 12;
#else
constexpr int ROWS = 6;
#endif
constexpr int PANEL = 2 * L;  // columns of a packed panel
constexpr int64_t LINE = 16;  // floats in a cache line

/// out[row][column] = sum over i < count1, j < count2, k < length of
/// a[row * aRow + i * a1 + j * a2 + k] * b[i * b1 + j * b2 + k * PANEL + column].
struct Tile {
  const float* a;
  int64_t aRow;
  const float* b;
  int64_t count1, a1, b1;
  int64_t count2, a2, b2;
  int64_t length;
  float* out;
  int64_t outRow;
  int columns;            // of the PANEL that exist in `out`
  bool first, last;       // of the passes over this tile: the first starts from the bias, the last activates
  const float* bias;      // PANEL values, or null
  const Epilogue* epilogue;
  const float* prelu;     // PANEL values, or null
  const float* stored;    // the epilogue's, rows apart as in `out`, or null
  float* derivative;      // the epilogue's, likewise
};

void copy_columns(const float* from, int64_t fromRow, float* to, int64_t toRow, int rows, int columns) {
  for (int r = 0; r < rows; ++r) memcpy(to + r * toRow, from + r * fromRow, static_cast<size_t>(columns) * 4);
}

// Activations that need more registers than the tile leaves over run on the stored tile.
__attribute__((noinline)) void activate_stored(const Tile& t, int rows) {
  for (int r = 0; r < rows; ++r)
    for (int c = 0; c < t.columns; c += L) {
      float* out = t.out + r * t.outRow + c;
      const int64_t n = smaller(L, t.columns - c);
      const vec operand = t.stored  ? load_some(t.stored + r * t.outRow + c, n)
                          : t.prelu ? load(t.prelu + c)
                                    : vec{};
      const vec x = load_some(out, n);
      const vec y = activate(x, t.epilogue->activation, t.epilogue->alpha, operand);
      store_some(out, y, n);
      if (t.derivative)
        store_some(t.derivative + r * t.outRow + c,
                   derivative_of(x, y, t.epilogue->activation, t.epilogue->alpha), n);
    }
}

/// How far ahead a panel is fetched: it comes from the second-level cache or further, and a processor's own prefetching
/// ends with each page.
constexpr int64_t FETCHED_FLOATS = 8 * 1024 / 4;

template <int R, int V>
__attribute__((noinline)) void multiply_tile(const Tile& t) {
  vec sum[R][V];
  const bool whole = t.columns == V * L;
  float edge[R * V * L];  // stands in for the output where only some columns exist
  float* out = whole ? t.out : edge;
  const int64_t outRow = whole ? t.outRow : V * L;
  if (t.first) {
    each<V>([&](auto v) {
      const vec start = t.bias ? load(t.bias + v * L) : vec{};
      each<R>([&](auto r) { sum[r][v] = start; });
    });
  } else {
    if (!whole) copy_columns(t.out, t.outRow, edge, V * L, R, t.columns);
    each<R>([&](auto r) { each<V>([&](auto v) { sum[r][v] = load(out + r * outRow + v * L); }); });
  }
  for (int64_t i = 0; i < t.count1; ++i)
    for (int64_t j = 0; j < t.count2; ++j) {
      const float* b = t.b + i * t.b1 + j * t.b2;
      const float* a[R];
      each<R>([&](auto r) { a[r] = t.a + r * t.aRow + i * t.a1 + j * t.a2; });
      for (int64_t k = 0; k < t.length; ++k, b += PANEL) {
        vec column[V];
        each<V>([&](auto v) {
          column[v] = load(b + v * L);
          if constexpr (v * L % LINE == 0) __builtin_prefetch(b + FETCHED_FLOATS + v * L);
        });
        each<R>([&](auto r) {
          const vec row = splat(a[r][k]);
          each<V>([&](auto v) { sum[r][v] += row * column[v]; });
        });
      }
    }
  bool unfinished = false;
  if (t.last) {
    const Activation activation = t.epilogue->activation;
    if (t.derivative) {
      unfinished = true;
    } else if (activation == Activation::leakyRelu) {
      const vec alpha = splat(t.epilogue->alpha);
      each<R>([&](auto r) {
        each<V>([&](auto v) { sum[r][v] = sum[r][v] < 0.f ? sum[r][v] * alpha : sum[r][v]; });
      });
    } else if (activation == Activation::relu) {
      each<R>([&](auto r) { each<V>([&](auto v) { sum[r][v] = sum[r][v] < 0.f ? vec{} : sum[r][v]; }); });
    } else if (activation == Activation::leakyReluGradient && whole) {
      const vec alpha = splat(t.epilogue->alpha);
      each<R>([&](auto r) {
        each<V>([&](auto v) {
          sum[r][v] = load(t.stored + r * outRow + v * L) > 0.f ? sum[r][v] : sum[r][v] * alpha;
        });
      });
    } else if (activation == Activation::timesStored && whole) {
      each<R>([&](auto r) { each<V>([&](auto v) { sum[r][v] *= load(t.stored + r * outRow + v * L); }); });
    } else {
      unfinished = activation != Activation::linear;
    }
  }
  each<R>([&](auto r) { each<V>([&](auto v) { store(out + r * outRow + v * L, sum[r][v]); }); });
  if (!whole) copy_columns(edge, V * L, t.out, t.outRow, R, t.columns);
  if (unfinished) activate_stored(t, R);
}

// A single column: rows and the column are both read along k, as vectors. `b` is not a panel here but the
// plain column, so its strides are 1 where a panel's are PANEL.
template <int R>
__attribute__((noinline)) void multiply_column(const Tile& t) {
  vec sum[R];
  float rest[R];
  each<R>([&](auto r) {
    sum[r] = vec{};
    rest[r] = 0;
  });
  for (int64_t i = 0; i < t.count1; ++i)
    for (int64_t j = 0; j < t.count2; ++j) {
      const float* b = t.b + (i * t.b1 + j * t.b2) / PANEL;
      const float* a = t.a + i * t.a1 + j * t.a2;
      int64_t k = 0;
      for (; k + L <= t.length; k += L) {
        const vec column = load(b + k);
        each<R>([&](auto r) { sum[r] += load(a + r * t.aRow + k) * column; });
      }
      for (; k < t.length; ++k) each<R>([&](auto r) { rest[r] += a[r * t.aRow + k] * b[k]; });
    }
  each<R>([&](auto r) {
    float* out = t.out + r * t.outRow;
    *out = horizontal_sum(sum[r]) + rest[r] + (t.first ? (t.bias ? *t.bias : 0.f) : *out);
  });
  if (t.last && (t.derivative || t.epilogue->activation != Activation::linear)) activate_stored(t, R);
}

using TileFunction = void (*)(const Tile&);
template <int V, int... R>
TileFunction tile_of(int rows) {
  static constexpr TileFunction table[] = {multiply_tile<R, V>...};
  return table[rows - 1];
}
template <int... R>
TileFunction column_of(int rows) {
  static constexpr TileFunction table[] = {multiply_column<R>...};
  return table[rows - 1];
}
#if LANES == 16
#define ROW_COUNTS 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12
#else
#define ROW_COUNTS 1, 2, 3, 4, 5, 6
#endif
INLINE void run_tile(const Tile& t, int rows, bool oneColumn) {
  const TileFunction function = oneColumn ? column_of<ROW_COUNTS>(rows)
                                : t.columns <= L ? tile_of<1, ROW_COUNTS>(rows)
                                                 : tile_of<2, ROW_COUNTS>(rows);
  function(t);
}

}  // namespace
