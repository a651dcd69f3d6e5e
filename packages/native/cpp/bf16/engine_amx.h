// Sums of products of bfloat16 tiles by the tile registers of AMX: four hold sums, the others operands.
#pragma once
#include "tiles.h"

namespace {

class Engine {
 public:
  static constexpr bool HIDES_WORK = true;
  static constexpr int FEWEST_COLUMN_TILES = 2;

  /// Of registers, the first four hold sums, the next two tiles of `a`, the last two weights, which are pairs of terms.
  static void begin(int rows, int terms = BLOCK) {
    constexpr int REGISTERS = 8, OPERANDS = 4, WEIGHTS = 6, ROW_BYTES = 64;
    struct alignas(64) {
      uint8_t palette = 1, startRow = 0, reserved[14] = {};
      uint16_t rowBytes[16] = {};
      uint8_t rows[16] = {};
    } config;
    for (int i = 0; i < REGISTERS; ++i) {
      const bool isOperand = i >= OPERANDS && i < WEIGHTS;
      config.rowBytes[i] = static_cast<uint16_t>(isOperand ? terms * 2 : ROW_BYTES);
      config.rows[i] = static_cast<uint8_t>(i < WEIGHTS ? rows : terms / 2);
    }
    asm volatile("" ::"r"(&config) : "memory");  // nor that this reads all of it
    _tile_loadconfig(&config);
  }
  static void end() { _tile_release(); }

  template <int P, int C, class Meanwhile>
  INLINE void sum(const Operands& s, int64_t ahead, const Segment* segments, int count, int tiles,
                  const float* start, const Sums& out, Meanwhile& meanwhile) {
    static_assert(P * C == 4, "there are four registers of sums");
    settle_memory();
    const Segment *run = segments, *const end = segments + count;
    int64_t from = 0;
    if (run < end && run->first == 0 && run->last == P) {
      // The first product takes the registers over, one by one.
      begin_with<P>(s, run->a + ahead, run->b, start);
      meanwhile.slice();
      from = 1;
    } else {
      each<4>([&](auto i) { take_over<P, i>(start); });
    }
    for (; run < end; ++run, from = 0) {
      if constexpr (P == 2) {
        if (run->first > 0)
          add_two<1, 2>(s, *run, ahead, from, meanwhile);
        else if (run->last > 1)
          add_two<0, 2>(s, *run, ahead, from, meanwhile);
        else
          add_two<0, 1>(s, *run, ahead, from, meanwhile);
      } else {
        add_four(s, *run, ahead, from, meanwhile);
      }
    }
    meanwhile.rest();
    settle_memory();
    pending_ = out;
    tiles_ = tiles;
  }

  template <int P>
  INLINE void drain() {
    each<4>([&](auto i) { store_sums<P, i>(); });
    tiles_ = 0;
  }

 private:
  // The compiler does not know what a tile load reads: what was stored before must not be delayed past it.
  INLINE static void settle_memory() { asm volatile("" ::: "memory"); }

  /// Register I is tile I / C of the block by column I % C.
  template <int P, int I>
  INLINE void store_sums() {
    constexpr int C = 4 / P;
    if (tiles_ > I / C) store<I>(pending_.data + I / C * pending_.tile + I % C * COLUMNS, pending_.row * 4);
  }

  template <int P, int I>
  INLINE void take_over(const float* start) {
    store_sums<P, I>();
    begin_sums<I>(start ? start + I % (4 / P) * COLUMNS : nullptr);
  }

  // Registers' names are part of the instructions.
  template <int I>
  INLINE static void store(float* to, int64_t rowBytes) {
    if constexpr (I == 0) _tile_stored(0, to, rowBytes);
    if constexpr (I == 1) _tile_stored(1, to, rowBytes);
    if constexpr (I == 2) _tile_stored(2, to, rowBytes);
    if constexpr (I == 3) _tile_stored(3, to, rowBytes);
  }
  /// Every row is the same.
  template <int I>
  INLINE static void begin_sums(const float* row) {
    if constexpr (I == 0) {
      if (row) _tile_loadd(0, row, 0);
      else _tile_zero(0);
    }
    if constexpr (I == 1) {
      if (row) _tile_loadd(1, row, 0);
      else _tile_zero(1);
    }
    if constexpr (I == 2) {
      if (row) _tile_loadd(2, row, 0);
      else _tile_zero(2);
    }
    if constexpr (I == 3) {
      if (row) _tile_loadd(3, row, 0);
      else _tile_zero(3);
    }
  }

