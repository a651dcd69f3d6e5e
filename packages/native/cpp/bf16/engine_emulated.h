// Sums of products of bfloat16 tiles on any processor: a few tiles at a time are widened into the first-level cache,
// where single-precision multiply-adds read them.
#pragma once
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
    constexpr int WIDTH = C * COLUMNS;
    alignas(64) float a[CHAINS * DEPTH * BLOCK], b[C * DEPTH * BLOCK * COLUMNS];
    for (int tile = 0; tile < tiles; ++tile)
      for (int row = 0; row < s.rows; ++row)
        for (int c = 0; c < WIDTH; c += L)
          store(out.data + tile * out.tile + row * out.row + c, start ? load(start + c) : vec{});
    for (const Segment* run = segments; run < segments + count; ++run)
      for (int64_t at = 0; at < run->count; at += DEPTH) {
        const int depth = static_cast<int>(smaller(DEPTH, run->count - at));
        for (int i = 0; i < depth; ++i)
          for (int c = 0; c < C; ++c)
            widen_weights(run->b + (at + i) * s.weightStep + c * TILE, b + (c * DEPTH + i) * BLOCK * COLUMNS);
        for (int tile = run->first; tile < run->last && tile < tiles; ++tile) {
          for (int i = 0; i < depth; ++i)
            widen_rows(run->a + ahead + tile * s.tile + (at + i) * s.step, s.row, s.rows, a + i * BLOCK);
          for (int c = 0; c < C; ++c)
            for (int column = 0; column < COLUMNS; column += 2 * L) {
              const float* weights = b + c * DEPTH * BLOCK * COLUMNS + column;
              float* to = out.data + tile * out.tile + c * COLUMNS + column;
              const int pieces = (s.rows + MOST - 1) / MOST;
              for (int piece = 0; piece < pieces; ++piece) {
                const int row = s.rows * piece / pieces, rows = s.rows * (piece + 1) / pieces - row;
                ADD[rows - 1](a + row * DEPTH * BLOCK, weights, depth * BLOCK, to + row * out.row, out.row);
              }
            }
        }
      }
  }
  template <int P>
  static void drain() {}

 private:
  static constexpr int DEPTH = 4;  // products whose tiles are widened at once
  static constexpr int MOST = 6;   // rows that 16 registers hold with two vectors of columns

  static void widen_rows(const bf16* from, int64_t row, int rows, float* to) {
    for (int r = 0; r < rows; ++r)
      for (int k = 0; k < BLOCK; k += L) store(to + r * DEPTH * BLOCK + k, widen(from + r * row + k));
  }

  /// Pairs of terms become rows of single terms.
  static void widen_weights(const bf16* from, float* to) {
    for (int k = 0; k < BLOCK; k += 2)
      for (int column = 0; column < COLUMNS; column += L) {
        const uvec pairs = *reinterpret_cast<const loose_uvec*>(from + k * COLUMNS + column * 2);
        store(to + k * COLUMNS + column, reinterpret_cast<vec>(pairs << 16));
        store(to + (k + 1) * COLUMNS + column, reinterpret_cast<vec>(pairs & 0xffff0000u));
      }
  }

  template <int R>
  __attribute__((noinline)) static void add_products(const float* a, const float* b, int64_t terms, float* out,
                                                     int64_t outRow) {
    vec sum[R][2];
    each<R>([&](auto r) {
      sum[r][0] = load(out + r * outRow);
      sum[r][1] = load(out + r * outRow + L);
    });
    for (int64_t k = 0; k < terms; ++k) {
      const vec left = load(b + k * COLUMNS), right = load(b + k * COLUMNS + L);
      each<R>([&](auto r) {
        const vec term = splat(a[r * DEPTH * BLOCK + k]);
        sum[r][0] += term * left;
        sum[r][1] += term * right;
      });
    }
    each<R>([&](auto r) {
      store(out + r * outRow, sum[r][0]);
      store(out + r * outRow + L, sum[r][1]);
    });
  }

  using Add = void (*)(const float* a, const float* b, int64_t terms, float* out, int64_t outRow);
  static constexpr Add ADD[MOST] = {add_products<1>, add_products<2>, add_products<3>,
                                    add_products<4>, add_products<5>, add_products<6>};
};

}  // namespace
