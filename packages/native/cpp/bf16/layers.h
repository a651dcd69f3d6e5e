// The layers between the first and the last, forward and backward: every block of two positions by 32 channels is one
// sum over the taps that lie inside the picture.
#pragma once
#include "../ahead.h"
#include "finish.h"
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

/// `rows` chains of every tile. finish(block) is called for each block in turn, once the next one is under way.
template <class Finish>
void multiply(const Grid& g, int rows, const bf16* source, const bf16* weights, Segment* segments, float* sums,
              Finish&& finish) {
  const Strides strides{BLOCK, g.x.sourceStep * g.sourceBlocks * TILE, TILE, 2 * TILE, rows};
  const int64_t panel = g.panel() * 2 * TILE;
  Block previous{};
  for (int64_t channels = 0; channels < g.outBlocks; ++channels, weights += panel) {
    // The next panel may have to come from memory that all cores share.
    const int64_t next = channels + 1 < g.outBlocks ? panel * static_cast<int64_t>(sizeof(bf16)) : 0;
    Ahead ahead(weights + panel, next, g.y.count * divide_up(g.x.count, 2));
    for (int64_t y = 0; y < g.y.count; ++y)
      for (int64_t x = 0; x < g.x.count; x += 2) {
        ahead.fetch_slice();
        const int tiles = x + 1 < g.x.count ? 2 : 1;
        const int count = row_segments(g, y, x, source, weights, segments);
        Engine::sum<2, 2>(strides, segments, count, tiles, sums, [&] { finish(previous); });
        previous = {(g.y.outFirst + y * g.y.outStep) * g.outWidth + g.x.outFirst + x * g.x.outStep, g.x.outStep,
                    channels, tiles};
      }
  }
  finish(previous);
}

/// Layer l's activations from its sums.
auto forward_finish(const Plan& p, int l, const char* packed, char* work) {
  const float* bias = at<float>(packed, p.bias[l]);
  bf16* out = at<bf16>(work, p.activations[l]);
  bf16* derivatives = at<bf16>(work, p.derivatives[l]);
  const float* sums = at<float>(work, p.sums);
  const float slope = p.network->slope;
  const int64_t blocks = blocks_of(p.network->shapes[l].outChannels);
  const int rows = p.rows;
  const SmoothFinish smooth = p.bySigns ? nullptr : smooth_finish(p.network->activation);
  return [=](const Block& b) {
    for (int i = 0; i < b.tiles; ++i) {
      const int64_t tile = ((b.position + i * b.step) * blocks + b.channels) * TILE;
      if (smooth)
        smooth(rows, sums + i * TILE, bias + b.channels * BLOCK, slope, out + tile, derivatives + tile);
      else
        finish_by_sign(rows, sums + i * TILE, bias + b.channels * BLOCK, slope, out + tile);
    }
  };
}

void layer_forward(const Plan& p, int l, const char* packed, char* work) {
  multiply(forward_grid(p.network->shapes[l]), p.rows, at<bf16>(work, p.activations[l - 1]),
           at<bf16>(packed, p.forward[l]), at<Segment>(work, p.segments), at<float>(work, p.sums), forward_finish(p, l, packed, work));
}

/// From the gradient in layer l's sums to that in layer l - 1's.
void layer_backward(const Plan& p, int l, const char* packed, char* work) {
  const float* sums = at<float>(work, p.sums);
  const bf16* activation = at<bf16>(work, p.activations[l - 1]);
  const bf16* derivative = at<bf16>(work, p.derivatives[l - 1]);
  bf16* out = at<bf16>(work, p.gradients[(l - 1) % 2]);
  const float slope = p.network->slope;
  const int64_t blocks = blocks_of(p.network->shapes[l].inChannels);
  const bf16* weights = at<bf16>(packed, p.backward[l]);
  each_phase(p.network->shapes[l], [&](const Grid& phase) {
    multiply(phase, p.rows, at<bf16>(work, p.gradients[l % 2]), weights, at<Segment>(work, p.segments),
             at<float>(work, p.sums), [&](const Block& b) {
               for (int i = 0; i < b.tiles; ++i) {
                 const int64_t tile = ((b.position + i * b.step) * blocks + b.channels) * TILE;
                 if (p.bySigns)
                   finish_gradient_by_sign(p.rows, sums + i * TILE, activation + tile, slope, out + tile);
                 else
                   finish_gradient(p.rows, sums + i * TILE, derivative + tile, out + tile);
               }
             });
    weights += phase.packedSize();
  });
}

}  // namespace
