// Convolutions by minimal filtering of single precision (winograd.h). A stride of s cuts a filter of T s taps into s x s
// filters of T, whose products are summed before squares of M x M outputs are made of them.
#pragma once
#include "grid.h"
#include "parallel.h"
#include "winograd.h"

namespace {

/// T, where a grid's products are made so. Few channels or outputs would be lost in the sums around the products.
INLINE int minimal_taps(const Grid& g) {
  if (g.channels < L || g.outputs < L || g.y.count < 2 || g.x.count < 2) return 0;
  for (const int taps : {2, 3})
    if (g.y.taps == taps * g.y.sourceStep && g.x.taps == taps * g.x.sourceStep && g.y.tapStep == 1 && g.x.tapStep == 1)
      return taps;
  return 0;
}

/// Of `side` x `side` outputs, in an image.
INLINE int64_t squares_of(const Grid& g, int64_t side) {
  return divide_up(g.y.count, side) * divide_up(g.x.count, side);
}

/// Whether squares of 4 x 4 outputs of two taps take fewer products than those of 2 x 2. They have 25 weights for four
/// taps, not 9: an image has to use them a few times.
INLINE bool has_large_squares(const Grid& g) {
  return squares_of(g, 4) >= 4 && 25 * squares_of(g, 4) < 9 * squares_of(g, 2);
}

/// How a grid is cut up into squares of M x M outputs. An output has the same terms in the same order in any piece.
struct MinimalPieces {
  int planes;                      // products of a square of outputs
  int64_t squaresY, squaresX;
  int64_t terms, rowFloats;        // of a row of transformed input, whose floats are a few more
  int64_t panels;                  // of outputs
  int64_t groups;                  // of images
  int64_t blocks;                  // of rows of squares
  int64_t panelParts, panelsAPart;
  int64_t count;
  int64_t inputPlane, outputPlane;  // floats from one plane of a piece to the next
  int64_t input, output, workSize;  // where they lie in a piece's working space, after a pixel of zeros
};

INLINE int64_t minimal_terms(const Grid& g) { return g.y.sourceStep * g.x.sourceStep * g.channels; }

/// Floats from one row to the next, or of a pixel of zeros: whole vectors and one more, which may be written past the
/// end. Rows of a tile that were a power of two apart would compete for the same lines of the cache.
INLINE int64_t minimal_row(int64_t floats) { return divide_up(floats, 16) * 16 + 16; }

/// Pieces for one thread alone, or at least `wanted` if the grid is large enough.
MinimalPieces minimal_pieces(const Grid& g, int side, int taps, int64_t wanted) {
  constexpr int64_t PIECE_FLOATS = 192 * 1024;  // most of the second-level cache
  constexpr int64_t FEWEST_TILES = 4;           // that share a panel once it is in the cache
  MinimalPieces p{};
  if (g.batch <= 0) return p;
  p.planes = (side + taps - 1) * (side + taps - 1);
  p.squaresY = divide_up(g.y.count, side);
  p.squaresX = divide_up(g.x.count, side);
  p.terms = minimal_terms(g);
  p.rowFloats = minimal_row(p.terms);
  p.panels = panels_of(g.outputs);
  const int64_t rows = g.batch * p.squaresY * p.squaresX;
  int64_t most = larger(FEWEST_TILES * ROWS, PIECE_FLOATS / (p.planes * (p.rowFloats + p.panels * PANEL)));
  if (wanted > 1) most = larger(2 * ROWS, smaller(most, divide_up(rows, wanted)));
  p.groups = divide_up(g.batch, larger(1, smaller(g.batch, most / p.squaresX)));
  const int64_t images = divide_up(g.batch, p.groups);
  p.blocks = divide_up(p.squaresY, larger(1, most / (images * p.squaresX)));
  p.panelParts = smaller(p.panels, divide_up(wanted, p.groups * p.blocks));
  p.panelsAPart = divide_up(p.panels, p.panelParts);
  p.panelParts = divide_up(p.panels, p.panelsAPart);
  p.count = p.groups * p.blocks * p.panelParts;
  // A smaller batch has no larger pieces, so that its working space suffices whatever way it is cut up.
  const int64_t largest = smaller(rows, larger(most, p.squaresX));
  p.inputPlane = largest * p.rowFloats + 16;
  p.outputPlane = largest * p.panelsAPart * PANEL + 16;
  p.input = minimal_row(g.channels);
  p.output = p.input + p.planes * p.inputPlane;
  p.workSize = p.output + p.planes * p.outputPlane;
  return p;
}

/// Where the inputs of a square of M x M outputs lie, in one phase of the stride, with zeros around the source.
template <int M, int T>
struct SquareInputs {
  static constexpr int P = M + T - 1;
  const float* at[P][P];
  int64_t step[P][P];  // to the next image

