// The gradient in a layer's input by minimal filtering (winograd.h): each phase of a filter of 4 x 4 taps and stride 2
// is one of two taps along either axis, and nine products do the work of sixteen.
//
// They multiply differences of neighbours, which are rounded to bfloat16 once more. Of an activation with a kink, the
// gradient's error hardly grows by that: most of it comes from the forward pass, whose errors take kinks from the wrong
// side, and which stays direct (docs/decisions/010-minimal-filtering-backward.md).
#pragma once
#include "../winograd.h"
#include "finish.h"
#include "meanwhile.h"
#include "pack.h"
#include "plan.h"

namespace {

/// Packs [phase][block of outputs][plane][block of the source][2][tile].
void pack_minimal_backward(const ConvShape& s, const MinimalGrid& g, const float* filter, bf16* to) {
  auto pack = [&](int64_t task, int) {
    const int64_t block = task % g.sourceBlocks, outBlock = task / g.sourceBlocks % g.outBlocks;
    const int64_t phase = task / g.sourceBlocks / g.outBlocks;
    const int64_t terms = smaller(BLOCK, s.outChannels - block * BLOCK);
    const auto tap = [&](int64_t i, int64_t j) {  // in the order of the sources that they meet
      const int64_t row = 3 - phase / 2 - 2 * i, column = 3 - phase % 2 - 2 * j;
      return filter + (row * s.filterWidth + column) * s.inChannels * s.outChannels + block * BLOCK;
    };
    alignas(64) float planes[MinimalGrid::PLANES][COLUMNS * BLOCK];
    for (int half = 0; half < 2; ++half) {
      const int64_t first = outBlock * BLOCK + half * COLUMNS;
      const int64_t columns = larger(0, smaller(COLUMNS, s.inChannels - first));
      for (int64_t column = 0; column < columns; ++column)
        for (int64_t term = 0; term < terms; term += L) {
          const int64_t at = (first + column) * s.outChannels + term;
          vec taps[2][2], made[3][3];
          each<2>([&](auto i) {
            each<2>([&](auto j) { taps[i][j] = load_part(tap(i, j) + at, smaller(L, terms - term)); });
          });
          along_both_axes<transform_filter<2, 2>>(taps, made);
          each<3>([&](auto i) {
            each<3>([&](auto j) { store(planes[i * 3 + j] + column * BLOCK + term, made[i][j]); });
          });
        }
      for (int64_t plane = 0; plane < MinimalGrid::PLANES; ++plane) {
        const int64_t panel = (phase * g.outBlocks + outBlock) * MinimalGrid::PLANES + plane;
        pack_tile({planes[plane], 1, BLOCK, terms, columns}, 0, 0,
                  to + ((panel * g.sourceBlocks + block) * 2 + half) * TILE);
      }
    }
  };
  parallel(MinimalGrid::PHASES * g.outBlocks * g.sourceBlocks, pack);
}

/// A layer's gradient in its sums and how it is multiplied, for `rows` chains.
struct MinimalBackward {
  const ConvShape& shape;
  const MinimalGrid& grid;
  int rows;
  const bf16 *source, *weights;
  bf16* differences;  // space for those of a piece
  float* sums;        // likewise
};

/// Squares of each phase, from square (y, x) on.
struct SquaresPiece {
  int64_t y, x, height, width;

