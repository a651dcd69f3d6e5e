// Sums of products of bfloat16 tiles by the tile registers of AMX: four hold sums, the others operands.
#pragma once
#include "tiles.h"

namespace {

class Engine {
 public:
  /// Registers hold rows of 64 bytes: 16 of weights, which are pairs of terms, in the last two, and `rows` in others.
  static void begin(int rows) {
    constexpr int REGISTERS = 8, WEIGHTS = 6, ROW_BYTES = 64;
    struct alignas(64) {
      uint8_t palette = 1, startRow = 0, reserved[14] = {};
      uint16_t rowBytes[16] = {};
      uint8_t rows[16] = {};
    } config;
    for (int i = 0; i < REGISTERS; ++i) {
      config.rowBytes[i] = ROW_BYTES;
      config.rows[i] = static_cast<uint8_t>(i < WEIGHTS ? rows : BLOCK / 2);
    }
    asm volatile("" ::"r"(&config) : "memory");  // nor that this reads all of it
    _tile_loadconfig(&config);
  }
  static void end() { _tile_release(); }

  template <int P, int C, class Meanwhile>
  static void sum(const Strides& s, const Segment* segments, int count, int tiles, const float* start,
                  float* out, Meanwhile&& meanwhile) {
    static_assert(P * C == 4, "there are four registers of sums");
    settle_memory();
    if (start) {
      _tile_loadd(0, start, 0);
      _tile_loadd(1, start + (C - 1) * COLUMNS, 0);
      _tile_loadd(2, start, 0);
      _tile_loadd(3, start + (C - 1) * COLUMNS, 0);
    } else {
      _tile_zero(0);
      _tile_zero(1);
      _tile_zero(2);
      _tile_zero(3);
    }
    for (const Segment* run = segments; run < segments + count; ++run) {
      if constexpr (P == 2) {
        if (run->first > 0)
          add_two<1, 2>(s, *run, meanwhile);
        else if (run->last > 1)
          add_two<0, 2>(s, *run, meanwhile);
        else
          add_two<0, 1>(s, *run, meanwhile);
      } else {
        add_four(s, *run, meanwhile);
      }
    }
    meanwhile.rest();
    settle_memory();
    constexpr int ROW_BYTES = C * COLUMNS * 4, SIZE = CHAINS * C * COLUMNS;
    if constexpr (P == 2) {
      _tile_stored(0, out, ROW_BYTES);
      _tile_stored(1, out + COLUMNS, ROW_BYTES);
      if (tiles > 1) {
        _tile_stored(2, out + SIZE, ROW_BYTES);
        _tile_stored(3, out + SIZE + COLUMNS, ROW_BYTES);
      }
    } else {
      _tile_stored(0, out, ROW_BYTES);
      if (tiles > 1) _tile_stored(1, out + SIZE, ROW_BYTES);
      if (tiles > 2) _tile_stored(2, out + 2 * SIZE, ROW_BYTES);
      if (tiles > 3) _tile_stored(3, out + 3 * SIZE, ROW_BYTES);
    }
  }

 private:
  // The compiler does not know what a tile load reads: what was stored before must not be delayed past it.
  INLINE static void settle_memory() { asm volatile("" ::: "memory"); }

  /// Two tiles of rows, or the one of them in [FIRST, LAST), by two of columns.
  template <int FIRST, int LAST, class Meanwhile>
  INLINE static void add_two(const Strides& s, const Segment& run, Meanwhile& meanwhile) {
    const bf16 *a = run.a, *b = run.b;
    const int64_t rowBytes = s.aRow * 2;
    for (int64_t i = 0; i < run.count; ++i, a += s.aStep, b += s.bStep) {
      _tile_loadd(6, b, 64);
      if constexpr (FIRST == 0) _tile_loadd(4, a, rowBytes);
      _tile_loadd(7, b + TILE, 64);
      if constexpr (LAST == 2) _tile_loadd(5, a + s.aTile, rowBytes);
      if constexpr (FIRST == 0) {
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(1, 4, 7);
      }
      if constexpr (LAST == 2) {
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
      }
      meanwhile.slice();
    }
  }

  /// The first `last` of four tiles of rows by one of columns.
  template <class Meanwhile>
  INLINE static void add_four(const Strides& s, const Segment& run, Meanwhile& meanwhile) {
    const bf16 *a = run.a, *b = run.b;
    const int64_t rowBytes = s.aRow * 2;
    for (int64_t i = 0; i < run.count; ++i, a += s.aStep, b += s.bStep) {
      _tile_loadd(6, b, 64);
      _tile_loadd(4, a, rowBytes);
      _tile_dpbf16ps(0, 4, 6);
      meanwhile.slice();
      if (run.last < 2) continue;
      _tile_loadd(5, a + s.aTile, rowBytes);
      _tile_dpbf16ps(1, 5, 6);
      if (run.last < 3) continue;
      _tile_loadd(4, a + 2 * s.aTile, rowBytes);
      _tile_dpbf16ps(2, 4, 6);
      if (run.last < 4) continue;
      _tile_loadd(5, a + 3 * s.aTile, rowBytes);
      _tile_dpbf16ps(3, 5, 6);
    }
  }
};

}  // namespace
