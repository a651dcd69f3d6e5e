// The shape of the work: everything is cut into tiles of 16 chains by 32 channels, 1 KiB of bfloat16 each.
//
// Activations lie as [row][column][channel block][16 chains][32 channels], so that neighbouring taps of a convolution
// are one run of tiles. Weights lie as pairs of tiles of 16 columns: [32 / 2 pairs of terms][16 columns][2 terms].
#pragma once
#include "number.h"

namespace {

constexpr int CHAINS = 16;   // of a group: the rows of a tile
constexpr int BLOCK = 32;    // channels of a tile: the terms of one product
constexpr int TILE = CHAINS * BLOCK;
constexpr int COLUMNS = 16;  // of a tile of weights or sums

/// A run of products: a tile of `a` by one of `b`, and the next ones, `count` times. Of the block's rows of tiles,
/// those from `first` to before `last` take part.
struct Segment {
  const bf16 *a, *b;
  int64_t count;
  int first, last;
};

INLINE int64_t products_of(const Segment* segments, int count) {
  int64_t products = 0;
  for (int i = 0; i < count; ++i) products += segments[i].count;
  return products;
}

/// Which operand had better pass by the first-level cache, so that the other stays there.
enum class Passing { NONE, A, B };

/// Where a block's operands lie, in elements: distances between the rows of a tile of `a`, between the block's tiles of
/// `a`, and in `a` and `b` from one product of a run to the next. Of a row, at least the first `terms` are multiplied,
/// as begin() was told; others meet weights of zero. Of a tile's rows, the first `rows` are wanted.
struct Operands {
  int64_t row, tile, step, weightStep;
  int terms, rows;
  Passing passing = Passing::NONE;
};

/// Where sums go: distances between the rows of a tile and between the block's tiles.
struct Sums {
  float* data;
  int64_t row, tile;
};

// An engine computes blocks of sums. It has
//   HIDES_WORK: whether products are made by other units of the processor than what is done meanwhile;
//   FEWEST_COLUMN_TILES: the least C of a sum<2, C>: 1 where half of a block's columns take less time than all;
//   begin(rows, terms), end(): around its use on a thread, for sums of so many rows and products of so many terms, an
//     even number, 32 where it is not said; may be begun again before the end;
//   sum<P, C>(operands, ahead, segments, count, tiles, start, out, meanwhile): the sums of products of P tiles of `a`
//     (2 or 4), all of them `ahead` elements after what the segments say, by C tiles of `b`, side by side: 4 / P,
//     or the fewest. The first `tiles` are written to `out`, in their order; other rows are left as they were or
//     not. Each row begins with start [16 C], or with zeros where that is null.
//   drain<P>(): must follow the last sum.
// Sums may still be in registers when sum() returns. They are in their place when the next one calls meanwhile.slice()
// or rest(), and are not written over before its rest() has returned.

}  // namespace