  int64_t squares() const { return height * width; }
};

/// Writes the differences of sources between neighbours across, between neighbours down, and between neighbours down of
/// those across, from the source before a piece's first to its last. What is outside the picture is zero.
void subtract_neighbours(const MinimalBackward& m, const SquaresPiece& piece) {
  alignas(64) static constexpr bf16 ZEROS[TILE] = {};
  const MinimalGrid& g = m.grid;
  for (int64_t i = 0; i <= 2 * piece.height; ++i)
    for (int64_t j = 0; j <= 2 * piece.width; ++j) {
      const auto tiles_at = [&](int64_t down, int64_t across) -> const bf16* {
        const int64_t y = 2 * piece.y - 1 + i + down, x = 2 * piece.x - 1 + j + across;
        const bool inside = y >= 0 && y < m.shape.outHeight && x >= 0 && x < m.shape.outWidth;
        return inside ? m.source + (y * m.shape.outWidth + x) * g.position : nullptr;
      };
      const bf16 *here = tiles_at(0, 0), *right = tiles_at(0, 1), *below = tiles_at(1, 0), *last = tiles_at(1, 1);
      bf16* to = m.differences + i * g.row + j * g.position;
      for (int64_t block = 0; block < g.sourceBlocks; ++block, to += TILE) {
        const auto tile = [&](const bf16* tiles) { return tiles ? tiles + block * TILE : ZEROS; };
        const bf16 *a = tile(here), *b = tile(right), *c = tile(below), *d = tile(last);
        each_two_vectors(m.rows, [&](int at, int) {
          vec across[2], down[2], both[2];
          each<2>([&](auto half) {
            const int k = at + half * L;
            const vec one = widen(a + k), under = widen(c + k);
            across[half] = one - widen(b + k);
            down[half] = one - under;
            both[half] = across[half] - (under - widen(d + k));
          });
          narrow_two(to + at, across[0], across[1]);
          narrow_two(to + g.kind + at, down[0], down[1]);
          narrow_two(to + 2 * g.kind + at, both[0], both[1]);
        });
      }
    }
}

/// The tiles of a plane's terms: those of a piece's first square, and how far those of the square below are.
struct Terms {
  const bf16* first;
  int64_t down;
};

/// Along an axis, plane 0 has the difference before a position, plane 1 what is there, plane 2 the difference after it.
INLINE Terms plane_terms(const MinimalBackward& m, const SquaresPiece& piece, int64_t phase, int64_t plane) {
  const MinimalGrid& g = m.grid;
  const int64_t phaseY = phase / 2, phaseX = phase % 2, planeY = plane / 3, planeX = plane % 3;
  if (planeY == 1 && planeX == 1) {
    const int64_t row = m.shape.outWidth * g.position;
    return {m.source + (2 * piece.y + phaseY) * row + (2 * piece.x + phaseX) * g.position, 2 * row};
  }
  const int64_t kind = planeY == 1 ? 0 : planeX == 1 ? 1 : 2;
  const int64_t row = phaseY + (planeY + 1) / 2, column = phaseX + (planeX + 1) / 2;
  return {m.differences + kind * g.kind + row * g.row + column * g.position, 2 * g.row};
}

/// As transform_output<2, 2>, of a last product whose difference is taken the other way round.
INLINE void transform_gradient(const vec (&m)[3], vec (&y)[2]) {
  y[0] = m[0] + m[1];
  y[1] = m[1] - m[2];
}

/// finish(offset, x, y) is called with each two vectors of gradients, and where they lie among the layer's inputs.
template <int COLUMN_TILES, class Finish>
void finish_piece(const MinimalBackward& m, const SquaresPiece& piece, int64_t phase, int64_t block,
                  const Finish& finish) {
  const int64_t position = m.grid.outBlocks * TILE, row = m.shape.inWidth * position;
  const int64_t plane = piece.squares() * TILE;
  for (int64_t square = 0; square < piece.squares(); ++square) {
    const int64_t y = 4 * (piece.y + square / piece.width) + phase / 2;
    const int64_t x = 4 * (piece.x + square % piece.width) + phase % 2;
    const int64_t first = y * row + x * position + block * TILE;
    const float* sums = m.sums + square * TILE;
    each_two_vectors(m.rows, [&](int at, int) {
      vec gradients[2][2][2] = {};
      each<2>([&](auto half) {
        if (COLUMN_TILES == 1 && at % BLOCK + half * L >= COLUMNS) return;
        vec products[3][3];
        each<3>([&](auto i) {
          each<3>([&](auto j) { products[i][j] = load(sums + (i * 3 + j) * plane + at + half * L); });
        });
        along_both_axes<transform_gradient>(products, gradients[half]);
      });
      each<2>([&](auto i) {
        each<2>([&](auto j) {
          finish(first + i * 2 * row + j * 2 * position + at, gradients[0][i][j], gradients[1][i][j]);
        });
      });
    });
  }
}

template <int COLUMN_TILES, class Finish>
__attribute__((noinline)) void multiply_columns(const MinimalBackward& m, const Finish& finish) {
  const MinimalGrid& g = m.grid;
  const int64_t panel = g.sourceBlocks * 2 * TILE;
  const Operands operands{BLOCK, 2 * g.position, TILE, 2 * TILE, g.terms, m.rows};
  Meanwhile meanwhile([](int) {});
  Engine engine;
  const auto multiply_plane = [&](const SquaresPiece& piece, const Terms& terms, const bf16* weights, float* sums) {
    // After a piece's last panel comes the next piece's first, or other weights.
    const bool again = weights + panel == m.weights + g.packedSize() &&
                       (piece.y + piece.height < g.squaresY || piece.x + piece.width < g.squaresX);
    meanwhile.fetch({again ? m.weights : weights + panel, panel * static_cast<int64_t>(sizeof(bf16)),
                     piece.height * divide_up(piece.width, 2) * g.sourceBlocks});
    for (int64_t i = 0; i < piece.height; ++i)
      for (int64_t j = 0; j < piece.width; j += 2) {
        const int tiles = static_cast<int>(smaller(2, piece.width - j));
        const Segment run{terms.first + i * terms.down + j * 2 * g.position, weights, g.sourceBlocks, 0, tiles};
        meanwhile.begin(0, g.sourceBlocks);
        const Sums to{sums + (i * piece.width + j) * TILE, BLOCK, TILE};
        engine.sum<2, COLUMN_TILES>(operands, 0, &run, 1, tiles, nullptr, to, meanwhile);
      }
  };
  for (int64_t y = 0; y < g.squaresY; y += g.pieceY)
    for (int64_t x = 0; x < g.squaresX; x += g.pieceX) {
      const SquaresPiece piece{y, x, smaller(g.pieceY, g.squaresY - y), smaller(g.pieceX, g.squaresX - x)};
      subtract_neighbours(m, piece);
      const bf16* weights = m.weights;
      for (int64_t phase = 0; phase < MinimalGrid::PHASES; ++phase)
        for (int64_t block = 0; block < g.outBlocks; ++block) {
          for (int64_t plane = 0; plane < MinimalGrid::PLANES; ++plane, weights += panel) {
            const Terms terms = plane_terms(m, piece, phase, plane);
            multiply_plane(piece, terms, weights, m.sums + plane * piece.squares() * TILE);
          }
          engine.drain<2>();
          finish_piece<COLUMN_TILES>(m, piece, phase, block, finish);
        }
    }
}

}  // namespace
