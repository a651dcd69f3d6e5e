// The layers between the first and the last, forward and backward. Where products are direct, every block of two
// positions by 32 channels, or by the first 16, is one sum over the taps that lie inside the picture.
#pragma once
#include <utility>

#include "finish.h"
#include "meanwhile.h"
#include "minimal_backward.h"
#include "plan.h"

namespace {

/// A block of sums, and where it goes: `tiles` positions, `step` apart, one block of channels. Among tiles, the first
/// is at `at`, and the next one `apart` after it.
struct Block {
  const float* sums;
  int64_t position, step, channels, at, apart;
  int tiles;
};

/// Where a grid's source lies, in elements: distances from a row of positions to the next, from a position to the next,
/// between chains, and between products of a position; see Operands.
struct Source {
  const bf16* data;
  int64_t row, position, chain, step;
  int64_t size;  // of all of it
};

INLINE Source tiles_source(const Grid& g, const bf16* tiles) {
  const int64_t position = g.sourceBlocks * TILE, row = g.sourceWidth * position;
  return {tiles, row, position, BLOCK, TILE, g.y.sourceSize * row};
}

/// The products for positions x and x + 1 of row y: one run of tiles where both have a tap inside, others for either.
int row_segments(const Grid& g, int64_t y, int64_t x, const Source& source, const bf16* weights, Segment* segments) {
  const Range ty = taps_inside(g.y, y), left = taps_inside(g.x, x), right = taps_inside(g.x, x + 1);
  // The right one's taps begin and end no later than the left one's.
  const bool pair = right.first < right.end;
  const Range both = {left.first, pair ? larger(left.first, right.end) : left.first};
  int count = 0;
  for (int64_t t = ty.first; t < ty.end; ++t) {
    const bf16* row = source.data + (g.y.sourceFirst + y * g.y.sourceStep + t) * source.row;
    const auto add = [&](Range taps, int first, int last) {
      if (taps.first >= taps.end) return;
      segments[count++] = {row + (g.x.sourceFirst + x * g.x.sourceStep + taps.first) * source.position,
                           weights + (t * g.x.taps + taps.first) * g.sourceBlocks * 2 * TILE,
                           (taps.end - taps.first) * g.sourceBlocks, first, last};
    };
    if (pair) add({right.first, smaller(left.first, right.end)}, 1, 2);
    add({both.first, smaller(both.end, left.end)}, 0, 2);
    add({both.end, left.end}, 0, 1);
  }
  return count;
}

/// Pairs of positions of a row that have the same products, each at positions of its own: those in the middle.
Range alike(const Axis& axis) {
  Range same{divide_up(larger(0, -axis.sourceFirst), axis.sourceStep), 0};
  same.first = divide_up(same.first, 2) * 2;
  const int64_t last = axis.sourceSize - axis.taps - axis.sourceFirst;  // the last first tap that has all others inside
  same.end = last < 0 ? 0 : smaller(axis.count, last / axis.sourceStep + 1) / 2 * 2;
  return same;
}

/// A product over a grid's positions: `rows` chains of every tile.
struct Multiplication {
  Grid grid;
  int rows;
  Source source;
  const bf16* weights;
  const float* bias;  // of whole blocks of outputs, or null
  Segment* segments;  // space for those of a sum
  float* sums;        // space for those of two blocks
};

/// Rows of positions for which all channels are computed before the next: as many as read no more of the source than
/// the second-level cache keeps, where it is worth reading the weights again.
INLINE int64_t rows_of_a_strip(const Grid& g, int64_t source) {
  constexpr int64_t LARGE = 384 * 1024, STRIP_SIZE = 256 * 1024;  // numbers
  if (source <= LARGE) return g.y.count;
  const int64_t weights = g.packedSize(), strips = divide_up(source, STRIP_SIZE);
  if (source + strips * weights >= g.outBlocks * source + weights) return g.y.count;
  return divide_up(g.y.count, strips);
}

/// What is to be kept in the first-level cache while a panel of weights meets all positions: where there is room, the
/// panel; where there is not, what neighbouring positions share.
INLINE Passing passing_of(int64_t panel) {
  constexpr int64_t SMALL = 8 * 1024, LARGE = 16 * 1024;  // numbers
  return panel <= SMALL ? Passing::NONE : panel <= LARGE ? Passing::A : Passing::B;
}

/// finish(block, tile, first row, end) is called for all rows of each block in turn, while the next but one is under
/// way: the sums of the one before have only just been written.
template <int COLUMN_TILES, class Finish>
__attribute__((noinline)) void multiply_columns(const Multiplication& m, const Finish& finish) {
  const Grid& g = m.grid;
  const int64_t panel = g.panel() * 2 * TILE;
  const int rows = m.rows;
  const Operands operands{m.source.chain, g.x.sourceStep * m.source.position, m.source.step, 2 * TILE, g.terms, rows,
                          passing_of(panel)};
  if (COLUMN_TILES == 1) memset(m.sums, 0, 4 * TILE * sizeof(float));  // those of the other half stay so
  float *sums = m.sums, *otherSums = sums + 2 * TILE;
  Block previous{}, before{};
  Meanwhile meanwhile([&before, rows, finish](int unit) {
    const int row = unit % UNITS_OF_A_TILE * ROWS_AT_ONCE;
    const int end = row + ROWS_AT_ONCE < rows ? row + ROWS_AT_ONCE : rows;
    if (row < end) finish(before, unit / UNITS_OF_A_TILE, row, end);
  });
  Engine engine;
  const int64_t strip = rows_of_a_strip(g, m.source.size);
  const Range middle = alike(g.x);
  for (int64_t y0 = 0; y0 < g.y.count; y0 += strip) {
    const int64_t y1 = smaller(y0 + strip, g.y.count);
    for (int64_t channels = 0; channels < g.outBlocks; ++channels) {
      const bf16* weights = m.weights + channels * panel;
      const float* start = m.bias ? m.bias + channels * BLOCK : nullptr;
      // The next panel may have to come from memory that all cores share. After the last one come other weights.
      meanwhile.fetch({channels + 1 == g.outBlocks && y1 < g.y.count ? m.weights : weights + panel,
                       panel * static_cast<int64_t>(sizeof(bf16)), (y1 - y0) * divide_up(g.x.count, 2) * g.panel()});
      for (int64_t y = y0; y < y1; ++y) {
        int count = 0;
        int64_t products = 0, ahead = 0;
        for (int64_t x = 0; x < g.x.count; x += 2) {
          if (x <= middle.first || x >= middle.end) {
            count = row_segments(g, y, x, m.source, weights, m.segments);
            ahead = 0;
            products = products_of(m.segments, count);
          } else {
            ahead += 2 * operands.tile;
          }
          const int tiles = x + 1 < g.x.count ? 2 : 1;
          meanwhile.begin(before.tiles * UNITS_OF_A_TILE, products);
          engine.sum<2, COLUMN_TILES>(operands, ahead, m.segments, count, tiles, start, {sums, BLOCK, TILE}, meanwhile);
          const int64_t position = (g.y.outFirst + y * g.y.outStep) * g.outWidth + g.x.outFirst + x * g.x.outStep;
          before = previous;
          previous = {sums, position, g.x.outStep, channels, (position * g.outBlocks + channels) * TILE,
                      g.x.outStep * g.outBlocks * TILE, tiles};
          std::swap(sums, otherSums);
        }
      }
    }
  }
  engine.drain<2>();
  for (int last = 0; last < 2; ++last, before = previous) {
    meanwhile.begin(before.tiles * UNITS_OF_A_TILE, 0);
    meanwhile.rest();
  }
}

/// Products are of `terms` terms while it lives, and of 32 before and after.
class FewTerms {
 public:
  FewTerms(int rows, int terms) : rows_(terms < BLOCK ? rows : 0) {
    if (rows_ > 0) Engine::begin(rows_, terms);
  }
  ~FewTerms() {
    if (rows_ > 0) Engine::begin(rows_);
  }
  FewTerms(const FewTerms&) = delete;
  FewTerms& operator=(const FewTerms&) = delete;

