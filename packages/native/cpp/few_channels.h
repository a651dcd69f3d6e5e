// Products of few channels, such as a network's first convolution: a row of taps of all channels is one run of terms,
// and pixels of a row are the rows of a tile. Two or three taps a step down are made by minimal filtering, down alone,
// of rows with zeros around them.
#pragma once
#include <utility>

#include "minimal_filtering.h"

namespace {

/// The taps down of minimal filtering, or 0 where products are not made so.
INLINE int taps_of_few_channels(const Grid& g) {
  if (g.channels >= L || g.outputs < L || g.x.tapStep != 1 || g.y.tapStep != 1 || g.y.count < 2 || !stays_near(g))
    return 0;
  for (const int taps : {2, 3})
    if (g.x.taps > 0 && g.y.taps == taps * g.y.sourceStep) return taps;
  return 0;
}

/// How a grid is cut up, and the planes of two rows of outputs: [plane][phase of the stride][pixel][channel].
struct FewChannelsPieces {
  int64_t pairs, parts;           // of rows of outputs in an image, and pieces of them
  int64_t rowTerms;               // of a row of taps
  int64_t rowFloats, planeFloats;
  int64_t workSize, count;
};

FewChannelsPieces few_channels_pieces(const Grid& g, int taps, int64_t wanted) {
  FewChannelsPieces p{};
  p.pairs = divide_up(g.y.count, 2);
  p.rowTerms = g.x.taps * g.channels;
  p.rowFloats = (g.x.count - 1) * g.x.sourceStep * g.channels + p.rowTerms;
  p.planeFloats = g.y.sourceStep * p.rowFloats;
  p.workSize = (taps + 1) * p.planeFloats + L;
  if (g.batch <= 0) return p;
  p.parts = smaller(p.pairs, divide_up(wanted, g.batch));
  p.count = g.batch * p.parts;
  return p;
}

/// Transformed rows for the pair's outputs; what lies around the source has been zero and is left so.
template <int T>
void transform_rows(const Grid& g, const FewChannelsPieces& p, int64_t pair, const float* image, float* planes) {
  constexpr int P = T + 1;
  const int64_t first = larger(0, -g.x.sourceFirst) * g.channels;
  const int64_t end = smaller(p.rowFloats, (g.x.sourceSize - g.x.sourceFirst) * g.channels);
  for (int64_t phase = 0; phase < g.y.sourceStep; ++phase, planes += p.rowFloats) {
    const float* rows[P];
    for (int i = 0; i < P; ++i) {
      const int64_t y = g.y.sourceFirst + (2 * pair + i) * g.y.sourceStep + phase;
      rows[i] = y < 0 || y >= g.y.sourceSize ? nullptr : image + y * g.sourceRow + g.x.sourceFirst * g.channels;
    }
    for (int64_t k = first; k < end; k += L) {
      const int64_t n = smaller(L, end - k);
      vec values[P], transformed[P];
      each<P>([&](auto i) { values[i] = rows[i] ? load_part(rows[i] + k, n) : vec{}; });
      transform_input<2, T>(values, transformed);
      each<P>([&](auto i) { store_part(planes + i * p.planeFloats + k, transformed[i], n); });
    }
  }
}

/// Adds the products of a plane's R pixels with its weights, and where there is another plane those of the other.
template <int R, int V, bool TWO>
INLINE void add_planes(const Tile& t, const float* a, const float* b, const float* otherA, const float* otherB,
                       vec (&sums)[R][V], vec (&others)[R][V]) {
  for (int64_t i = 0; i < t.count1; ++i, a += t.a1, b += t.b1, otherA += t.a1, otherB += t.b1) {
    const float *pixels[R], *otherPixels[R];
    each<R>([&](auto r) {
      pixels[r] = a + r * t.aRow;
      otherPixels[r] = otherA + r * t.aRow;
    });
    const float *weights = b, *otherWeights = otherB;
    for (int64_t k = 0; k < t.length; ++k, weights += PANEL, otherWeights += PANEL) {
      vec column[V], otherColumn[V];
      each<V>([&](auto v) {
        column[v] = load(weights + v * L);
        if constexpr (TWO) otherColumn[v] = load(otherWeights + v * L);
      });
      each<R>([&](auto r) {
        const vec x = splat(pixels[r][k]);
        each<V>([&](auto v) { sums[r][v] += x * column[v]; });
        if constexpr (TWO) {
          const vec y = splat(otherPixels[r][k]);
          each<V>([&](auto v) { others[r][v] += y * otherColumn[v]; });
        }
      });
    }
  }
}

/// Activates sums and stores them at `offset` from the tile's place.
template <int R, int V>
INLINE void store_pixels(const Tile& t, int64_t offset, vec (&sums)[R][V]) {
  const bool isLeaky = t.epilogue->activation == Activation::leakyRelu && !t.derivative;
  if (isLeaky) {
    const vec alpha = splat(t.epilogue->alpha);
    each<R>([&](auto r) {
      each<V>([&](auto v) { sums[r][v] = sums[r][v] < 0.f ? sums[r][v] * alpha : sums[r][v]; });
    });
  }
  float* out = t.out + offset;
  if (t.columns == V * L) {
    each<R>([&](auto r) { each<V>([&](auto v) { store(out + r * t.outRow + v * L, sums[r][v]); }); });
  } else {
    each<R>([&](auto r) {
      each<V>([&](auto v) { store_some(out + r * t.outRow + v * L, sums[r][v], smaller(L, t.columns - v * L)); });
    });
  }
  if (isLeaky || (t.epilogue->activation == Activation::linear && !t.derivative)) return;
  Tile rest = t;
  rest.out = out;
  if (rest.stored) rest.stored += offset;
  if (rest.derivative) rest.derivative += offset;
  activate_stored(rest, R);
}

/// V vectors of columns of two rows of R pixels, the lower one `down` from the upper. `tile` says where, its a2 and b2
/// being from plane to plane, and its `last` whether there is a lower row. The last plane's weights are negative where T
/// is 3.
template <int R, int V, int T>
__attribute__((noinline)) void multiply_two_rows(const Tile& t, int64_t down) {
  vec upper[R][V], lower[R][V];
  each<V>([&](auto v) {
    const vec start = t.bias ? load(t.bias + v * L) : vec{};
    each<R>([&](auto r) {
      upper[r][v] = start;
      lower[r][v] = vec{};
    });
  });
  add_planes<R, V, T == 3>(t, t.a + t.a2, t.b + t.b2, t.a + 2 * t.a2, t.b + 2 * t.b2, upper, lower);
  each<R>([&](auto r) {
    each<V>([&](auto v) {
      const vec one = upper[r][v], two = lower[r][v];
      upper[r][v] = one + two;
      lower[r][v] = one - two;
    });
  });
  add_planes<R, V, true>(t, t.a, t.b, t.a + T * t.a2, t.b + T * t.b2, upper, lower);
  store_pixels(t, 0, upper);
  if (t.last) store_pixels(t, down, lower);
}

using TwoRowsFunction = void (*)(const Tile&, int64_t);
constexpr int TWO_ROWS = ROWS / 2;  // pixels of a row in a tile
template <int V, int T, int... R>
TwoRowsFunction two_rows_of(int64_t pixels, std::integer_sequence<int, R...>) {
  static constexpr TwoRowsFunction table[] = {multiply_two_rows<R + 1, V, T>...};
  return table[pixels - 1];
}

template <int T>
void multiply_few_channels(const Grid& g, const FewChannelsPieces& p, int64_t index, const float* source,
                           const float* packed, float* out, const Epilogue& e, float* planes) {
  const int64_t image = index / p.parts, part = index % p.parts;
  constexpr std::make_integer_sequence<int, TWO_ROWS> counts;
  const int64_t panels = panels_of(g.outputs), tiles = divide_up(g.x.count, TWO_ROWS);
  const int64_t down = g.y.outStep * g.outWidth * g.outputs;
  memset(planes, 0, static_cast<size_t>(p.workSize) * 4);
  Tile t{};
  t.epilogue = &e;
  t.aRow = g.x.sourceStep * g.channels;
  t.count1 = g.y.sourceStep;
  t.a1 = p.rowFloats;
  t.b1 = p.rowTerms * PANEL;
  t.a2 = p.planeFloats;
  t.b2 = g.y.sourceStep * t.b1;
  t.length = p.rowTerms;
  t.outRow = g.x.outStep * g.outputs;
  for (int64_t pair = part * p.pairs / p.parts; pair < (part + 1) * p.pairs / p.parts; ++pair) {
    transform_rows<T>(g, p, pair, source + image * g.sourceImage, planes);
    t.last = 2 * pair + 1 < g.y.count;
    const int64_t y = g.y.outFirst + 2 * pair * g.y.outStep;
    const int64_t row = image * g.outImage + (y * g.outWidth + g.x.outFirst) * g.outputs;
    for (int64_t tile = 0; tile < tiles; ++tile) {
      const int64_t x = tile * g.x.count / tiles, pixels = (tile + 1) * g.x.count / tiles - x;
      t.a = planes + x * t.aRow;
      for (int64_t panel = 0; panel < panels; ++panel) {
        const int64_t column = panel * PANEL, at = row + x * t.outRow + column;
        t.columns = static_cast<int>(smaller(PANEL, g.outputs - column));
        t.b = packed + panel * (T + 1) * t.b2;
        t.bias = e.bias ? e.bias + column : nullptr;
        t.prelu = e.prelu ? e.prelu + column : nullptr;
        t.out = out + at;
        t.stored = e.stored ? e.stored + at : nullptr;
        t.derivative = e.derivative ? e.derivative + at : nullptr;
        (t.columns <= L ? two_rows_of<1, T>(pixels, counts) : two_rows_of<2, T>(pixels, counts))(t, down);
      }
    }
  }
}

/// Minimal filtering of T taps a step down, as a product of a grid.
template <int T>
struct FewChannelsProduct {
  static constexpr bool STORES_IN_PLACE = false;
  static int64_t packed_size(const Grid& g) {
    return panels_of(g.outputs) * (T + 1) * g.y.sourceStep * g.x.taps * g.channels * PANEL;
  }
  /// Packs [panel][plane][phase][tap column][channel][column].
  template <class At>
  static void pack(const Grid& g, int64_t channelStride, int64_t outputStride, float* packed, At&& at) {
    const int64_t plane = g.y.sourceStep * g.x.taps * g.channels * PANEL;
    for (int64_t panel = 0; panel < panels_of(g.outputs); ++panel, packed += T * plane)
      for (int64_t phase = 0; phase < g.y.sourceStep; ++phase)
        for (int64_t tx = 0; tx < g.x.taps; ++tx)
          for (int64_t k = 0; k < g.channels; ++k, packed += PANEL)
            for (int64_t v = 0; v < PANEL; v += L) {
              const int64_t n = larger(0, smaller(L, g.outputs - panel * PANEL - v));
              vec taps[T]{}, transformed[T + 1];
              for (int i = 0; i < T; ++i) {
                const float* from = at(phase + i * g.y.sourceStep, tx) + k * channelStride;
                for (int64_t c = 0; c < n; ++c) taps[i][c] = from[(panel * PANEL + v + c) * outputStride];
              }
              transform_filter<2, T>(taps, transformed);
              if constexpr (T == 3) transformed[T] = -transformed[T];
              for (int i = 0; i <= T; ++i) store(packed + i * plane + v, transformed[i]);
            }
  }
  static FewChannelsPieces pieces(const Grid& g, int64_t wanted) { return few_channels_pieces(g, T, wanted); }
  static void piece(const Grid& g, const FewChannelsPieces& p, int64_t index, const float* source, const float* packed,
                    float* out, const Epilogue& e, float* work) {
    multiply_few_channels<T>(g, p, index, source, packed, out, e, work);
  }
};

}  // namespace
