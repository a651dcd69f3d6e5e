// Reads a network from JavaScript's arguments, for every function that takes one.
#pragma once
#include <string>
#include <vector>

#include "arguments.h"
#include "kernels.h"

namespace srmcmc {

constexpr int64_t MAX_SIZE = INT32_MAX;

/// The first arguments of every function here: shape, activation, slope, precision (0: float32, 1: bfloat16). The shape
/// is the number of images, height, width, channels, then kernel, stride, padding and output channels of each layer.
constexpr size_t NETWORK_ARGUMENTS = 4;

struct NetworkCall {
  Network network;
  bool bfloat16;
  int64_t images;
  int64_t event;  // numbers in an image
  int64_t size;   // numbers in all images
  int weights() const { return 2 * network.layers; }
};

/// Everything of a network but its weights.
inline NetworkCall network_call(const Arguments& args) {
  constexpr int64_t HEADER = 4, A_LAYER = 4, MAX_SIDE = 1 << 16;
  const std::vector<int32_t> v = args.integers(0, -1, 0, MAX_SIZE);
  const int64_t layers = (static_cast<int64_t>(v.size()) - HEADER) / A_LAYER;
  if (static_cast<int64_t>(v.size()) != HEADER + A_LAYER * layers || layers < 1 || layers > Network::kMaxLayers)
    args.fail(0, "must hold 4 sizes and 4 for each of 1 to " + std::to_string(Network::kMaxLayers) + " layers");
  NetworkCall call{};
  call.images = v[0];
  call.network.layers = static_cast<int>(layers);
  int height = v[1], width = v[2], channels = v[3];
  if (height > MAX_SIDE || width > MAX_SIDE) args.fail(0, "has images that are too large");
  for (int64_t l = 0; l < layers; ++l) {
    const int32_t* layer = &v[static_cast<size_t>(HEADER + A_LAYER * l)];
    const int kernel = layer[0], stride = layer[1], pad = layer[2], outChannels = layer[3];
    const int64_t outHeight = height + 2 * int64_t{pad} - kernel, outWidth = width + 2 * int64_t{pad} - kernel;
    if (height < 1 || width < 1 || channels < 1 || kernel < 1 || stride < 1 || outChannels < 1 ||
        kernel > MAX_SIDE || stride > MAX_SIDE || pad >= kernel || outHeight < 0 || outWidth < 0)
      args.fail(0, "has an empty layer, one larger than its input, or one that sees padding alone");
    ConvShape& s = call.network.shapes[l];
    s = {1, height, width, channels, static_cast<int>(outHeight / stride + 1), static_cast<int>(outWidth / stride + 1),
         outChannels, kernel, kernel, stride, stride, 1, 1, pad, pad};
    product(args.env(), {height, width, channels});
    product(args.env(), {s.outHeight, s.outWidth, outChannels});
    product(args.env(), {kernel, kernel, channels, outChannels});
    height = s.outHeight;
    width = s.outWidth;
    channels = outChannels;
  }
  if (height != 1 || width != 1 || channels != 1) args.fail(0, "must end in one number");
  const auto activation = static_cast<Activation>(args.integer(1, 0, static_cast<int>(Activation::tanh)));
  if (activation == Activation::linear || activation == Activation::relu6 || activation == Activation::prelu ||
      activation == Activation::sigmoid)
    args.fail(1, "must be relu, elu, leakyRelu, softplus, swish, gelu or tanh");
  call.network.activation = activation;
  call.network.slope = activation == Activation::leakyRelu ? args.real(2) : 0.f;
  call.bfloat16 = args.integer(3, 0, 1) == 1;
  const ConvShape& first = call.network.shapes[0];
  call.event = product(args.env(), {first.inHeight, first.inWidth, first.inChannels});
  call.size = product(args.env(), {call.images, call.event});
  return call;
}

/// Each layer's filter and bias, from argument `first` on.
inline void read_weights(const Arguments& args, size_t first, Network* network) {
  for (int l = 0; l < network->layers; ++l, first += 2) {
    network->filters[l] = args.input(first, filter_size(network->shapes[l]));
    network->biases[l] = args.input(first + 1, network->shapes[l].outChannels);
  }
}

}  // namespace srmcmc