 private:
  const int rows_;
};

/// Multiplies by either kind of product, of blocks whose terms and columns may be few.
template <class Product, class Finish>
void multiply(const Product& m, const Finish& finish) {
  const FewTerms terms(m.rows, m.grid.terms);
  if (m.grid.columnTiles == 1) multiply_columns<Engine::FEWEST_COLUMN_TILES>(m, finish);
  else multiply_columns<2>(m, finish);
}

/// Layer l's product, whose sums become its activations.
void multiply_forward(const Plan& p, int l, const Grid& g, const Source& source, const bf16* weights,
                      const char* packed, char* work) {
  const Multiplication m{g, p.rows, source, weights, at<float>(packed, p.bias[l]), at<Segment>(work, p.segments),
                         at<float>(work, p.sums)};
  bf16* out = at<bf16>(work, p.activations[l]);
  const float slope = p.network->slope;
  if (p.bySigns) {
    multiply(m, [=](const Block& b, int i, int row, int end) {
      finish_by_sign(end - row, b.sums + i * TILE + row * BLOCK, slope, out + b.at + i * b.apart + row * BLOCK);
    });
  } else {
    const SmoothFinish smooth = smooth_finish(p.network->activation);
    bf16* derivatives = at<bf16>(work, p.derivatives[l]);
    multiply(m, [=](const Block& b, int i, int row, int end) {
      const int64_t to = b.at + i * b.apart + row * BLOCK;
      smooth(end - row, b.sums + i * TILE + row * BLOCK, slope, out + to, derivatives + to);
    });
  }
}

void layer_forward(const Plan& p, int l, const char* packed, char* work) {
  const Grid g = forward_grid(p.network->shapes[l]);
  multiply_forward(p, l, g, tiles_source(g, at<bf16>(work, p.activations[l - 1])), at<bf16>(packed, p.forward[l]),
                   packed, work);
}

/// The products of layer l's gradient in its input; finish(offset, x, y) is called with each two vectors of them, and
/// where they lie among the tiles of layer l - 1.
template <class Finish>
void multiply_backward(const Plan& p, int l, const char* packed, char* work, const Finish& finish) {
  const ConvShape& s = p.network->shapes[l];
  const bf16 *source = at<bf16>(work, p.activations[l]), *weights = at<bf16>(packed, p.backward[l]);
  float* sums = at<float>(work, p.sums);
  if (p.minimal[l].is_used())
    return multiply(MinimalBackward{s, p.minimal[l], p.rows, source, weights, at<bf16>(work, p.differences), sums},
                    finish);
  each_phase(s, [&](const Grid& g) {
    const auto segments = at<Segment>(work, p.segments);
    multiply(Multiplication{g, p.rows, tiles_source(g, source), weights, nullptr, segments, sums},
             [=](const Block& b, int i, int row, int end) {
               const float* from = b.sums + i * TILE + row * BLOCK;
               const int64_t to = b.at + i * b.apart + row * BLOCK;
               each_two_vectors(end - row, [&](int k, int) { finish(to + k, load(from + k), load(from + k + L)); });
             });
    weights += g.packedSize();
  });
}

/// From the gradient in layer l's sums to that in layer l - 1's, which takes the place of its activations.
void layer_backward(const Plan& p, int l, const char* packed, char* work) {
  bf16* out = at<bf16>(work, p.activations[l - 1]);
  const bf16* derivative = at<bf16>(work, p.derivatives[l - 1]);
  const vec slope = splat(p.network->slope);
  if (p.bySigns)
    multiply_backward(p, l, packed, work,
                      [=](int64_t to, vec x, vec y) { gradient_by_sign(x, y, slope, out + to); });
  else
    multiply_backward(p, l, packed, work, [=](int64_t to, vec x, vec y) {
      gradient_by_derivative(x, y, derivative + to, out + to);
    });
}

}  // namespace