  template <int P>
  INLINE void begin_with(const Operands& s, const bf16* a, const bf16* b, const float* start) {
    const int64_t rowBytes = s.row * 2;
    _tile_loadd(6, b, 64);
    _tile_loadd(4, a, rowBytes);
    if constexpr (P == 2) {
      _tile_loadd(7, b + TILE, 64);
      _tile_loadd(5, a + s.tile, rowBytes);
      take_over<P, 0>(start);
      _tile_dpbf16ps(0, 4, 6);
      take_over<P, 1>(start);
      _tile_dpbf16ps(1, 4, 7);
      take_over<P, 2>(start);
      _tile_dpbf16ps(2, 5, 6);
      take_over<P, 3>(start);
      _tile_dpbf16ps(3, 5, 7);
    } else {
      take_over<P, 0>(start);
      _tile_dpbf16ps(0, 4, 6);
      _tile_loadd(5, a + s.tile, rowBytes);
      take_over<P, 1>(start);
      _tile_dpbf16ps(1, 5, 6);
      _tile_loadd(4, a + 2 * s.tile, rowBytes);
      take_over<P, 2>(start);
      _tile_dpbf16ps(2, 4, 6);
      _tile_loadd(5, a + 3 * s.tile, rowBytes);
      take_over<P, 3>(start);
      _tile_dpbf16ps(3, 5, 6);
    }
  }

  /// Two tiles of rows, or the one of them in [FIRST, LAST), by two of columns.
  template <int FIRST, int LAST, class Meanwhile>
  INLINE static void add_two(const Operands& s, const Segment& run, int64_t ahead, int64_t from, Meanwhile& meanwhile) {
    const bf16 *a = run.a + ahead + from * s.step, *b = run.b + from * s.weightStep;
    const int64_t rowBytes = s.row * 2;
    for (int64_t i = from; i < run.count; ++i, a += s.step, b += s.weightStep) {
      if (s.passing == Passing::B) {
        _tile_stream_loadd(6, b, 64);
        _tile_stream_loadd(7, b + TILE, 64);
      } else {
        _tile_loadd(6, b, 64);
        _tile_loadd(7, b + TILE, 64);
      }
      if (s.passing == Passing::A) {
        if constexpr (FIRST == 0) _tile_stream_loadd(4, a, rowBytes);
        if constexpr (LAST == 2) _tile_stream_loadd(5, a + s.tile, rowBytes);
      } else {
        if constexpr (FIRST == 0) _tile_loadd(4, a, rowBytes);
        if constexpr (LAST == 2) _tile_loadd(5, a + s.tile, rowBytes);
      }
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

  /// Those of four tiles of rows in [first, last) by one of columns.
  template <class Meanwhile>
  INLINE static void add_four(const Operands& s, const Segment& run, int64_t ahead, int64_t from,
                              Meanwhile& meanwhile) {
    const bf16 *a = run.a + ahead + from * s.step, *b = run.b + from * s.weightStep;
    const int64_t rowBytes = s.row * 2;
    const auto takes_part = [&](int tile) { return run.first <= tile && tile < run.last; };
    for (int64_t i = from; i < run.count; ++i, a += s.step, b += s.weightStep) {
      _tile_loadd(6, b, 64);
      if (takes_part(0)) {
        _tile_loadd(4, a, rowBytes);
        _tile_dpbf16ps(0, 4, 6);
      }
      if (takes_part(1)) {
        _tile_loadd(5, a + s.tile, rowBytes);
        _tile_dpbf16ps(1, 5, 6);
      }
      if (takes_part(2)) {
        _tile_loadd(4, a + 2 * s.tile, rowBytes);
        _tile_dpbf16ps(2, 4, 6);
      }
      if (takes_part(3)) {
        _tile_loadd(5, a + 3 * s.tile, rowBytes);
        _tile_dpbf16ps(3, 5, 6);
      }
      meanwhile.slice();
    }
  }

  Sums pending_{};  // where the registers' sums go: the first tiles_ of them
  int tiles_ = 0;
};

}  // namespace
