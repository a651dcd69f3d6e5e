// Where a network's numbers lie: the packed weights that all threads read, and one thread's working space.
#pragma once
#include "../memory.h"
#include "geometry.h"

namespace {

using srmcmc::Network;

INLINE int64_t take(int64_t& total, int64_t bytes) {
  constexpr int64_t LINE = 64;
  const int64_t at = total;
  total += divide_up(bytes, LINE) * LINE;
  return at;
}

/// Bytes of a layer's outputs, or of their gradients.
INLINE int64_t tiles_size(const ConvShape& s) {
  return int64_t{s.outHeight} * s.outWidth * blocks_of(s.outChannels) * TILE * 2;
}

/// The first layer reads images, whose channels are few: of its filter, a row's taps of all channels are the terms of
/// one product. Its gradient is made in columns: some pixels of a row, of all channels.
struct FirstLayer {
  int64_t event;                  // numbers in an image
  int64_t positionStride;         // floats from a chain's position to the next
  int64_t imageRow, image;        // of an image in bfloat16 with zeros around it: numbers in a row, in all
  int64_t rowTerms;               // of a filter's row
  int64_t depth;                  // terms of an output, in whole blocks, when they are gathered
  int64_t shift;                  // numbers from one output's terms to the next one's
  int64_t pixels, columnTiles;    // of the gradient that one tile of columns has, and tiles that a pixel has
  int64_t offsets;                // from which a pixel of the layer's outputs is part of the sums of a tile of columns

  int64_t rowBlocks() const { return divide_up(rowTerms, BLOCK); }
};

constexpr int64_t STRIP = 16;    // outputs whose terms are gathered at once
constexpr int64_t OVERRUN = 32;  // numbers that a vector may be read or written past a row's end

FirstLayer first_layer(const ConvShape& s) {
  FirstLayer f{};
  const int64_t channels = s.inChannels;
  f.event = int64_t{s.inHeight} * s.inWidth * channels;
  // Chains are not a power of two apart, where they would compete for the same lines of the cache.
  f.positionStride = divide_up(f.event, 64) * 64 + 16;
  f.rowTerms = s.filterWidth * channels;
  f.depth = blocks_of(f.rowTerms * s.filterHeight) * BLOCK;
  const auto padded = [](int64_t in, int64_t pad, int64_t out, int64_t stride, int64_t filter) {
    return larger(in + pad, (out - 1) * stride + filter);
  };
  const int64_t width = padded(s.inWidth, s.padLeft, s.outWidth, s.strideWidth, s.filterWidth);
  const int64_t height = padded(s.inHeight, s.padTop, s.outHeight, s.strideHeight, s.filterHeight);
  f.imageRow = width * channels;
  f.image = divide_up(height * f.imageRow + OVERRUN, 32) * 32 + 32;
  f.shift = s.strideWidth * channels;
  const int64_t pixels = larger(1, COLUMNS / channels), stride = s.strideWidth;
  f.pixels = pixels < stride ? pixels : pixels / stride * stride;
  f.columnTiles = divide_up(f.pixels * channels, COLUMNS);
  f.offsets = f.pixels + s.filterWidth - 1;
  return f;
}

struct Plan {
  const Network* network;
  int rows;    // most chains of a group
  int hidden;  // layers with an activation
  bool bySigns;
  FirstLayer first;
  // Bytes into the packed weights
  int64_t packedSize = 0, firstForward = 0, firstBackward = 0, top = 0;
  int64_t bias[Network::kMaxLayers], forward[Network::kMaxLayers], backward[Network::kMaxLayers];
  MinimalGrid minimal[Network::kMaxLayers];  // of the gradient in each layer's input
  // Bytes into a working space
  int64_t workSize = 0, positions = 0, images = 0, strip = 0, positionGradient = 0, sums = 0;
  int64_t segments = 0, differences = 0, scratch = 0;
  int64_t activations[Network::kMaxLayers];  // and in the place of each, once it has been read, the gradient in its sum
  int64_t derivatives[Network::kMaxLayers];
};

/// `scratchFloats` are for whatever moves the chains.
Plan plan_of(const Network& f, int64_t scratchFloats, int rows = CHAINS) {
  Plan p{};
  p.network = &f;
  p.rows = rows;
  p.hidden = f.layers - 1;
  p.bySigns = f.sign_tells_derivative();
  p.first = first_layer(f.shapes[0]);
  const FirstLayer& first = p.first;
  const ConvShape& image = f.shapes[0];

  const int64_t columns = blocks_of(image.outChannels) * BLOCK;
  p.firstForward = take(p.packedSize, image.filterHeight * first.rowBlocks() * BLOCK * columns * 2);
  p.firstBackward = take(p.packedSize, first.columnTiles * image.filterHeight * first.offsets * columns * COLUMNS * 2);
  const ConvShape& last = f.shapes[p.hidden];
  p.top = take(p.packedSize, int64_t{last.inHeight} * last.inWidth * blocks_of(last.inChannels) * BLOCK * 4);
  int64_t segments = 1;
  for (int l = 0; l < p.hidden; ++l) {
    const ConvShape& s = f.shapes[l];
    segments = larger(segments, s.filterHeight * (l == 0 ? larger(3, first.offsets) : 3));
    p.bias[l] = take(p.packedSize, blocks_of(s.outChannels) * BLOCK * 4);
    p.activations[l] = take(p.workSize, tiles_size(s));
    p.derivatives[l] = take(p.workSize, p.bySigns ? 0 : tiles_size(s));
  }
  // In the order in which they are read.
  for (int l = 1; l < p.hidden; ++l) p.forward[l] = take(p.packedSize, forward_grid(f.shapes[l]).packedSize() * 2);
  int64_t differences = 0, sums = 4 * TILE;
  for (int l = p.hidden - 1; l > 0; --l) {
    const MinimalGrid& minimal = p.minimal[l] = minimal_grid(f.shapes[l]);
    p.backward[l] = p.packedSize;
    if (minimal.is_used()) {
      take(p.packedSize, minimal.packedSize() * 2);
      differences = larger(differences, minimal.differencesSize());
      sums = larger(sums, minimal.sumsSize());
    } else {
      each_phase(f.shapes[l], [&](const Grid& phase) { take(p.packedSize, phase.packedSize() * 2); });
    }
  }
  p.positions = take(p.workSize, CHAINS * first.positionStride * 4);
  p.positionGradient = take(p.workSize, CHAINS * first.positionStride * 4);
  p.images = take(p.workSize, CHAINS * first.image * 2);
  p.strip = take(p.workSize, STRIP * CHAINS * first.depth * 2 + OVERRUN * 2);
  p.sums = take(p.workSize, sums * 4);
  p.segments = take(p.workSize, segments * static_cast<int64_t>(sizeof(Segment)));
  p.differences = take(p.workSize, differences * 2);
  p.scratch = take(p.workSize, scratchFloats * 4);
  return p;
}

template <class T>
INLINE T* at(char* memory, int64_t offset) {
  return reinterpret_cast<T*>(memory + offset);
}
template <class T>
INLINE const T* at(const char* memory, int64_t offset) {
  return reinterpret_cast<const T*>(memory + offset);
}

}  // namespace
