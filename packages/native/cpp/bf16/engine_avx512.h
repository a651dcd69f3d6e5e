// Sums of products of bfloat16 tiles by AVX-512's dot products of pairs.
#pragma once
#include "tiles.h"

namespace {

class Engine {
 public:
  static void begin() {}
  static void end() {}

  template <int P, int C, class Meanwhile>
  static void sum(const Strides& s, const Segment* segments, int count, int tiles, float* out,
                  Meanwhile&& meanwhile) {
    meanwhile();
    constexpr int64_t WIDTH = C * COLUMNS;
    // Enough sums to hide a dot product's latency, and registers left for what they read.
    constexpr int ROWS = 16 / C;
    for (int tile = 0; tile < tiles; ++tile)
      for (int row = 0; row < CHAINS; row += ROWS)
        rows<ROWS, C>(s, segments, count, tile, row, out + (tile * CHAINS + row) * WIDTH);
  }

 private:
  INLINE static __m512bh repeat_pair(const bf16* p) {
    int32_t pair;
    memcpy(&pair, p, 4);
    return reinterpret_cast<__m512bh>(_mm512_set1_epi32(pair));
  }

  template <int R, int C>
  __attribute__((noinline)) static void rows(const Strides& s, const Segment* segments, int count, int tile, int row,
                                             float* out) {
    __m512 sum[R][C];
    each<R>([&](auto r) { each<C>([&](auto c) { sum[r][c] = _mm512_setzero_ps(); }); });
    for (const Segment* run = segments; run < segments + count; ++run) {
      if (tile < run->first || tile >= run->last) continue;
      const bf16 *a = run->a + tile * s.aTile + row * s.aRow, *b = run->b;
      for (int64_t i = 0; i < run->count; ++i, a += s.aStep, b += s.bStep)
        for (int k = 0; k < BLOCK; k += 2) {
          __m512bh column[C];
          each<C>([&](auto c) {
            column[c] = reinterpret_cast<__m512bh>(_mm512_loadu_si512(b + c * TILE + k * COLUMNS));
          });
          each<R>([&](auto r) {
            const __m512bh pair = repeat_pair(a + r * s.aRow + k);
            each<C>([&](auto c) { sum[r][c] = _mm512_dpbf16_ps(sum[r][c], pair, column[c]); });
          });
        }
    }
    each<R>([&](auto r) {
      each<C>([&](auto c) { _mm512_storeu_ps(out + r * C * COLUMNS + c * COLUMNS, sum[r][c]); });
    });
  }
};

}  // namespace
