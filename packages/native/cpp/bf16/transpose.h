// Tiles turned so that the sums of a product run over images: 32 images, two groups of 16, are its terms.
#pragma once
#include "tiles.h"

namespace {

constexpr int BATCH = 2 * CHAINS;  // images whose products are summed in one product of tiles

/// A tile [16 chains][32 channels] to half of a pair of tiles of weights, [16 pairs of images][16 channels][2] twice.
void turn_to_columns(const bf16* tile, int half, bf16* to) {
  for (int pair = 0; pair < CHAINS / 2; ++pair)
    for (int c = 0; c < BLOCK; c += L) {
      const auto part = [&](int chain) {
        return __builtin_convertvector(*reinterpret_cast<const loose_half_vec*>(tile + chain * BLOCK + c), uvec);
      };
      const uvec both = part(2 * pair) | part(2 * pair + 1) << 16;
      bf16* at = to + c / COLUMNS * TILE + ((half * CHAINS / 2 + pair) * COLUMNS + c % COLUMNS) * 2;
      *reinterpret_cast<loose_uvec*>(at) = both;
    }
}

/// Rows `rowStride` apart of 32 channels of 16 chains to half of two tiles [16 channels][32 images].
void turn_to_rows(const bf16* rows, int64_t rowStride, int half, bf16* to) {
  uint32_t pairs[CHAINS / 2][BLOCK];
  for (int pair = 0; pair < CHAINS / 2; ++pair) {
    const bf16 *even = rows + 2 * pair * rowStride, *odd = even + rowStride;
    for (int c = 0; c < BLOCK; ++c) pairs[pair][c] = even[c] | uint32_t{odd[c]} << 16;
  }
  for (int c = 0; c < BLOCK; ++c, to += BATCH) {
    uint32_t column[CHAINS / 2];
    for (int pair = 0; pair < CHAINS / 2; ++pair) column[pair] = pairs[pair][c];
    memcpy(to + half * CHAINS, column, sizeof column);
  }
}

}  // namespace