  INLINE SquareInputs(const Grid& g, int64_t squareY, int64_t squareX, int64_t phase, const float* image,
                      const float* zeros) {
    const int64_t y = g.y.sourceFirst + M * squareY * g.y.sourceStep + phase / g.x.sourceStep;
    const int64_t x = g.x.sourceFirst + M * squareX * g.x.sourceStep + phase % g.x.sourceStep;
    for (int i = 0; i < P; ++i)
      for (int j = 0; j < P; ++j) {
        const int64_t atY = y + i * g.y.sourceStep, atX = x + j * g.x.sourceStep;
        const bool inside = atY >= 0 && atY < g.y.sourceSize && atX >= 0 && atX < g.x.sourceSize;
        step[i][j] = inside ? g.sourceImage : 0;
        at[i][j] = inside ? image + atY * g.sourceRow + atX * g.channels : zeros;
      }
  }
  INLINE void next_image() {
    each<P>([&](auto i) { each<P>([&](auto j) { at[i][j] += step[i][j]; }); });
  }
  /// All channels, to planes `plane` floats apart. What is written past the last channel belongs to the next phase, or to
  /// nobody.
  INLINE void transform(int64_t channels, float* to, int64_t plane) const {
    for (int64_t c = 0; c < channels; c += L) {
      const int64_t n = smaller(L, channels - c);
      vec values[P][P], transformed[P][P];
      each<P>([&](auto i) { each<P>([&](auto j) { values[i][j] = load_part(at[i][j] + c, n); }); });
      along_both_axes<transform_input<M, T>>(values, transformed);
      each<P>([&](auto i) {
        each<P>([&](auto j) { store(to + (i * P + j) * plane + c, transformed[i][j]); });
      });
    }
  }
};

/// Some images and rows of squares of a piece.
struct Squares {
  int64_t image, images, firstY, endY;
};

/// Rows of products: square by square, and its images.
template <int M, int T>
void transform_squares(const Grid& g, const MinimalPieces& p, const Squares& piece, const float* source, float* work) {
  float* const zeros = work;
  memset(zeros, 0, static_cast<size_t>(p.input) * 4);
  float* row = work + p.input;
  for (int64_t squareY = piece.firstY; squareY < piece.endY; ++squareY)
    for (int64_t squareX = 0; squareX < p.squaresX; ++squareX, row += piece.images * p.rowFloats)
      for (int64_t phase = 0; phase < g.y.sourceStep * g.x.sourceStep; ++phase) {
        SquareInputs<M, T> inputs(g, squareY, squareX, phase, source + piece.image * g.sourceImage, zeros);
        float* to = row + phase * g.channels;
        for (int64_t image = 0; image < piece.images; ++image, to += p.rowFloats, inputs.next_image())
          inputs.transform(g.channels, to, p.inputPlane);
      }
}

/// The products of all planes of a piece's rows with some panels.
void multiply_planes(const MinimalPieces& p, int64_t rows, int64_t firstPanel, int64_t panels, int64_t outputs,
                     const float* packed, float* work) {
  constexpr int64_t PASS_TERMS = 32 * 1024 / 4 / PANEL;  // of a panel, that stay in the first-level cache
  const int64_t passes = divide_up(p.terms, PASS_TERMS), tiles = divide_up(rows, ROWS);
  const Epilogue none{};
  Tile t{};
  t.aRow = p.rowFloats;
  t.count1 = t.count2 = 1;
  t.outRow = panels * PANEL;
  t.epilogue = &none;
  for (int64_t plane = 0; plane < p.planes; ++plane)
    for (int64_t panel = 0; panel < panels; ++panel) {
      t.columns = outputs - (firstPanel + panel) * PANEL <= L ? L : PANEL;
      for (int64_t pass = 0; pass < passes; ++pass) {
        const int64_t term = pass * p.terms / passes;
        t.length = (pass + 1) * p.terms / passes - term;
        t.first = pass == 0;
        t.last = pass == passes - 1;
        t.b = packed + ((plane * p.panels + firstPanel + panel) * p.terms + term) * PANEL;
        for (int64_t tile = 0; tile < tiles; ++tile) {
          const int64_t row = tile * rows / tiles;
          t.a = work + p.input + plane * p.inputPlane + row * p.rowFloats + term;
          t.out = work + p.output + plane * p.outputPlane + row * t.outRow + panel * PANEL;
          run_tile(t, static_cast<int>((tile + 1) * rows / tiles - row), false);
        }
      }
    }
}

/// Outputs of products, biased and activated. `activation` is a constant or the epilogue's.
template <int M, int T, class Kind>
void finish_squares(const Grid& g, const MinimalPieces& p, const Squares& piece, int64_t firstPanel, int64_t panels,
                    const float* work, float* out, const Epilogue& e, Kind activation) {
  constexpr int P = M + T - 1;
  const int64_t width = panels * PANEL, firstOutput = firstPanel * PANEL;
  const int64_t outputs = smaller(width, g.outputs - firstOutput);
  const float* row = work + p.output;
  const int64_t down = g.y.outStep * g.outWidth * g.outputs, across = g.x.outStep * g.outputs;
  const auto place = [&](int64_t squareY, int64_t squareX, int64_t image) {
    const int64_t y = g.y.outFirst + M * squareY * g.y.outStep, x = g.x.outFirst + M * squareX * g.x.outStep;
    return image * g.outImage + (y * g.outWidth + x) * g.outputs + firstOutput;
  };
  const float* const fetched = e.stored ? e.stored : out;
  const int64_t endImage = piece.image + piece.images;
  for (int64_t squareY = piece.firstY; squareY < piece.endY; ++squareY)
    for (int64_t squareX = 0; squareX < p.squaresX; ++squareX)
      for (int64_t image = piece.image; image < endImage; ++image, row += width) {
        const int64_t downY = smaller(M, g.y.count - M * squareY), acrossX = smaller(M, g.x.count - M * squareX);
        const int64_t first = place(squareY, squareX, image);
        // The next square's lines lie apart, where the processor does not expect them.
        const int64_t next = image + 1 < endImage         ? first + g.outImage
                             : squareX + 1 < p.squaresX ? place(squareY, squareX + 1, piece.image)
                                                        : place(squareY + 1, 0, piece.image);
        for (int64_t i = 0; i < downY; ++i)
          for (int64_t j = 0; j < acrossX; ++j)
            for (int64_t c = 0; c < outputs; c += LINE) __builtin_prefetch(fetched + next + i * down + j * across + c);
        for (int64_t c = 0; c < outputs; c += L) {
          const int64_t n = smaller(L, outputs - c);
          vec products[P][P], sums[M][M];
          each<P>([&](auto i) {
            each<P>([&](auto j) { products[i][j] = load(row + (i * P + j) * p.outputPlane + c); });
          });
          along_both_axes<transform_output<M, T>>(products, sums);
          const vec bias = e.bias ? load(e.bias + firstOutput + c) : vec{};
          const vec slope = e.prelu ? load(e.prelu + firstOutput + c) : vec{};
          each<M>([&](auto i) {
            each<M>([&](auto j) {
              if (i >= downY || j >= acrossX) return;
              const int64_t at = first + i * down + j * across + c;
              const vec sum = sums[i][j] + bias;
              const vec operand = e.stored ? load_part(e.stored + at, n) : slope;
              const vec value = activate(sum, activation, e.alpha, operand);
              store_part(out + at, value, n);
              if (e.derivative)
                store_part(e.derivative + at, derivative_of(sum, value, activation, e.alpha), n);
            });
          });
        }
      }
}

template <int M, int T>
void multiply_squares(const Grid& g, const MinimalPieces& p, int64_t index, const float* source, const float* packed,
                      float* out, const Epilogue& e, float* work) {
  const int64_t part = index % p.panelParts, block = index / p.panelParts % p.blocks;
  const int64_t group = index / p.panelParts / p.blocks;
  const int64_t image = group * g.batch / p.groups;
  const Squares piece{image, (group + 1) * g.batch / p.groups - image, block * p.squaresY / p.blocks,
                      (block + 1) * p.squaresY / p.blocks};
  const int64_t firstPanel = part * p.panelsAPart, panels = smaller(p.panelsAPart, p.panels - firstPanel);
  const int64_t rows = piece.images * (piece.endY - piece.firstY) * p.squaresX;
  transform_squares<M, T>(g, p, piece, source, work);
  multiply_planes(p, rows, firstPanel, panels, g.outputs, packed, work);
  const auto finish = [&](auto activation) {
    finish_squares<M, T>(g, p, piece, firstPanel, panels, work, out, e, activation);
  };
  switch (e.activation) {
    case Activation::linear: return finish(std::integral_constant<Activation, Activation::linear>{});
    case Activation::leakyRelu: return finish(std::integral_constant<Activation, Activation::leakyRelu>{});
    case Activation::leakyReluGradient:
      return finish(std::integral_constant<Activation, Activation::leakyReluGradient>{});
    default: return finish(e.activation);
  }
}

/// Packs [plane][panel][term][column], terms being the channels of each phase.
template <int M, int T, class At>
void pack_minimal(const Grid& g, int64_t channelStride, int64_t outputStride, float* packed, At&& at) {
  constexpr int P = M + T - 1;
  constexpr int64_t GRAIN = 64;  // channels a task packs
  const int64_t parts = divide_up(g.channels, GRAIN), phases = g.y.sourceStep * g.x.sourceStep;
  const int64_t terms = minimal_terms(g), panels = panels_of(g.outputs);
  auto pack = [&](int64_t task, int) {
    const int64_t part = task % parts, phase = task / parts % phases, panel = task / parts / phases;
    const int64_t columns = smaller(PANEL, g.outputs - panel * PANEL);
    const float* from[T][T];
    for (int i = 0; i < T; ++i)
      for (int j = 0; j < T; ++j)
        from[i][j] = at(phase / g.x.sourceStep + i * g.y.sourceStep, phase % g.x.sourceStep + j * g.x.sourceStep) +
                     panel * PANEL * outputStride;
    for (int64_t c = part * GRAIN; c < smaller(g.channels, (part + 1) * GRAIN); ++c)
      for (int64_t v = 0; v < PANEL; v += L) {
        const int64_t n = larger(0, smaller(L, columns - v));
        vec taps[T][T], transformed[P][P];
        each<T>([&](auto i) {
          each<T>([&](auto j) {
            const float* tap = from[i][j] + c * channelStride + v * outputStride;
            if (outputStride == 1) {
              taps[i][j] = load_part(tap, n);
            } else {
              taps[i][j] = vec{};
              for (int64_t column = 0; column < n; ++column) taps[i][j][column] = tap[column * outputStride];
            }
          });
        });
        along_both_axes<transform_filter<M, T>>(taps, transformed);
        each<P>([&](auto i) {
          each<P>([&](auto j) {
            const int64_t row = ((i * P + j) * panels + panel) * terms + phase * g.channels + c;
            store(packed + row * PANEL + v, transformed[i][j]);
          });
        });
      }
  };
  parallel(panels * phases * parts, pack);
}

/// Minimal filtering of M x M outputs of T taps a step, as a product of a grid.
template <int M, int T>
struct MinimalProduct {
  static constexpr bool STORES_IN_PLACE = true;
  static int64_t packed_size(const Grid& g) {
    return (M + T - 1) * (M + T - 1) * minimal_terms(g) * panels_of(g.outputs) * PANEL;
  }
  template <class At>
  static void pack(const Grid& g, int64_t channelStride, int64_t outputStride, float* packed, At&& at) {
    pack_minimal<M, T>(g, channelStride, outputStride, packed, at);
  }
  static MinimalPieces pieces(const Grid& g, int64_t wanted) { return minimal_pieces(g, M, T, wanted); }
  static void piece(const Grid& g, const MinimalPieces& p, int64_t index, const float* source, const float* packed,
                    float* out, const Epilogue& e, float* work) {
    multiply_squares<M, T>(g, p, index, source, packed, out, e, work);
  }
};

}  // namespace
