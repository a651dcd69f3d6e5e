// Products from single-precision images to single-precision images by tiles of bfloat16: a thread rounds a piece of a
// group of images into tiles, which stay in its second-level cache while every output of that piece is computed.
#pragma once
#include <cmath>
#include <vector>

#include "layers.h"

namespace {

using srmcmc::Epilogue;

constexpr int PIECE_AREA = 5;  // of a thread's scratch memory

/// NHWC images; `stride` floats from one to the next.
struct Images {
  const float* data;
  int64_t count, width, channels, stride;
};

/// Up to 32 floats, rounded, and zeros after them.
INLINE void narrow_block(const float* from, int64_t channels, bf16* to) {
  if (channels >= BLOCK) {
    for (int c = 0; c < BLOCK; c += 2 * L) narrow_two(to + c, load(from + c), load(from + c + L));
    return;
  }
  for (int64_t c = 0; c < BLOCK; c += L) narrow(to + c, load_some(from + c, larger(0, smaller(L, channels - c))));
}

/// A rectangle of pixels of images `first` and on as [row][column][block of channels][16 images][32 channels]; images
/// that are not there are zero.
void tile_rectangle(const Images& x, int64_t first, Range rows, Range columns, bf16* to) {
  const int64_t blocks = blocks_of(x.channels), width = columns.end - columns.first;
  for (int64_t row = rows.first; row < rows.end; ++row, to += width * blocks * TILE)
    for (int64_t chain = 0; chain < CHAINS; ++chain) {
      bf16* tile = to + chain * BLOCK;
      if (first + chain >= x.count) {
        for (int64_t i = 0; i < width * blocks; ++i, tile += TILE) memset(tile, 0, BLOCK * sizeof(bf16));
        continue;
      }
      const float* pixel = x.data + (first + chain) * x.stride + (row * x.width + columns.first) * x.channels;
      for (int64_t column = 0; column < width; ++column, pixel += x.channels)
        for (int64_t block = 0; block < blocks; ++block, tile += TILE)
          narrow_block(pixel + block * BLOCK, x.channels - block * BLOCK, tile);
    }
}

/// A product over one grid of positions. The gradient in a convolution's input has several: its phases.
struct Phase {
  Grid grid;
  const bf16* weights;
};

/// Where sums go, and what becomes of them; bias and slopes fill whole blocks.
struct Destination {
  float* data;
  int64_t channels, stride;
  Activation activation;
  float alpha;
  const float *bias, *prelu;
};

template <Activation ACTIVATION>
void store_sums(const Destination& to, const float* sums, int64_t position, int64_t channel, int64_t images, float* y) {
  const int64_t columns = smaller(BLOCK, to.channels - channel);
  y += position * to.channels + channel;
  const auto finished = [&](int64_t c) {
    const vec sum = load(sums + c) + load(to.bias + channel + c);
    return activate(sum, ACTIVATION, to.alpha, ACTIVATION == Activation::prelu ? load(to.prelu + channel + c) : vec{});
  };
  for (int64_t i = 0; i < images; ++i, y += to.stride, sums += BLOCK) {
    if (columns == BLOCK)
      for (int c = 0; c < BLOCK; c += L) store(y + c, finished(c));
    else
      for (int64_t c = 0; c < columns; c += L) store_some(y + c, finished(c), smaller(L, columns - c));
  }
}

using StoreSums = void (*)(const Destination&, const float*, int64_t, int64_t, int64_t, float*);
StoreSums store_sums_of(Activation activation) {
  switch (activation) {
    case Activation::relu: return store_sums<Activation::relu>;
    case Activation::relu6: return store_sums<Activation::relu6>;
    case Activation::elu: return store_sums<Activation::elu>;
    case Activation::leakyRelu: return store_sums<Activation::leakyRelu>;
    case Activation::prelu: return store_sums<Activation::prelu>;
    case Activation::sigmoid: return store_sums<Activation::sigmoid>;
    default: return store_sums<Activation::linear>;
  }
}

/// Positions first to before first + count of an axis; of its source, those from `start` to before `end`.
INLINE Axis piece_of(const Axis& axis, int64_t first, int64_t count, int64_t start, int64_t end) {
  Axis piece = axis;
  piece.count = larger(0, smaller(count, axis.count - first));
  piece.outFirst += first * axis.outStep;
  piece.sourceFirst += first * axis.sourceStep - start;
  piece.sourceSize = end - start;
  return piece;
}

/// What positions first to before first + count of the phases read.
template <class AxisOf>
Range source_of(const std::vector<Phase>& phases, int64_t first, int64_t count, AxisOf&& axis_of) {
  Range all{INT64_MAX, 0};
  for (const Phase& phase : phases) {
    const Axis& axis = axis_of(phase.grid);
    const int64_t end = smaller(first + count, axis.count);
    if (first >= end || axis.taps == 0) continue;
    all.first = smaller(all.first, larger(0, axis.sourceFirst + first * axis.sourceStep));
    const int64_t last = axis.sourceFirst + (end - 1) * axis.sourceStep + axis.taps;
    all.end = larger(all.end, smaller(axis.sourceSize, last));
  }
  return all.first < all.end ? all : Range{0, 0};
}

/// Into what pieces the positions of a group are cut: those for which the fewest pixels are rounded twice.
struct Pieces {
  int64_t rows, columns, down, across;  // positions of a piece, and pieces
  int64_t parts, blocksAPart;           // of the output's blocks of channels
};

Pieces pieces_of(const std::vector<Phase>& phases, int64_t groups) {
  constexpr int64_t PIECE_BYTES = 384 * 1024, FEWEST_TASKS = 8;
  int64_t rows = 1, columns = 1;
  Axis y{}, x{};
  for (const Phase& phase : phases) {
    rows = larger(rows, phase.grid.y.count);
    columns = larger(columns, phase.grid.x.count);
    y.taps = larger(y.taps, phase.grid.y.taps);
    x.taps = larger(x.taps, phase.grid.x.taps);
  }
  const Grid& grid = phases.front().grid;
  y.sourceStep = grid.y.sourceStep;
  x.sourceStep = grid.x.sourceStep;
  const auto reach = [](const Axis& axis, int64_t count) { return (count - 1) * axis.sourceStep + larger(1, axis.taps); };
  const int64_t most = larger(1, PIECE_BYTES / (grid.sourceBlocks * TILE * 2));  // pixels
  Pieces p{1, smaller(columns, 2), 1, 1, 1, 1};
  double least = HUGE_VAL;
  for (int64_t height = 1; height <= rows; ++height) {
    int64_t width = (most / reach(y, height) - larger(1, x.taps)) / x.sourceStep + 1;
    width = width >= columns ? columns : width / 2 * 2;  // positions are taken in pairs
    if (width < 1) break;
    const double cost = static_cast<double>(reach(y, height) * reach(x, width)) / static_cast<double>(height * width);
    if (cost > least) continue;
    least = cost;
    p.rows = height;
    p.columns = width;
  }
  const auto even_out = [](int64_t all, int64_t& piece, int64_t& count, int64_t grain) {
    count = divide_up(all, piece);
    piece = divide_up(divide_up(all, count), grain) * grain;
    count = divide_up(all, piece);
  };
  even_out(rows, p.rows, p.down, 1);
  even_out(columns, p.columns, p.across, 2);
  const int64_t tasks = groups * p.down * p.across;
  p.parts = smaller(grid.outBlocks, divide_up(FEWEST_TASKS, tasks));
  p.blocksAPart = divide_up(grid.outBlocks, p.parts);
  return p;
}

/// The sums of all phases, for `count` images. The order of a sum's terms depends on neither pieces nor threads.
void multiply_images(const std::vector<Phase>& phases, const Images& x, const Destination& to) {
  if (x.count <= 0 || phases.empty()) return;
  const int64_t groups = divide_up(x.count, CHAINS);
  const Pieces p = pieces_of(phases, groups);
  const StoreSums finish = store_sums_of(to.activation);
  int64_t tapRows = 1;
  for (const Phase& phase : phases) tapRows = larger(tapRows, phase.grid.y.taps);
  auto piece = [&](int64_t task, int) {
    const int64_t part = task % p.parts, column = task / p.parts % p.across * p.columns;
    const int64_t row = task / p.parts / p.across % p.down * p.rows, group = task / p.parts / p.across / p.down;
    const int64_t first = group * CHAINS, images = smaller(CHAINS, x.count - first);
    const Range rows = source_of(phases, row, p.rows, [](const Grid& g) { return g.y; });
    const Range columns = source_of(phases, column, p.columns, [](const Grid& g) { return g.x; });
    const int64_t pixels = (rows.end - rows.first) * (columns.end - columns.first);
    int64_t size = 0;
    const int64_t tiles = take(size, pixels * phases.front().grid.sourceBlocks * TILE * 2);
    const int64_t sums = take(size, 4 * TILE * 4);
    const int64_t segments = take(size, 3 * tapRows * static_cast<int64_t>(sizeof(Segment)));
    char* work = reinterpret_cast<char*>(srmcmc::scratch(PIECE_AREA, static_cast<size_t>(size / 4)));
    tile_rectangle(x, first, rows, columns, at<bf16>(work, tiles));
    const int present = static_cast<int>(images);
    Engine::begin(present);
    for (const Phase& phase : phases) {
      Grid g = phase.grid;
      g.y = piece_of(g.y, row, p.rows, rows.first, rows.end);
      g.x = piece_of(g.x, column, p.columns, columns.first, columns.end);
      g.sourceWidth = columns.end - columns.first;
      const int64_t block = part * p.blocksAPart;
      g.outBlocks = larger(0, smaller(p.blocksAPart, g.outBlocks - block));
      const bf16* weights = phase.weights + block * g.panel() * 2 * TILE;
      const Source source = tiles_source(g, at<bf16>(work, tiles));
      multiply(Multiplication{g, present, source, weights, nullptr, at<Segment>(work, segments), at<float>(work, sums)},
               [&](const Block& b, int i, int image, int end) {
                 finish(to, b.sums + i * TILE + image * BLOCK, b.position + i * b.step,
                        (block + b.channels) * BLOCK, end - image, to.data + (first + image) * to.stride);
               });
    }
    Engine::end();
  };
  parallel(groups * p.down * p.across * p.parts, piece);
}

}  // namespace
