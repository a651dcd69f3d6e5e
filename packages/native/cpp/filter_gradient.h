// The gradient of a convolution in its filter, whichever way it is made. Operands of a block of images are packed, by
// threads that have some images each; then threads share out the sums. These have the same terms in the same order on
// any number of threads.
#pragma once
#include <variant>

#include "convolution.h"
#include "square_gradient.h"
#include "tap_gradient.h"

namespace {

// A way has
//   sourceSize, gradientSize, tasks: floats of packed operands, and into how many tasks the sums are shared out;
//   GRAIN: images that one thread had better pack one after the other;
//   images_wanted(): whose sums outweigh what is done once for a block;
//   begin(source): before images are packed there;
//   pack_source(x, imageStep, first, count, source): packs `count` images x, imageStep apart, as images `first` and on;
//   pack_gradient(dy, imageStep, first, count, gradient): likewise the gradients in the convolution's output;
//   add(task, source, gradient, dFilter, isFirst): adds a task's sums to dFilter, or writes them where that has none yet;
//   add_bias(gradient, dBias): adds the sums of dy over pixels and images.
using FilterGradient = std::variant<TapGradient, SquareGradient>;

/// Of a block of images of a batch.
FilterGradient filter_gradient_of(const ConvShape& s, int64_t batch, int64_t images) {
  Grid g = forward_grid(s);
  g.batch = batch;
  if (SquareGradient::suits(g)) return SquareGradient(s, g, images);
  return TapGradient(s, images);
}

/// Floats of packed operands. Those of a block are no more than so many times those of one image.
struct PackedSizes {
  int64_t source, gradient;
};
PackedSizes packed_sizes(const FilterGradient& g) {
  return std::visit([](const auto& way) { return PackedSizes{way.sourceSize, way.gradientSize}; }, g);
}

/// Images of a block: as many as take the memory that the gradients have, or a little if those are small.
INLINE int64_t images_a_block(int64_t images, int64_t floatsAnImage, int64_t floatsOfGradients) {
  constexpr int64_t LEAST_FLOATS = int64_t{6} << 18, FEWEST = 4, MOST = 256;
  const int64_t wanted = larger(LEAST_FLOATS, floatsOfGradients) / larger(1, floatsAnImage);
  const int64_t most = smaller(images, smaller(MOST, larger(FEWEST, wanted)));
  return divide_up(images, divide_up(images, most));
}

void filter_gradient_by_channels(const ConvShape& s, const float* x, const float* dy, float* dFilter) {
  if (s.batch <= 0) {
    memset(dFilter, 0, static_cast<size_t>(filter_size(s)) * 4);
    return;
  }
  const int64_t inImage = int64_t{s.inHeight} * s.inWidth * s.inChannels;
  const int64_t outImage = int64_t{s.outHeight} * s.outWidth * s.outChannels;
  const PackedSizes one = packed_sizes(filter_gradient_of(s, s.batch, 1));
  // Twice the gradient's, for the operands are all that there is besides.
  const int64_t block = images_a_block(s.batch, one.source + one.gradient, 2 * filter_size(s));
  float* const source = srmcmc::scratch(0, static_cast<size_t>(one.source * block));
  float* const gradient = srmcmc::scratch(2, static_cast<size_t>(one.gradient * block));
  for (int64_t first = 0; first < s.batch; first += block) {
    const int64_t images = smaller(block, s.batch - first);
    const auto make = [&](const auto& g) {
      g.begin(source);
      auto pack = [&](int64_t index, int) {
        const int64_t image = index * g.GRAIN, count = smaller(g.GRAIN, images - image);
        g.pack_source(x + (first + image) * inImage, inImage, image, count, source);
        g.pack_gradient(dy + (first + image) * outImage, outImage, image, count, gradient);
      };
      parallel(divide_up(images, g.GRAIN), pack);
      auto task = [&](int64_t index, int) { g.add(index, source, gradient, dFilter, first == 0); };
      parallel(g.tasks, task);
    };
    std::visit(make, filter_gradient_of(s, s.batch, images));
  }
}

}  // namespace
