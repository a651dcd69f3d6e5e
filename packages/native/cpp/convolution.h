// The products of a grid, whichever way they are made, and the convolution forward.
#pragma once
#include "direct_product.h"
#include "few_channels.h"
#include "few_outputs.h"
#include "minimal_filtering.h"

namespace {

using srmcmc::ConvShape;

constexpr int64_t FEWEST_PIECES = 16;  // that a large product is cut into, for any number of threads

/// Calls body with the way in which a grid's products are made. Those that STORES_IN_PLACE says so of read the epilogue's
/// `stored` before they write to the same place, so that the two may be one.
template <class Body>
INLINE auto with_product(const Grid& g, Body&& body) {
  switch (minimal_taps(g)) {
    case 2: return has_large_squares(g) ? body(MinimalProduct<4, 2>{}) : body(MinimalProduct<2, 2>{});
    case 3: return body(MinimalProduct<2, 3>{});
  }
  switch (taps_of_few_channels(g)) {
    case 2: return body(FewChannelsProduct<2>{});
    case 3: return body(FewChannelsProduct<3>{});
  }
  return has_few_outputs(g) ? body(FewOutputsProduct{}) : body(DirectProduct{});
}

/// Floats of a grid's packed weights.
INLINE int64_t packed_size(const Grid& g) {
  return with_product(g, [&](auto product) { return product.packed_size(g); });
}

/// Packs a filter. at(tapRow, tapColumn) gives the address of channel 0, output 0 of a tap.
template <class At>
void pack_filter(const Grid& g, int64_t channelStride, int64_t outputStride, float* packed, At&& at) {
  with_product(g, [&](auto product) { product.pack(g, channelStride, outputStride, packed, at); });
}

/// Floats of working space that multiply_alone takes.
INLINE int64_t alone_work_size(const Grid& g) {
  return with_product(g, [&](auto product) { return int64_t{product.pieces(g, 1).workSize}; });
}

/// The whole product, on the calling thread alone. The epilogue's bias and slopes fill whole panels.
void multiply_alone(const Grid& g, const float* source, const float* packed, float* out, const Epilogue& epilogue,
                    float* work) {
  with_product(g, [&](auto product) {
    const auto pieces = product.pieces(g, 1);
    for (int64_t i = 0; i < pieces.count; ++i) product.piece(g, pieces, i, source, packed, out, epilogue, work);
  });
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
  with_product(g, [&](auto product) {
    const auto pieces = product.pieces(g, FEWEST_PIECES);
    const int slots = static_cast<int>(smaller(srmcmc::thread_count(), pieces.count));
    float* work = srmcmc::scratch(2, static_cast<size_t>(pieces.workSize * slots));
    auto piece = [&](int64_t task, int slot) {
      product.piece(g, pieces, task, source, packed, out, whole, work + slot * pieces.workSize);
    };
    parallel(pieces.count, piece, slots);
  });
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
  pack_filter(g, s.outChannels, 1, packed, [&](int64_t ty, int64_t tx) {
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
