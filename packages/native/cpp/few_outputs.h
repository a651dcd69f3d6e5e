// Products of few outputs, such as the gradient in a picture. Pixels fill the vectors, and outputs of some rows of pixels
// are the rows of a tile. The source is turned for it, channel by channel, a few of its rows at a time. Two or three taps
// down are made by minimal filtering, down alone.
#pragma once
#include "minimal_filtering.h"

namespace {

INLINE bool has_few_outputs(const Grid& g) {
  const auto dense = [](const Axis& axis) { return axis.sourceStep == 1 && axis.tapStep == 1 && axis.taps > 0; };
  return g.outputs <= ROWS && g.channels > 0 && 2 * g.x.count >= L && g.y.count > 0 && dense(g.y) && dense(g.x) &&
         stays_near(g);
}

constexpr int64_t FEW_SUMS = 2 * ROWS;  // vectors that a tile's registers hold

/// The taps down of minimal filtering, or 0 where its products would not fit a tile.
INLINE int taps_down(const Grid& g) {
  const bool fits = (g.y.taps == 2 || g.y.taps == 3) && g.outputs * (g.y.taps + 1) <= FEW_SUMS;
  return fits ? static_cast<int>(g.y.taps) : 0;
}

/// Rows of outputs in a tile.
constexpr int64_t few_rows(int64_t outputs, int taps) {
  constexpr int64_t MOST = 8;
  return taps ? 2 * smaller(MOST / 2, FEW_SUMS / (outputs * (taps + 1))) : smaller(MOST, FEW_SUMS / outputs);
}

/// Rows become columns.
INLINE void transpose(vec (&rows)[L]) {
#if LANES == 16 && defined(__AVX512F__)
  // Squares of four within lanes of 128 bits, and then the lanes.
  __m512d pairs[L];
  __m512 squares[L], halves[L];
  const auto at = [&](int i) { return reinterpret_cast<__m512>(rows[i]); };
  each<L / 2>([&](auto i) {
    pairs[2 * i] = _mm512_castps_pd(_mm512_unpacklo_ps(at(2 * i), at(2 * i + 1)));
    pairs[2 * i + 1] = _mm512_castps_pd(_mm512_unpackhi_ps(at(2 * i), at(2 * i + 1)));
  });
  each<L / 2>([&](auto i) {
    const int low = i / 2 * 4 + i % 2;
    squares[2 * i] = _mm512_castpd_ps(_mm512_unpacklo_pd(pairs[low], pairs[low + 2]));
    squares[2 * i + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(pairs[low], pairs[low + 2]));
  });
  each<L / 2>([&](auto i) {
    const int low = i / 4 * 8 + i % 4;
    halves[low] = _mm512_shuffle_f32x4(squares[low], squares[low + 4], 0x88);
    halves[low + 4] = _mm512_shuffle_f32x4(squares[low], squares[low + 4], 0xdd);
  });
  each<L / 2>([&](auto i) {
    rows[i] = reinterpret_cast<vec>(_mm512_shuffle_f32x4(halves[i], halves[i + 8], 0x88));
    rows[i + 8] = reinterpret_cast<vec>(_mm512_shuffle_f32x4(halves[i], halves[i + 8], 0xdd));
  });
#else
  // Each round moves the highest bit of a row's number to the lowest of its columns'.
  for (int round = 1; round < L; round *= 2) {
    vec next[L];
    each<L / 2>([&](auto i) { interleave(rows[i], rows[i + L / 2], next[2 * i], next[2 * i + 1]); });
    each<L>([&](auto i) { rows[i] = next[i]; });
  }
#endif
}

/// How a grid is cut up, and the turned rows of a piece: those that the taps of a tile's rows reach, in a ring.
struct FewOutputsPieces {
  int64_t parts;             // of an image's rows
  int64_t width, rowFloats;  // of a turned row's channel, and of the row
  int64_t ringRows;
  int64_t workSize, count;
};

FewOutputsPieces few_outputs_pieces(const Grid& g, int64_t wanted) {
  FewOutputsPieces p{};
  const int64_t tileRows = few_rows(g.outputs, taps_down(g));
  p.width = divide_up(g.x.count, L) * L + g.x.taps - 1;
  p.rowFloats = p.width * g.channels;
  p.ringRows = tileRows + g.y.taps - 1;
  p.workSize = divide_up(p.ringRows * p.rowFloats, 16) * 16;
  if (g.batch <= 0) return p;
  p.parts = smaller(divide_up(g.y.count, tileRows), divide_up(wanted, g.batch));
  p.count = g.batch * p.parts;
  return p;
}

/// Turns the row that the first tap of output row y reads, to [channel][pixel], with zeros where there is no source.
void turn_row(const Grid& g, const FewOutputsPieces& p, int64_t y, const float* image, float* to) {
  const int64_t sourceY = g.y.sourceFirst + y;
  if (sourceY < 0 || sourceY >= g.y.sourceSize) {
    memset(to, 0, static_cast<size_t>(p.rowFloats) * 4);
    return;
  }
  const float* row = image + sourceY * g.sourceRow;
  const int64_t end = smaller(g.x.sourceSize, g.x.sourceFirst + p.width);
  for (int64_t x = larger(0, g.x.sourceFirst); x < end; x += L)
    for (int64_t k = 0; k < g.channels; k += L) {
      const int64_t pixels = smaller(L, end - x), channels = smaller(L, g.channels - k);
      const float* from = row + x * g.channels + k;
      float* at = to + k * p.width + x - g.x.sourceFirst;
      vec block[L];
      if (pixels == L && channels == L) {
        each<L>([&](auto i) {
          // The next block is another page, or more, where a processor's own prefetching ends.
          __builtin_prefetch(from + (L + i) * g.channels);
          block[i] = load(from + i * g.channels);
        });
        transpose(block);
        each<L>([&](auto i) { store(at + i * p.width, block[i]); });
      } else {
        each<L>([&](auto i) { block[i] = i < pixels ? load_some(from + i * g.channels, channels) : vec{}; });
        transpose(block);
        each<L>([&](auto i) {
          if (i < channels) store_some(at + i * p.width, block[i], pixels);
        });
      }
    }
}

/// C outputs of L pixels in some rows, by minimal filtering of T taps down, or directly where T is 0. row(i) is the turned
/// row that the first tap of the tile's row i reads, from its first pixel on.
template <int C, int T, class Row>
INLINE void multiply_pixels(const Grid& g, int64_t width, Row&& row, const float* packed, const float* bias, float* to) {
  constexpr int R = few_rows(C, T), P = T + 1, N = R / 2;
  if constexpr (T == 0) {
    vec sum[R][C]{};
    for (int64_t ty = 0; ty < g.y.taps; ++ty) {
      const float* from[R];
      each<R>([&](auto r) { from[r] = row(r + ty); });
      for (int64_t k = 0; k < g.channels; ++k)
        for (int64_t tx = 0; tx < g.x.taps; ++tx, packed += C)
          each<R>([&](auto r) {
            const vec pixels = in_register(load(from[r] + k * width + tx));
            each<C>([&](auto c) { sum[r][c] += splat(packed[c]) * pixels; });
          });
    }
    each<R>([&](auto r) {
      each<C>([&](auto c) { store(to + (r * C + c) * L, sum[r][c] + (bias ? bias[c] : 0.f)); });
    });
  } else {
    vec sum[N][P][C]{};
    const float* from[R + T - 1];
    each<R + T - 1>([&](auto r) { from[r] = row(r); });
    for (int64_t k = 0; k < g.channels; ++k)
      for (int64_t tx = 0; tx < g.x.taps; ++tx, packed += P * C) {
        vec pixels[R + T - 1];
        each<R + T - 1>([&](auto r) {
          const vec loaded = load(from[r] + k * width + tx);
          pixels[r] = r == 0 || r == R + T - 2 ? loaded : in_register(loaded);  // the outermost are used once
        });
        each<P>([&](auto i) {  // plane by plane, for there are no registers to hold all of them
          vec plane[N];
          each<N>([&](auto n) {
            vec column[P], planes[P];
            each<P>([&](auto j) { column[j] = pixels[2 * n + j]; });
            transform_input<2, T>(column, planes);
            plane[n] = planes[i];
          });
          each<C>([&](auto c) {
            const vec weight = splat(packed[i * C + c]);
            each<N>([&](auto n) { sum[n][i][c] += weight * plane[n]; });
          });
        });
      }
    each<N>([&](auto n) {
      each<C>([&](auto c) {
        vec products[P], made[2];
        each<P>([&](auto i) { products[i] = sum[n][i][c]; });
        transform_output<2, T>(products, made);
        each<2>([&](auto r) { store(to + ((2 * n + r) * C + c) * L, made[r] + (bias ? bias[c] : 0.f)); });
      });
    });
  }
}

/// Piece `index` of a product of C outputs.
template <int C, int T>
void multiply_few_outputs(const Grid& g, const FewOutputsPieces& p, int64_t index, const float* source,
                          const float* packed, float* out, const Epilogue& e, float* ring) {
  constexpr int64_t TILE_ROWS = few_rows(C, T);
  const int64_t image = index / p.parts, part = index % p.parts;
  // Parts are of whole tiles, whose rows are made together: an image's numbers do not depend on how many parts there are.
  const int64_t tiles = divide_up(g.y.count, TILE_ROWS);
  const int64_t begin = part * tiles / p.parts * TILE_ROWS;
  const int64_t end = smaller(g.y.count, (part + 1) * tiles / p.parts * TILE_ROWS);
  Tile finished{};
  finished.epilogue = &e;
  finished.columns = C;
  finished.outRow = g.x.outStep * C;
  finished.prelu = e.prelu;
  memset(ring, 0, static_cast<size_t>(p.workSize) * 4);
  const auto turned_row = [&](int64_t y) { return ring + y % p.ringRows * p.rowFloats; };
  int64_t turned = begin;
  for (int64_t y = begin; y < end; y += TILE_ROWS) {
    const int64_t rows = smaller(TILE_ROWS, end - y);
    for (; turned < y + rows + g.y.taps - 1; ++turned)
      turn_row(g, p, turned, source + image * g.sourceImage, turned_row(turned));
    for (int64_t x = 0; x < g.x.count; x += L) {
      const int64_t pixels = smaller(L, g.x.count - x);
      float sums[TILE_ROWS * C * L];
      multiply_pixels<C, T>(g, p.width, [&](int64_t i) { return turned_row(y + i) + x; }, packed, e.bias, sums);
      for (int64_t r = 0; r < rows; ++r) {
        const int64_t outY = g.y.outFirst + (y + r) * g.y.outStep, outX = g.x.outFirst + x * g.x.outStep;
        const int64_t at = image * g.outImage + (outY * g.outWidth + outX) * C;
        const float* row = sums + r * C * L;
        if (pixels == L && finished.outRow == C) {
          vec planes[C], whole[C];
          each<C>([&](auto c) { planes[c] = load(row + c * L); });
          interleave(planes, whole);
          each<C>([&](auto c) { store(out + at + c * L, whole[c]); });
        } else {
          for (int64_t i = 0; i < pixels; ++i)
            each<C>([&](auto c) { out[at + i * finished.outRow + c] = row[c * L + i]; });
        }
        if (e.activation == Activation::linear && !e.derivative) continue;
        finished.out = out + at;
        finished.stored = e.stored ? e.stored + at : nullptr;
        finished.derivative = e.derivative ? e.derivative + at : nullptr;
        activate_stored(finished, static_cast<int>(pixels));
      }
    }
  }
}

using FewOutputsFunction = decltype(&multiply_few_outputs<1, 0>);
template <int C, int T>
constexpr FewOutputsFunction FEW_OUTPUTS = multiply_few_outputs<C, C*(T + 1) <= FEW_SUMS ? T : 0>;
template <int... C>
FewOutputsFunction few_outputs_of(int64_t outputs, int taps) {
  static constexpr FewOutputsFunction table[][3] = {{FEW_OUTPUTS<C, 0>, FEW_OUTPUTS<C, 2>, FEW_OUTPUTS<C, 3>}...};
  return table[outputs - 1][taps ? taps - 1 : 0];
}

/// Products of few outputs, as a product of a grid.
struct FewOutputsProduct {
  static constexpr bool STORES_IN_PLACE = false;
  static int64_t packed_size(const Grid& g) {
    const int taps = taps_down(g);
    return (taps ? taps + 1 : g.y.taps) * g.x.taps * g.channels * g.outputs;
  }
  /// Packs [tap row][channel][tap column][output], or [channel][tap column][plane][output].
  template <class At>
  static void pack(const Grid& g, int64_t channelStride, int64_t outputStride, float* packed, At&& at) {
    const auto taps_of = [&](int64_t ty, int64_t tx, int64_t k, float* to) {
      for (int64_t c = 0; c < g.outputs; ++c) to[c] = at(ty, tx)[k * channelStride + c * outputStride];
    };
    const auto transformed = [&](auto taps) {
      constexpr int T = taps;
      for (int64_t k = 0; k < g.channels; ++k)
        for (int64_t tx = 0; tx < g.x.taps; ++tx, packed += (T + 1) * g.outputs) {
          vec weights[T]{}, planes[T + 1];
          for (int ty = 0; ty < T; ++ty) taps_of(ty, tx, k, reinterpret_cast<float*>(&weights[ty]));
          transform_filter<2, T>(weights, planes);
          for (int i = 0; i <= T; ++i) store_some(packed + i * g.outputs, planes[i], g.outputs);
        }
    };
    switch (taps_down(g)) {
      case 2: return transformed(Constant<2>{});
      case 3: return transformed(Constant<3>{});
    }
    for (int64_t ty = 0; ty < g.y.taps; ++ty)
      for (int64_t k = 0; k < g.channels; ++k)
        for (int64_t tx = 0; tx < g.x.taps; ++tx, packed += g.outputs) taps_of(ty, tx, k, packed);
  }
  static FewOutputsPieces pieces(const Grid& g, int64_t wanted) { return few_outputs_pieces(g, wanted); }
  static void piece(const Grid& g, const FewOutputsPieces& p, int64_t index, const float* source, const float* packed,
                    float* out, const Epilogue& e, float* work) {
    few_outputs_of<ROW_COUNTS>(g.outputs, taps_down(g))(g, p, index, source, packed, out, e, work);
  }
};

}  // namespace
