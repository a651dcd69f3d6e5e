// Sums of products of bfloat16 tiles by AVX-512's dot products of pairs.
#pragma once
#include <utility>

#include "tiles.h"

namespace {

class Engine {
 public:
  static constexpr bool HIDES_WORK = false;
  static constexpr int FEWEST_COLUMN_TILES = 1;

  static void begin(int, int = BLOCK) {}
  static void end() {}

  template <int P, int C, class Meanwhile>
  void sum(const Operands& s, int64_t ahead, const Segment* segments, int count, int tiles, const float* start,
           const Sums& out, Meanwhile& meanwhile) {
    meanwhile.rest();
    const int pieces = (s.rows + ROWS<C> - 1) / ROWS<C>;
    int together = P;  // tiles: of few rows, one alone has too few sums
    while (together > 1 && (s.rows + pieces - 1) / pieces > most_rows<C>(together)) together /= 2;
    for (int tile = 0, step; tile < tiles; tile += step) {
      step = tiles - tile >= together ? together : 1;
      for (int piece = 0; piece < pieces; ++piece) {
        const int row = s.rows * piece / pieces, rows = s.rows * (piece + 1) / pieces - row;
        rows_of<P, C>(step, rows)(s, ahead, segments, count, tile, row, start, out);
      }
    }
  }
  template <int P>
  static void drain() {}

 private:
  // Enough sums to hide a dot product's latency, and registers left for what they read.
  template <int C>
  static constexpr int ROWS = 16 / C;
  template <int C>
  static constexpr int most_rows(int tiles) {
    return tiles == 1 ? ROWS<C> : 24 / C / tiles;
  }

  using Rows = void (*)(const Operands&, int64_t ahead, const Segment*, int count, int tile, int row,
                        const float* start, const Sums& out);

  template <int P, int C>
  INLINE static Rows rows_of(int tiles, int rows) {
    if constexpr (P > 1)
      if (tiles == P) return table<P, C>(std::make_integer_sequence<int, most_rows<C>(P)>{})[rows - 1];
    if constexpr (P > 2)
      if (tiles == 2) return table<2, C>(std::make_integer_sequence<int, most_rows<C>(2)>{})[rows - 1];
    return table<1, C>(std::make_integer_sequence<int, most_rows<C>(1)>{})[rows - 1];
  }
  template <int T, int C, int... R>
  INLINE static const Rows* table(std::integer_sequence<int, R...>) {
    static constexpr Rows functions[] = {sum_rows<T, R + 1, C>...};
    return functions;
  }

  /// R rows from `row` on of each of T tiles.
  template <int T, int R, int C>
  __attribute__((noinline)) static void sum_rows(const Operands& s, int64_t ahead, const Segment* segments, int count,
                                                 int tile, int row, const float* start, const Sums& out) {
    __m512 first[C], sum[T][R][C];
    each<C>([&](auto c) { first[c] = start ? _mm512_loadu_ps(start + c * COLUMNS) : _mm512_setzero_ps(); });
    each<T>([&](auto t) { each<R>([&](auto r) { each<C>([&](auto c) { sum[t][r][c] = first[c]; }); }); });
    for (const Segment* run = segments; run < segments + count; ++run) {
      const bf16* a = run->a + ahead + tile * s.tile + row * s.row;
      if (run->first <= tile && run->last >= tile + T)
        add<T>(s, *run, a, sum);
      else if constexpr (T > 1)
        each<T>([&](auto t) {
          if (run->first <= tile + t && run->last > tile + t) add<1>(s, *run, a + t * s.tile, &sum[t]);
        });
    }
    each<T>([&](auto t) {
      each<R>([&](auto r) {
        float* to = out.data + (tile + t) * out.tile + (row + r) * out.row;
        each<C>([&](auto c) { _mm512_storeu_ps(to + c * COLUMNS, sum[t][r][c]); });
      });
    });
  }

  template <int T, int R, int C>
  INLINE static void add(const Operands& s, const Segment& run, const bf16* a, __m512 (*sum)[R][C]) {
    const bf16* b = run.b;
    for (int64_t i = 0; i < run.count; ++i, a += s.step, b += s.weightStep)
      for (int k = 0; k < s.terms; k += 2) {
        __m512bh column[C];
        each<C>([&](auto c) {
          column[c] = reinterpret_cast<__m512bh>(_mm512_loadu_si512(b + c * TILE + k * COLUMNS));
        });
        each<T>([&](auto t) {
          each<R>([&](auto r) {
            const __m512bh pair = repeat_pair(a + t * s.tile + r * s.row + k);
            each<C>([&](auto c) { sum[t][r][c] = _mm512_dpbf16_ps(sum[t][r][c], pair, column[c]); });
          });
        });
      }
  }

  INLINE static __m512bh repeat_pair(const bf16* p) {
    int32_t pair;
    memcpy(&pair, p, 4);
    return reinterpret_cast<__m512bh>(_mm512_set1_epi32(pair));
  }
};

}  // namespace
