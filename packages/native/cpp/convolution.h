// The products of a grid, whichever way they are made, and the convolution forward.
#pragma once
#include "direct_product.h"
#include "minimal_filtering.h"

namespace {

using srmcmc::ConvShape;

constexpr int64_t FEWEST_PIECES = 16;  // that a large product is cut into, for any number of threads

/// Floats of a grid's packed weights.
INLINE int64_t packed_size(const Grid& g) {
  const int taps = minimal_taps(g);
  return taps ? minimal_packed_size(g, taps) : direct_packed_size(g);
}

/// Packs term (tap row, tap column, channel) x output. at(tapRow, tapColumn) gives the address of channel 0, output 0 of
/// a tap.
template <class At>
void pack_panels(const Grid& g, int64_t channelStride, int64_t outputStride, float* packed, At&& at) {
  if (const int taps = minimal_taps(g))
    pack_minimal(g, taps, channelStride, outputStride, packed, at);
  else
    pack_direct(g, channelStride, outputStride, packed, at);
}

/// Floats of working space that multiply_alone takes.
INLINE int64_t alone_work_size(const Grid& g) {
  const int taps = minimal_taps(g);
  return taps ? minimal_pieces(g, taps, 1).workSize : 0;
}

/// The whole product, on the calling thread alone. The epilogue's bias and slopes fill whole panels.
void multiply_alone(const Grid& g, const float* source, const float* packed, float* out, const Epilogue& epilogue,
                    float* work) {
  if (const int taps = minimal_taps(g)) {
    const MinimalPieces pieces = minimal_pieces(g, taps, 1);
    for (int64_t i = 0; i < pieces.count; ++i)
      multiply_minimal_piece(g, taps, pieces, i, source, packed, out, epilogue, work);
  } else {
    const DirectPieces pieces = direct_pieces(g);
    for (int64_t i = 0; i < pieces.count; ++i) multiply_direct_piece(g, pieces, i, source, packed, out, epilogue);
  }
}

/// The whole product, on all threads.
void multiply_grid(const Grid& g, const float* source, const float* packed, float* out, const Epilogue& epilogue) {
  const int64_t width = panels_of(g.outputs) * PANEL;
  float* padded = srmcmc::scratch(1, static_cast<size_t>(2 * width));
  memset(padded, 0, static_cast<size_t>(2 * width) * 4);
  Epilogue whole = epilogue;
  const auto pad = [&](const float*& values, float* to) {
    if (values) values = static_cast<float*>(memcpy(to, values, static_cast<size_t>(g.outputs) * 4));
  };
  pad(whole.bias, padded);
  pad(whole.prelu, padded + width);
  if (const int taps = minimal_taps(g)) {
    const MinimalPieces pieces = minimal_pieces(g, taps, FEWEST_PIECES);
    const int slots = static_cast<int>(smaller(srmcmc::thread_count(), pieces.count));
    float* work = srmcmc::scratch(2, static_cast<size_t>(pieces.workSize * slots));
    auto piece = [&](int64_t task, int slot) {
      multiply_minimal_piece(g, taps, pieces, task, source, packed, out, whole, work + slot * pieces.workSize);
    };
    parallel(pieces.count, piece, slots);
  } else {
    const DirectPieces pieces = direct_pieces(g);
    auto piece = [&](int64_t task, int) { multiply_direct_piece(g, pieces, task, source, packed, out, whole); };
    parallel(pieces.count, piece);
  }
}

/// What a convolution of these images computes, and from where.
Grid forward_grid(const ConvShape& s) {
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
  return g;
}

void pack_forward(const ConvShape& s, const Grid& g, const float* filter, float* packed) {
  pack_panels(g, s.outChannels, 1, packed, [&](int64_t ty, int64_t tx) {
    return filter + (ty * s.filterWidth + tx) * s.inChannels * s.outChannels;
  });
}

void conv2d(const ConvShape& s, const float* x, const float* filter, float* y, const Epilogue& epilogue) {
  const Grid g = forward_grid(s);
  float* packed = srmcmc::scratch(0, static_cast<size_t>(packed_size(g)));
  pack_forward(s, g, filter, packed);
  multiply_grid(g, x, packed, y, epilogue);
}

}  // namespace
