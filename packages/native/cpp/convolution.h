// Convolutions as implicit matrix products: no im2col. At one output position every image of a group reads the
// same taps, so a tile's rows are images, taps outside the picture are left out rather than multiplied by zero,
// and each row of taps is one contiguous run of the input.
#pragma once
#include "parallel.h"
#include "tile.h"

namespace {

using srmcmc::ConvShape;

/// One spatial axis: output position first + i * outStep reads source positions
/// sourceFirst + i * sourceStep + t * tapStep for t < taps, those inside [0, sourceSize).
struct Axis {
  int64_t count, outFirst, outStep, sourceFirst, sourceStep, taps, tapStep, sourceSize;
};
struct TapRange {
  int64_t first, end;
};
INLINE TapRange taps_inside(const Axis& axis, int64_t i) {
  const int64_t s = axis.sourceFirst + i * axis.sourceStep;
  const int64_t first = s >= 0 ? 0 : smaller(axis.taps, divide_up(-s, axis.tapStep));
  const int64_t end = s >= axis.sourceSize ? 0 : smaller(axis.taps, divide_up(axis.sourceSize - s, axis.tapStep));
  return {first, larger(first, end)};
}

struct Grid {
  Axis y, x;
  int64_t batch, channels, outputs;                    // channels of the source, channels of the output
  int64_t sourceRow, sourceImage, outWidth, outImage;  // strides in floats, but outWidth in positions
};

INLINE int64_t panels_of(int64_t outputs) { return divide_up(outputs, PANEL); }
INLINE int64_t packed_size(const Grid& g) {
  const int64_t terms = g.y.taps * g.x.taps * g.channels;
  return g.outputs == 1 ? terms + L : panels_of(g.outputs) * PANEL * terms;
}

// A pass multiplies as many terms of a panel as stay in the first-level cache while all positions use them.
constexpr int64_t PASS_BYTES = 24 * 1024;
constexpr int64_t CHUNK_FLOATS = 256 * 1024 / 4;
constexpr int64_t FEWEST_TILES = 8;  // that share a panel once it is in the cache

void multiply_grid(const Grid& g, const float* source, const float* packed, float* out, const Epilogue& epilogue) {
  if (g.batch <= 0 || g.y.count <= 0 || g.x.count <= 0 || g.outputs <= 0) return;
  const bool oneColumn = g.outputs == 1;
  const int64_t panels = panels_of(g.outputs);
  const int64_t panelWidth = oneColumn ? 1 : PANEL;
  const bool merged = g.x.tapStep == 1;  // a row of taps is contiguous in the source
  const int64_t rowTerms = g.x.taps * g.channels;
  const int64_t panelTerms = g.y.taps * rowTerms;

  float* padded = srmcmc::scratch(1, static_cast<size_t>(2 * panels * PANEL));
  memset(padded, 0, static_cast<size_t>(2 * panels * PANEL) * 4);
  if (epilogue.bias) memcpy(padded, epilogue.bias, static_cast<size_t>(g.outputs) * 4);
  float* slopes = padded + panels * PANEL;
  if (epilogue.prelu) memcpy(slopes, epilogue.prelu, static_cast<size_t>(g.outputs) * 4);

  const bool rowsAreImages = g.batch * 3 >= ROWS * 2;
  const int64_t groups = rowsAreImages ? divide_up(g.batch, ROWS) : g.batch;
  const int64_t groupSize = rowsAreImages ? ROWS : 1;

  // Passes: blocks of tap rows, or parts of one row when a row alone is too long.
  const int64_t passTerms = larger(1, oneColumn ? panelTerms : PASS_BYTES / 4 / PANEL);
  const int64_t mostTapRows = larger(1, passTerms / larger(1, rowTerms));
  const int64_t tapRowsAPass = larger(1, divide_up(g.y.taps, larger(1, divide_up(g.y.taps, mostTapRows))));
  const int64_t termsAPass =
      merged && rowTerms > passTerms ? divide_up(rowTerms, divide_up(rowTerms, passTerms)) : larger(1, rowTerms);

  // A task's rows of input and output stay in the second-level cache while the panels pass by.
  const int64_t rowFloats = groupSize * (g.y.sourceStep * g.sourceRow + g.y.outStep * g.outWidth * g.outputs);
  const int64_t mostRows = larger(larger(1, CHUNK_FLOATS / larger(1, rowFloats)), divide_up(FEWEST_TILES, g.x.count));
  const int64_t blocks = divide_up(g.y.count, mostRows);
  const int64_t block = divide_up(g.y.count, blocks);
  const int64_t panelParts = smaller(panels, divide_up(32, groups * blocks));
  const int64_t panelsAPart = divide_up(panels, panelParts);

  auto chunk = [&](int64_t task, int) {
    const int64_t part = task % panelParts;
    const int64_t rowBlock = task / panelParts % blocks;
    const int64_t group = task / panelParts / blocks;
    const int64_t image = rowsAreImages ? group * g.batch / groups : group;
    const int images = static_cast<int>(rowsAreImages ? (group + 1) * g.batch / groups - image : 1);
    const int64_t yEnd = smaller(g.y.count, (rowBlock + 1) * block);
    Tile t{};
    t.epilogue = &epilogue;
    t.a1 = g.y.tapStep * g.sourceRow;
    t.b1 = rowTerms * PANEL;
    t.a2 = g.x.tapStep * g.channels;
    t.b2 = g.channels * PANEL;
    t.count2 = 1;
    for (int64_t panel = part * panelsAPart; panel < smaller(panels, (part + 1) * panelsAPart); ++panel) {
      const float* b = packed + panel * panelTerms * PANEL;
      t.columns = static_cast<int>(smaller(PANEL, g.outputs - panel * PANEL));
      t.bias = epilogue.bias ? padded + panel * PANEL : nullptr;
      t.prelu = epilogue.prelu ? slopes + panel * PANEL : nullptr;
      for (int64_t tap0 = 0; tap0 == 0 || tap0 < g.y.taps; tap0 += tapRowsAPass)
        for (int64_t term0 = 0; term0 == 0 || term0 < rowTerms; term0 += termsAPass) {
          t.first = tap0 == 0 && term0 == 0;
          t.last = tap0 + tapRowsAPass >= g.y.taps && term0 + termsAPass >= rowTerms;
          for (int64_t y = rowBlock * block; y < yEnd; ++y) {
            const TapRange ty = taps_inside(g.y, y);
            const int64_t ty0 = larger(ty.first, tap0), ty1 = smaller(ty.end, tap0 + tapRowsAPass);
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
                to = smaller(to, term0 + termsAPass);
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
              t.aRow = rowsAreImages ? g.sourceImage : g.x.sourceStep * g.channels;
              t.outRow = rowsAreImages ? g.outImage : g.x.outStep * g.outputs;
              if (!empty || t.first || t.last)
                run_tile(t, rowsAreImages ? images : static_cast<int>(run), oneColumn);
              x += run;
            }
          }
        }
    }
  };
  parallel(groups * blocks * panelParts, chunk);
}

