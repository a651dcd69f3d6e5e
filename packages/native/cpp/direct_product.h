// Convolutions as implicit matrix products: no im2col. At one output position every image of a group reads the
// same taps, so a tile's rows are images, taps outside the picture are left out rather than multiplied by zero,
// and each row of taps is one contiguous run of the input.
#pragma once
#include "grid.h"
#include "parallel.h"

namespace {

// A pass multiplies as many terms of a panel as stay in the first-level cache while all positions use them.
constexpr int64_t PASS_BYTES = 24 * 1024;
constexpr int64_t CHUNK_FLOATS = 256 * 1024 / 4;
constexpr int64_t FEWEST_TILES = 8;  // that share a panel once it is in the cache

/// How a grid is cut up. The sum of an element has the same terms in the same order in any batch.
struct DirectPieces {
  int64_t groups, groupSize;  // of images
  int64_t tapRowsAPass, termsAPass;
  int64_t blocks, block;  // of output rows
  int64_t panelParts, panelsAPart;
  int64_t count;
  static constexpr int64_t workSize = 0;
};

DirectPieces direct_pieces(const Grid& g) {
  DirectPieces p{};
  if (g.batch <= 0 || g.y.count <= 0 || g.x.count <= 0 || g.outputs <= 0) return p;
  const bool oneColumn = g.outputs == 1;
  const int64_t panels = panels_of(g.outputs);
  const int64_t rowTerms = g.x.taps * g.channels;
  const int64_t panelTerms = g.y.taps * rowTerms;

  const bool rowsAreImages = g.batch * 3 >= ROWS * 2;
  p.groups = rowsAreImages ? divide_up(g.batch, ROWS) : g.batch;
  p.groupSize = rowsAreImages ? ROWS : 1;

  // Passes: blocks of tap rows, or parts of one row when a row alone is too long.
  const int64_t passTerms = larger(1, oneColumn ? panelTerms : PASS_BYTES / 4 / PANEL);
  const int64_t mostTapRows = larger(1, passTerms / larger(1, rowTerms));
  p.tapRowsAPass = larger(1, divide_up(g.y.taps, larger(1, divide_up(g.y.taps, mostTapRows))));
  p.termsAPass = g.x.tapStep == 1 && rowTerms > passTerms
                     ? divide_up(rowTerms, divide_up(rowTerms, passTerms))
                     : larger(1, rowTerms);

  // A task's rows of input and output stay in the second-level cache while the panels pass by.
  const int64_t rowFloats = p.groupSize * (g.y.sourceStep * g.sourceRow + g.y.outStep * g.outWidth * g.outputs);
  const int64_t mostRows = larger(larger(1, CHUNK_FLOATS / larger(1, rowFloats)), divide_up(FEWEST_TILES, g.x.count));
  p.blocks = divide_up(g.y.count, mostRows);
  p.block = divide_up(g.y.count, p.blocks);
  p.panelParts = smaller(panels, divide_up(32, p.groups * p.blocks));
  p.panelsAPart = divide_up(panels, p.panelParts);
  p.count = p.groups * p.blocks * p.panelParts;
  return p;
}

/// Piece `index` of a product.
void multiply_direct(const Grid& g, const DirectPieces& p, int64_t index, const float* source, const float* packed,
                     float* out, const Epilogue& epilogue) {
  const bool oneColumn = g.outputs == 1;
  const bool rowsAreImages = p.groupSize > 1;
  const bool merged = g.x.tapStep == 1;  // a row of taps is contiguous in the source
  const int64_t panels = panels_of(g.outputs);
  const int64_t panelWidth = oneColumn ? 1 : PANEL;
  const int64_t rowTerms = g.x.taps * g.channels;
  const int64_t panelTerms = g.y.taps * rowTerms;
  const int64_t part = index % p.panelParts;
  const int64_t rowBlock = index / p.panelParts % p.blocks;
  const int64_t group = index / p.panelParts / p.blocks;
  const int64_t image = rowsAreImages ? group * g.batch / p.groups : group;
  const int images = static_cast<int>(rowsAreImages ? (group + 1) * g.batch / p.groups - image : 1);
  const int64_t yEnd = smaller(g.y.count, (rowBlock + 1) * p.block);
  Tile t{};
  t.epilogue = &epilogue;
  t.a1 = g.y.tapStep * g.sourceRow;
  t.b1 = rowTerms * PANEL;
  t.a2 = g.x.tapStep * g.channels;
  t.b2 = g.channels * PANEL;
  t.count2 = 1;
  for (int64_t panel = part * p.panelsAPart; panel < smaller(panels, (part + 1) * p.panelsAPart); ++panel) {
    const float* b = packed + panel * panelTerms * PANEL;
    t.columns = static_cast<int>(smaller(PANEL, g.outputs - panel * PANEL));
    t.bias = epilogue.bias ? epilogue.bias + panel * PANEL : nullptr;
    t.prelu = epilogue.prelu ? epilogue.prelu + panel * PANEL : nullptr;
    for (int64_t tap0 = 0; tap0 == 0 || tap0 < g.y.taps; tap0 += p.tapRowsAPass)
      for (int64_t term0 = 0; term0 == 0 || term0 < rowTerms; term0 += p.termsAPass) {
        t.first = tap0 == 0 && term0 == 0;
        t.last = tap0 + p.tapRowsAPass >= g.y.taps && term0 + p.termsAPass >= rowTerms;
        for (int64_t y = rowBlock * p.block; y < yEnd; ++y) {
          const TapRange ty = taps_inside(g.y, y);
          const int64_t ty0 = larger(ty.first, tap0), ty1 = smaller(ty.end, tap0 + p.tapRowsAPass);
          const int64_t sourceY = g.y.sourceFirst + y * g.y.sourceStep + ty0 * g.y.tapStep;
          const int64_t outY = (g.y.outFirst + y * g.y.outStep) * g.outWidth;
          for (int64_t x = 0; x < g.x.count;) {
            const TapRange tx = taps_inside(g.x, x);
            int64_t run = 1;  // neighbouring positions that use the same taps, when those are the rows
            if (!rowsAreImages)
              for (; run < ROWS && x + run < g.x.count; ++run) {
                const TapRange next = taps_inside(g.x, x + run);
                if (next.first != tx.first || next.end != tx.end) break;
              }
            const int64_t sourceX = g.x.sourceFirst + x * g.x.sourceStep;
            int64_t from = tx.first * g.channels, to = tx.end * g.channels;
            int64_t sourceOffset = sourceX * g.channels;
            if (merged) {
              from = larger(from, term0);
              to = smaller(to, term0 + p.termsAPass);
              sourceOffset += from;
              t.length = to - from;
            } else {
              sourceOffset += tx.first * t.a2;
              t.count2 = tx.end - tx.first;
              t.length = g.channels;
            }
            t.count1 = ty1 - ty0;
            const bool empty = t.count1 <= 0 || t.count2 <= 0 || t.length <= 0;
            if (empty) {
              t.count1 = 0;
              t.a = source;
              t.b = b;
            } else {
              t.a = source + image * g.sourceImage + sourceY * g.sourceRow + sourceOffset;
              t.b = b + (ty0 * rowTerms + from) * panelWidth;
            }
            t.out = out + image * g.outImage + (outY + g.x.outFirst + x * g.x.outStep) * g.outputs + panel * PANEL;
            t.stored = epilogue.stored ? epilogue.stored + (t.out - out) : nullptr;
            t.derivative = epilogue.derivative ? epilogue.derivative + (t.out - out) : nullptr;
            t.aRow = rowsAreImages ? g.sourceImage : g.x.sourceStep * g.channels;
            t.outRow = rowsAreImages ? g.outImage : g.x.outStep * g.outputs;
            if (!empty || t.first || t.last)
              run_tile(t, rowsAreImages ? images : static_cast<int>(run), oneColumn);
            x += run;
          }
        }
      }
  }
}

/// Packs term (tap row, tap column, channel) x output into panels.
template <class At>
void pack_direct(const Grid& g, int64_t channelStride, int64_t outputStride, float* packed, At&& at) {
  if (g.outputs == 1) {
    for (int64_t ty = 0; ty < g.y.taps; ++ty)
      for (int64_t tx = 0; tx < g.x.taps; ++tx) {
        const float* tap = at(ty, tx);
        for (int64_t c = 0; c < g.channels; ++c) *packed++ = tap[c * channelStride];
      }
    return;
  }
  constexpr int64_t GRAIN = 256;  // channels a task packs
  const int64_t parts = divide_up(g.channels, GRAIN);
  const int64_t taps = g.y.taps * g.x.taps;
  auto pack = [&](int64_t task, int) {
    const int64_t part = task % parts, tap = task / parts % taps, panel = task / parts / taps;
    const int64_t columns = smaller(PANEL, g.outputs - panel * PANEL);
    const float* from = at(tap / g.x.taps, tap % g.x.taps) + panel * PANEL * outputStride;
    float* to = packed + ((panel * taps + tap) * g.channels) * PANEL;
    const int64_t end = smaller(g.channels, (part + 1) * GRAIN);
    if (columns == PANEL && outputStride == 1) {
      for (int64_t c = part * GRAIN; c < end; ++c) {
        store(to + c * PANEL, load(from + c * channelStride));
        store(to + c * PANEL + L, load(from + c * channelStride + L));
      }
    } else if (columns == PANEL) {
      for (int64_t c = part * GRAIN; c < end; ++c)
        for (int64_t column = 0; column < PANEL; ++column)
          to[c * PANEL + column] = from[c * channelStride + column * outputStride];
    } else {
      for (int64_t c = part * GRAIN; c < end; ++c)
        for (int64_t column = 0; column < PANEL; ++column)
          to[c * PANEL + column] = column < columns ? from[c * channelStride + column * outputStride] : 0.f;
    }
  };
  parallel(panels_of(g.outputs) * taps * parts, pack);
}

/// Sums of all taps, as a product of a grid.
struct DirectProduct {
  static constexpr bool STORES_IN_PLACE = false;
  static int64_t packed_size(const Grid& g) {
    const int64_t terms = g.y.taps * g.x.taps * g.channels;
    return g.outputs == 1 ? terms + L : panels_of(g.outputs) * PANEL * terms;
  }
  template <class At>
  static void pack(const Grid& g, int64_t channelStride, int64_t outputStride, float* packed, At&& at) {
    pack_direct(g, channelStride, outputStride, packed, at);
  }
  static DirectPieces pieces(const Grid& g, int64_t) { return direct_pieces(g); }
  static void piece(const Grid& g, const DirectPieces& p, int64_t index, const float* source, const float* packed,
                    float* out, const Epilogue& e, float*) {
    multiply_direct(g, p, index, source, packed, out, e);
  }
};

}  // namespace
