// What convolutions are tried with: the layers of the paper's networks, shapes that fit no tile, and random ones.
#pragma once
#include <string>
#include <vector>

#include "check.h"
#include "data.h"
#include "reference_convolution.h"

namespace check {
namespace {

enum Product { forward, inputGradient, filterGradient };
const char* const PRODUCTS[] = {"forward", "input gradient", "filter gradient"};

struct Named {
  std::string name;
  ConvShape shape;
};

/// Square kernel, stride and padding, as in the paper's section 7.4.
Named layer(const std::string& name, int m, int side, int in, int out, int kernel, int stride, int pad) {
  const int outSide = (side + 2 * pad - kernel) / stride + 1;
  return {name + ", m = " + std::to_string(m),
          {m, side, side, in, outSide, outSide, out, kernel, kernel, stride, stride, 1, 1, pad, pad}};
}

std::vector<Named> paper_layers(bool quick) {
  if (quick) {
    const int n = 8, m = 5;
    return {layer("first layer of n = 8", m, 16, 3, n, 3, 1, 1), layer("second layer of n = 8", m, 16, n, 2 * n, 4, 2, 1),
            layer("last layer of n = 8", m, 4, 8 * n, 1, 4, 1, 0)};
  }
  std::vector<Named> layers;
  for (const int n : {32, 64}) {
    const std::string of = " of n = " + std::to_string(n);
    layers.push_back(layer("first layer" + of, 64, 32, 3, n, 3, 1, 1));
    layers.push_back(layer("second layer" + of, 64, 32, n, 2 * n, 4, 2, 1));
    layers.push_back(layer("third layer" + of, 64, 16, 2 * n, 4 * n, 4, 2, 1));
    layers.push_back(layer("fourth layer" + of, 64, 8, 4 * n, 8 * n, 4, 2, 1));
    layers.push_back(layer("last layer" + of, 64, 4, 8 * n, 1, 4, 1, 0));
  }
  layers.push_back(layer("first layer of 64 px, n = 64", 16, 64, 3, 64, 3, 1, 1));
  layers.push_back(layer("first layer of 128 px, n = 64", 3, 128, 3, 64, 3, 1, 1));
  layers.push_back(layer("second layer of 128 px, n = 64", 3, 128, 64, 128, 4, 2, 1));
  return layers;
}

// batch, in h, w, c, out h, w, c, filter h, w, strides, dilations, padding
const Named AWKWARD[] = {
    {"one image", {1, 20, 20, 40, 20, 20, 33, 3, 3, 1, 1, 1, 1, 1, 1}},
    {"one pixel, one channel", {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0}},
    {"1 x 1 filter", {7, 9, 5, 17, 9, 5, 37, 1, 1, 1, 1, 1, 1, 0, 0}},
    {"odd sizes, unequal strides", {3, 11, 9, 17, 6, 4, 37, 3, 5, 2, 3, 1, 1, 1, 2}},
    {"padding at the far end alone", {13, 8, 8, 5, 4, 4, 19, 4, 4, 2, 2, 1, 1, 0, 0}},
    {"strides wider than the filter", {5, 13, 13, 6, 4, 4, 10, 2, 2, 4, 4, 1, 1, 0, 0}},
    {"padding wider than the filter", {4, 5, 5, 3, 11, 11, 7, 3, 3, 1, 1, 1, 1, 4, 4}},
    {"filter larger than the image", {6, 3, 3, 4, 3, 3, 9, 7, 7, 1, 1, 1, 1, 3, 3}},
    {"rows of more terms than a pass", {5, 6, 6, 301, 6, 6, 34, 3, 3, 1, 1, 1, 1, 1, 1}},
    {"one output channel", {29, 6, 6, 23, 3, 3, 1, 4, 4, 2, 2, 1, 1, 1, 1}},
    {"no images", {0, 6, 6, 3, 3, 3, 5, 4, 4, 2, 2, 1, 1, 1, 1}},
    {"dilations of 2 and 3", {5, 15, 17, 7, 11, 11, 18, 3, 3, 1, 1, 2, 3, 0, 0}},
    {"two taps a step, odd sizes", {5, 11, 13, 33, 5, 6, 35, 4, 4, 2, 2, 1, 1, 1, 1}},
    {"two taps a step, large squares", {3, 15, 23, 20, 7, 11, 33, 4, 4, 2, 2, 1, 1, 1, 1}},
    {"two taps a step of two and three", {3, 10, 14, 20, 5, 4, 24, 4, 6, 2, 3, 1, 1, 1, 1}},
    {"two taps a step, more padding than picture", {5, 4, 4, 18, 7, 7, 20, 4, 4, 2, 2, 1, 1, 6, 6}},
    {"two taps a step, negative padding", {3, 23, 30, 17, 8, 12, 35, 4, 4, 2, 2, 1, 1, -2, -1}},
    {"two taps a step down, few channels", {3, 11, 9, 5, 5, 4, 37, 4, 5, 2, 2, 1, 1, 1, 1}},
    {"three taps down, few channels, one column", {5, 7, 3, 3, 7, 1, 19, 3, 3, 1, 1, 1, 1, 1, 0}},
    {"three taps a step, odd sizes", {26, 9, 7, 17, 9, 7, 50, 3, 3, 1, 1, 1, 1, 1, 1}},
    {"three taps a step of two", {3, 11, 12, 16, 5, 6, 70, 6, 6, 2, 2, 1, 1, 2, 2}},
};

/// Wide: the batch and the channels fill at least half of a tile of 16 by 32, in a convolution without holes. Even: as
/// many taps a step along both axes, which is what minimal filtering takes.
enum class Shape { any, wide, even };

ConvShape random_shape(Random& random, Product product, Shape kind) {
  const auto one_of = [&](std::initializer_list<int> values) {
    return values.begin()[random.integer(0, static_cast<int>(values.size()) - 1)];
  };
  ConvShape s{};
  s.batch = random.integer(1, 27);
  s.inHeight = random.integer(1, 10);
  s.inWidth = random.integer(1, 10);
  s.inChannels = one_of({1, 2, 3, 4, 7, 8, 15, 16, 17, 33});
  s.outHeight = random.integer(1, 7);
  s.outWidth = random.integer(1, 7);
  s.outChannels = one_of({1, 2, 5, 8, 16, 17, 31, 32, 33, 65});
  s.filterHeight = random.integer(1, 5);
  s.filterWidth = random.integer(1, 5);
  s.strideHeight = random.integer(1, 3);
  s.strideWidth = random.integer(1, 3);
  s.dilationHeight = product == inputGradient ? 1 : random.integer(1, 3);
  s.dilationWidth = product == inputGradient ? 1 : random.integer(1, 3);
  s.padTop = random.integer(-2, 4);
  s.padLeft = random.integer(-2, 4);
  if (kind == Shape::any) return s;
  s.batch = random.integer(8, 50);
  s.inChannels = one_of({16, 17, 31, 32, 33, 70});
  s.outChannels = one_of({16, 24, 32, 33, 65});
  s.dilationHeight = s.dilationWidth = 1;
  s.padTop = random.integer(0, 4);
  s.padLeft = random.integer(0, 4);
  if (kind == Shape::wide) return s;
  const int taps = random.integer(2, 3);
  s.batch = random.integer(1, 27);
  s.filterHeight = taps * s.strideHeight;
  s.filterWidth = taps * s.strideWidth;
  return s;
}

}  // namespace
}  // namespace check
