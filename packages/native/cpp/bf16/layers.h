// The layers between the first and the last, forward and backward: every block of two positions by 32 channels is one
// sum over the taps that lie inside the picture.
#pragma once
#include "finish.h"
#include "meanwhile.h"
#include "plan.h"

namespace {

/// A block of sums, and where it goes: `tiles` positions, `step` apart, one block of channels.
struct Block {
  int64_t position, step, channels;
  int tiles;
};

/// The products for positions i and i + 1 of a row: one run of tiles where both have a tap inside, others for either.
int row_segments(const Grid& g, int64_t y, int64_t x, const bf16* source, const bf16* weights, Segment* segments) {
  const Range ty = taps_inside(g.y, y), left = taps_inside(g.x, x), right = taps_inside(g.x, x + 1);
  // The right one's taps begin and end no later than the left one's.
  const bool pair = right.first < right.end;
  const Range both = {left.first, pair ? larger(left.first, right.end) : left.first};
  int count = 0;
  for (int64_t t = ty.first; t < ty.end; ++t) {
    const int64_t sourceRow = (g.y.sourceFirst + y * g.y.sourceStep + t) * g.sourceWidth;
    const auto add = [&](Range taps, int first, int last) {
      if (taps.first >= taps.end) return;
      const int64_t column = g.x.sourceFirst + x * g.x.sourceStep + taps.first;
      segments[count++] = {source + (sourceRow + column) * g.sourceBlocks * TILE,
                           weights + (t * g.x.taps + taps.first) * g.sourceBlocks * 2 * TILE,
                           (taps.end - taps.first) * g.sourceBlocks, first, last};
    };
    if (pair) add({right.first, smaller(left.first, right.end)}, 1, 2);
    add({both.first, smaller(both.end, left.end)}, 0, 2);
    add({both.end, left.end}, 0, 1);
  }
  return count;
}

/// A product over a grid's positions: `rows` chains of every tile.
struct Multiplication {
  Grid grid;
  int rows;
  const bf16* source;
  int64_t sourceRow, sourceStep;  // numbers from a chain to the next in it, and from a block of channels
  const bf16* weights;
  const float* bias;   // of whole blocks of outputs, or null
  const bf16* target;  // tiles, as the source's, that are read or written once sums are there; null where that is not so
  Segment* segments;   // space for those of a sum
  float* sums;         // for a block of sums
};

constexpr int ROWS_AT_ONCE = 4;  // of a tile of sums, that one unit of work finishes

/// finish(block, tile, first row, end) is called for all rows of each block in turn, while the next one is under way.
template <class Finish>
void multiply(const Multiplication& m, Finish&& finish) {
  const Grid& g = m.grid;
  const Strides strides{m.sourceRow, g.x.sourceStep * g.sourceBlocks * TILE, m.sourceStep, 2 * TILE, m.rows};
  const int quarters = (m.rows + ROWS_AT_ONCE - 1) / ROWS_AT_ONCE;
  Block previous{};
  Meanwhile meanwhile([&](int unit) {
    const int row = unit % quarters * ROWS_AT_ONCE, end = row + ROWS_AT_ONCE < m.rows ? row + ROWS_AT_ONCE : m.rows;
    finish(previous, unit / quarters, row, end);
  });
  const int64_t panel = g.panel() * 2 * TILE;
  const bf16* weights = m.weights;
  for (int64_t channels = 0; channels < g.outBlocks; ++channels, weights += panel) {
    // The next panel may have to come from memory that all cores share.
    if (channels + 1 < g.outBlocks)
      meanwhile.fetch({weights + panel, panel * static_cast<int64_t>(sizeof(bf16)),
                       g.y.count * divide_up(g.x.count, 2) * g.panel()});
    for (int64_t y = 0; y < g.y.count; ++y)
      for (int64_t x = 0; x < g.x.count; x += 2) {
        const Block block{(g.y.outFirst + y * g.y.outStep) * g.outWidth + g.x.outFirst + x * g.x.outStep, g.x.outStep,
                          channels, x + 1 < g.x.count ? 2 : 1};
        int64_t products = 0;
        const int count = row_segments(g, y, x, m.source, weights, m.segments);
        for (int i = 0; i < count; ++i) products += m.segments[i].count;
        const auto target = [&](int64_t i) -> Ahead {
          if (!m.target || i >= block.tiles) return {};
          return {m.target + ((block.position + i * block.step) * g.outBlocks + channels) * TILE, m.rows * BLOCK * 2, products};
        };
        meanwhile.begin(previous.tiles * quarters, products, target(0), target(1));
        Engine::sum<2, 2>(strides, m.segments, count, block.tiles, m.bias ? m.bias + channels * BLOCK : nullptr, m.sums,
                          meanwhile);
        previous = block;
      }
  }
  meanwhile.begin(previous.tiles * quarters, 0);
  meanwhile.rest();
}

/// Layer l's activations from its sums.
auto forward_finish(const Plan& p, int l, char* work) {
  bf16* out = at<bf16>(work, p.activations[l]);
  bf16* derivatives = at<bf16>(work, p.derivatives[l]);
  const float* sums = at<float>(work, p.sums);
  const float slope = p.network->slope;
  const int64_t blocks = blocks_of(p.network->shapes[l].outChannels);
  const SmoothFinish smooth = p.bySigns ? nullptr : smooth_finish(p.network->activation);
  return [=](const Block& b, int i, int row, int end) {
    const int64_t from = i * TILE + row * BLOCK;
    const int64_t to = ((b.position + i * b.step) * blocks + b.channels) * TILE + row * BLOCK;
    if (smooth)
      smooth(end - row, sums + from, slope, out + to, derivatives + to);
    else
      finish_by_sign(end - row, sums + from, slope, out + to);
  };
}

void layer_forward(const Plan& p, int l, const char* packed, char* work) {
  multiply({forward_grid(p.network->shapes[l]), p.rows, at<bf16>(work, p.activations[l - 1]), BLOCK, TILE,
            at<bf16>(packed, p.forward[l]), at<float>(packed, p.bias[l]), at<bf16>(work, p.activations[l]),
            at<Segment>(work, p.segments), at<float>(work, p.sums)},
           forward_finish(p, l, work));
}

/// From the gradient in layer l's sums to that in layer l - 1's, which takes the place of its activations.
void layer_backward(const Plan& p, int l, const char* packed, char* work) {
  const float* sums = at<float>(work, p.sums);
  bf16* out = at<bf16>(work, p.activations[l - 1]);
  const bf16* derivative = at<bf16>(work, p.derivatives[l - 1]);
  const float slope = p.network->slope;
  const int64_t blocks = blocks_of(p.network->shapes[l].inChannels);
  const bf16* weights = at<bf16>(packed, p.backward[l]);
  each_phase(p.network->shapes[l], [&](const Grid& phase) {
    multiply({phase, p.rows, at<bf16>(work, p.activations[l]), BLOCK, TILE, weights, nullptr, p.bySigns ? out : derivative,
              at<Segment>(work, p.segments), at<float>(work, p.sums)},
             [&](const Block& b, int i, int row, int end) {
               const int64_t from = i * TILE + row * BLOCK;
               const int64_t to = ((b.position + i * b.step) * blocks + b.channels) * TILE + row * BLOCK;
               if (p.bySigns)
                 finish_gradient_by_sign(end - row, sums + from, slope, out + to);
               else
                 finish_gradient(end - row, sums + from, derivative + to, out + to);
             });
    weights += phase.packedSize();
  });
}

}  // namespace