/// Packs term (tap row, tap column, channel) x output into panels. at(tapRow, tapColumn) gives the address of
/// channel 0, output 0 of a tap.
template <class At>
void pack_panels(const Grid& g, int64_t channelStride, int64_t outputStride, float* packed, At&& at) {
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

void conv2d(const ConvShape& s, const float* x, const float* filter, float* y, const Epilogue& epilogue) {
  Grid g{};
  g.y = {s.outHeight, 0, 1, -s.padTop, s.strideHeight, s.filterHeight, s.dilationHeight, s.inHeight};
  g.x = {s.outWidth, 0, 1, -s.padLeft, s.strideWidth, s.filterWidth, s.dilationWidth, s.inWidth};
  g.batch = s.batch;
  g.channels = s.inChannels;
  g.outputs = s.outChannels;
  g.sourceRow = static_cast<int64_t>(s.inWidth) * s.inChannels;
  g.sourceImage = g.sourceRow * s.inHeight;
  g.outWidth = s.outWidth;
  g.outImage = static_cast<int64_t>(s.outHeight) * s.outWidth * s.outChannels;
  float* packed = srmcmc::scratch(0, static_cast<size_t>(packed_size(g)));
  pack_panels(g, s.outChannels, 1, packed, [&](int64_t ty, int64_t tx) {
    return filter + (ty * s.filterWidth + tx) * s.inChannels * s.outChannels;
  });
  multiply_grid(g, x, packed, y, epilogue);
}

/// The positions p, p + stride, ... of the input: they see every stride-th tap, in reverse order.
INLINE Axis phase_axis(int64_t phase, int64_t inSize, int64_t outSize, int64_t filterSize, int64_t stride,
                       int64_t pad, int64_t* firstTap) {
  const int64_t r = ((phase + pad) % stride + stride) % stride;
  const int64_t taps = r < filterSize ? divide_up(filterSize - r, stride) : 0;
  const int64_t count = phase < inSize ? divide_up(inSize - phase, stride) : 0;
  *firstTap = r + stride * (taps - 1);
  return {count, phase, stride, (phase + pad - r) / stride - (taps - 1), 1, taps, 1, outSize};
}

void input_gradient_by_phases(const ConvShape& s, const float* dy, const float* filter, float* dx) {
  Grid g{};
  g.batch = s.batch;
  g.channels = s.outChannels;
  g.outputs = s.inChannels;
  g.sourceRow = static_cast<int64_t>(s.outWidth) * s.outChannels;
  g.sourceImage = g.sourceRow * s.outHeight;
  g.outWidth = s.inWidth;
  g.outImage = static_cast<int64_t>(s.inHeight) * s.inWidth * s.inChannels;
  for (int64_t py = 0; py < smaller(s.strideHeight, s.inHeight); ++py)
    for (int64_t px = 0; px < smaller(s.strideWidth, s.inWidth); ++px) {
      int64_t firstY, firstX;
      g.y = phase_axis(py, s.inHeight, s.outHeight, s.filterHeight, s.strideHeight, s.padTop, &firstY);
      g.x = phase_axis(px, s.inWidth, s.outWidth, s.filterWidth, s.strideWidth, s.padLeft, &firstX);
      float* packed = srmcmc::scratch(0, static_cast<size_t>(packed_size(g)));
      pack_panels(g, 1, s.outChannels, packed, [&](int64_t ty, int64_t tx) {
        return filter + ((firstY - ty * s.strideHeight) * s.filterWidth + firstX - tx * s.strideWidth) *
                            s.inChannels * s.outChannels;
      });
      multiply_grid(g, dy, packed, dx, Epilogue{});
    }
}

INLINE void add_run(float* to, const float* from, int64_t n) {
  int64_t i = 0;
  for (; i + L <= n; i += L) store(to + i, load(to + i) + load(from + i));
  for (; i < n; ++i) to[i] += from[i];
}

/// to[i] += from[i] for the part of [at, at + n) that lies inside [0, size).
INLINE void add_inside(float* to, int64_t size, const float* from, int64_t at, int64_t n) {
  int64_t i = larger(0, -at);
  const int64_t end = smaller(n, size - at);
  for (; i + L <= end; i += L) store(to + at + i, load(to + at + i) + load(from + i));
  for (; i < end; ++i) to[at + i] += from[i];
}

/// Copies n groups of fewer than L floats; the vector that copies a group writes past it, up to L floats too far.
void gather_short(const float* from, int64_t fromStep, float* to, int64_t toStep, int64_t n) {
  for (int64_t i = 0; i < n; ++i, from += fromStep, to += toStep) store(to, load(from));
}

// Few input channels would leave most of a panel empty: instead all taps of one output position are columns of
// one product, and each position's columns are added to the pixels they came from.
void input_gradient_by_columns(const ConvShape& s, const float* dy, const float* filter, float* dx) {
  const int64_t channels = s.inChannels;
  const int64_t taps = static_cast<int64_t>(s.filterHeight) * s.filterWidth, columns = taps * channels;
  const int64_t panels = panels_of(columns), width = panels * PANEL;
  float* packed = srmcmc::scratch(0, static_cast<size_t>(width * s.outChannels));
  for (int64_t panel = 0; panel < panels; ++panel)
    for (int64_t c = 0; c < s.outChannels; ++c)
      for (int64_t column = 0; column < PANEL; ++column) {
        const int64_t n = panel * PANEL + column;
        packed[(panel * s.outChannels + c) * PANEL + column] = n < columns ? filter[n * s.outChannels + c] : 0.f;
      }
  const int64_t inRow = static_cast<int64_t>(s.inWidth) * channels;
  // A row of products [position][tap][channel], and one tap of it, [position][channel].
  const int64_t productSize = static_cast<int64_t>(s.outWidth) * width + L;
  const int64_t workSize = productSize + s.outWidth * channels + L;
  const int slots = srmcmc::thread_count();
  float* work = srmcmc::scratch(2, static_cast<size_t>(workSize * slots));
  const Epilogue none{};
  auto image = [&](int64_t n, int slot) {
    float* products = work + workSize * slot;
    float* plane = products + productSize;
    float* target = dx + n * s.inHeight * inRow;
    memset(target, 0, static_cast<size_t>(s.inHeight * inRow) * 4);
    Tile t{};
    t.aRow = s.outChannels;
    t.count1 = t.count2 = 1;
    t.length = s.outChannels;
    t.outRow = width;
    t.first = t.last = true;
    t.epilogue = &none;
    for (int64_t oy = 0; oy < s.outHeight; ++oy) {
      const float* row = dy + (n * s.outHeight + oy) * s.outWidth * s.outChannels;
      for (int64_t panel = 0; panel < panels; ++panel) {
        t.b = packed + panel * s.outChannels * PANEL;
        t.columns = columns - panel * PANEL <= L ? L : PANEL;
        const int64_t tiles = divide_up(s.outWidth, ROWS);  // of nearly equal heights
        for (int64_t tile = 0; tile < tiles; ++tile) {
          const int64_t ox = tile * s.outWidth / tiles, end = (tile + 1) * s.outWidth / tiles;
          t.a = row + ox * s.outChannels;
          t.out = products + ox * width + panel * PANEL;
          run_tile(t, static_cast<int>(end - ox), false);
        }
      }
      for (int64_t tap = 0; tap < taps; ++tap) {
        const int64_t iy = oy * s.strideHeight - s.padTop + tap / s.filterWidth;
        if (iy < 0 || iy >= s.inHeight) continue;
        const int64_t ix = tap % s.filterWidth - s.padLeft;
        gather_short(products + tap * channels, width, plane, channels, s.outWidth);
        float* to = target + iy * inRow;
        if (s.strideWidth == 1)
          add_inside(to, inRow, plane, ix * channels, s.outWidth * channels);
        else
          for (int64_t ox = 0; ox < s.outWidth; ++ox)
            add_inside(to, inRow, plane + ox * channels, (ix + ox * s.strideWidth) * channels, channels);
      }
    }
  };
  parallel(s.batch, image, slots);
}

void conv2d_input_gradient(const ConvShape& s, const float* dy, const float* filter, float* dx) {
  constexpr int64_t FEW_COLUMNS = 64;
  const int64_t columns = static_cast<int64_t>(s.filterHeight) * s.filterWidth * s.inChannels;
  if (columns <= FEW_COLUMNS && s.inChannels < L)
    input_gradient_by_columns(s, dy, filter, dx);
  else
    input_gradient_by_phases(s, dy, filter, dx);
}

}  // namespace
