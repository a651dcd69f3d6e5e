// Weights in the order in which products read them.
#pragma once
#include "../parallel.h"
#include "geometry.h"

namespace {

/// A matrix [terms, columns] inside a filter.
struct Matrix {
  const float* data;
  int64_t termStride, columnStride, terms, columns;
};

/// The tile whose corner is (term, column); zeros outside the matrix.
void pack_tile(const Matrix& m, int64_t term, int64_t column, bf16* to) {
  const int64_t terms = smaller(BLOCK, m.terms - term), columns = smaller(COLUMNS, m.columns - column);
  const float* from = m.data + term * m.termStride + column * m.columnStride;
  if (terms == BLOCK && columns == COLUMNS && m.columnStride == 1) {
    for (int64_t k = 0; k < BLOCK; k += 2)
      for (int64_t c = 0; c < COLUMNS; c += L) {
        const float* pair = from + k * m.termStride + c;
        const uvec both = nearest_halves(load(pair)) | nearest_halves(load(pair + m.termStride)) << 16;
        *reinterpret_cast<loose_uvec*>(to + k * COLUMNS + c * 2) = both;
      }
    return;
  }
  if (terms == BLOCK && columns == COLUMNS && m.termStride == 1) {
    for (int64_t c = 0; c < COLUMNS; ++c, from += m.columnStride) {
      uint32_t pairs[BLOCK / 2];
      bf16 halves[BLOCK];
      for (int64_t k = 0; k < BLOCK; k += 2 * L) narrow_two(halves + k, load(from + k), load(from + k + L));
      memcpy(pairs, halves, sizeof pairs);
      for (int64_t k = 0; k < BLOCK / 2; ++k) memcpy(to + (k * COLUMNS + c) * 2, pairs + k, 4);
    }
    return;
  }
  if (terms < BLOCK || columns < COLUMNS) memset(to, 0, TILE * sizeof(bf16));
  for (int64_t k = 0; k < terms; ++k)
    for (int64_t c = 0; c < columns; ++c)
      to[k / 2 * 2 * COLUMNS + c * 2 + k % 2] = rounded(from[k * m.termStride + c * m.columnStride]);
}

/// Columns in blocks of 32, each with all its terms.
void pack_matrix(const Matrix& m, bf16* to) {
  for (int64_t column = 0; column < m.columns; column += BLOCK)
    for (int64_t term = 0; term < m.terms; term += BLOCK)
      for (int half = 0; half < 2; ++half, to += TILE) pack_tile(m, term, column + half * COLUMNS, to);
}

/// The same, shared out among threads.
void pack_columns(const Matrix& m, bf16* to) {
  const int64_t size = blocks_of(m.terms) * 2 * TILE;
  auto pack = [&](int64_t block, int) {
    Matrix part = m;
    part.data += block * BLOCK * m.columnStride;
    part.columns = smaller(BLOCK, m.columns - block * BLOCK);
    pack_matrix(part, to + block * size);
  };
  parallel(blocks_of(m.columns), pack);
}

/// A grid's filter: [block of outputs][tap row][tap column][block of the source][2][tile]. matrix(row, column) is that
/// of one of the filter's taps.
template <class MatrixOf>
void pack_grid(const Grid& g, bf16* to, MatrixOf&& matrix) {
  const int64_t taps = g.y.taps * g.x.taps;
  auto pack = [&](int64_t task, int) {
    const int64_t tap = task % taps, column = task / taps * BLOCK;
    const Matrix m = matrix(g.y.filterFirst + tap / g.x.taps * g.y.filterStep,
                            g.x.filterFirst + tap % g.x.taps * g.x.filterStep);
    bf16* tile = to + task * g.sourceBlocks * 2 * TILE;
    for (int64_t block = 0; block < g.sourceBlocks; ++block)
      for (int half = 0; half < 2; ++half, tile += TILE)
        pack_tile(m, block * BLOCK, column + half * COLUMNS, tile);
  };
  if (taps > 0) parallel(g.outBlocks * taps, pack);
}

void pack_forward(const ConvShape& s, const float* filter, bf16* to) {
  pack_grid(forward_grid(s), to, [&](int64_t row, int64_t column) {
    const int64_t tap = (row * s.filterWidth + column) * s.inChannels * s.outChannels;
    return Matrix{filter + tap, s.outChannels, 1, s.inChannels, s.outChannels};
  });
}

void pack_backward(const ConvShape& s, const Grid& phase, const float* filter, bf16* to) {
  pack_grid(phase, to, [&](int64_t row, int64_t column) {
    const int64_t tap = (row * s.filterWidth + column) * s.inChannels * s.outChannels;
    return Matrix{filter + tap, 1, s.outChannels, s.outChannels, s.inChannels};
  });
}

}  // namespace
