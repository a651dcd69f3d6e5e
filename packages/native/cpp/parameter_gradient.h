// The gradient of a weighted sum of f in all weights and biases. Images are taken in blocks: threads make a block's
// forward and backward passes in groups and pack what the filter gradients need, then share out the sums of these. Blocks
// depend on the network and the number of images and are added in order, so that the result is the same on any number of
// threads.
#pragma once
#include <variant>
#include <vector>

#include "filter_gradient.h"
#include "network.h"

namespace {

/// A layer's part of it. Its sums may take the images of several blocks at once.
struct LayerGradient {
  FilterGradient sums;
  int64_t most;              // images, of whole blocks
  int64_t source, gradient;  // where operands lie
};

/// Sizes and places of a layer's operands, of which `used` floats are others'.
LayerGradient layer_gradient_of(const ConvShape& s, int64_t images, int64_t block, int64_t& used) {
  const FilterGradient one = filter_gradient_of(s, images, 1);
  const int64_t wanted = std::visit([](const auto& way) { return way.images_wanted(); }, one);
  const int64_t most = divide_up(smaller(images, wanted), block) * block;
  const PackedSizes sizes = packed_sizes(one);
  const int64_t source = take_lines(used, sizes.source * most);
  return {one, most, source, take_lines(used, sizes.gradient * most)};
}

void parameter_gradient(const Network& f, int64_t n, const float* x, const float* weights, float* value,
                        float* const* gradients, srmcmc::Progress* progress) {
  constexpr int MOST = Network::kMaxLayers;
  int64_t floatsAnImage = 0, floatsOfGradients = 0;
  for (int l = 0; l < f.layers; ++l) {
    const ConvShape& s = f.shapes[l];
    const PackedSizes one = packed_sizes(filter_gradient_of(s, n, 1));
    floatsAnImage += one.source + one.gradient;
    floatsOfGradients += filter_size(s);
    if (n <= 0) memset(gradients[2 * l], 0, static_cast<size_t>(filter_size(s)) * 4);
    memset(gradients[2 * l + 1], 0, static_cast<size_t>(s.outChannels) * 4);
  }
  if (n <= 0) return;
  const int64_t threads = srmcmc::thread_count();
  const int64_t block = images_a_block(n, floatsAnImage, floatsOfGradients);
  const int64_t largestGroup = groups_of(f, block, threads).largest();
  const NetworkPlan plan = network_plan(f, largestGroup);
  const int slots = static_cast<int>(threads);
  std::vector<LayerGradient> layers;
  int64_t operandFloats = 0;
  for (int l = 0; l < f.layers; ++l) layers.push_back(layer_gradient_of(f.shapes[l], n, block, operandFloats));
  const Memory<float> packedWeights(plan.packedSize), workspace(plan.workSize * slots), memory(operandFloats);
  float* const operands = memory.data();
  pack_weights(plan, packedWeights.data());

  for (int64_t first = 0; first < n; first += block) {
    const int64_t images = smaller(block, n - first);
    int64_t tasks[MOST + 1] = {0};
    for (int l = 0; l < f.layers; ++l) {
      LayerGradient& layer = layers[static_cast<size_t>(l)];
      const int64_t at = first % layer.most, all = smaller(layer.most, n - (first - at));
      if (at == 0) layer.sums = filter_gradient_of(f.shapes[l], n, all);
      std::visit(
          [&](const auto& way) {
            if (at == 0) way.begin(operands + layer.source);
            tasks[l + 1] = tasks[l] + (at + images == all ? way.tasks + 1 : 0);  // the last one is the bias
          },
          layer.sums);
    }
    // A group that is smaller than the largest of a full block fits into the same working space.
    const Groups groups{images, divide_up(images, largestGroup)};
    auto group = [&](int64_t index, int slot) {
      const int64_t at = groups.first(index);
      const int count = static_cast<int>(groups.first(index + 1) - at);
      float* work = workspace.data() + slot * plan.workSize;
      load_images(plan, x + (first + at) * plan.event, count, work);
      forward_pass(plan, packedWeights.data(), work, count);
      for (int i = 0; i < count; ++i) value[first + at + i] = value_of(plan, work, i);
      const auto pack = [&](int l, const float* dy, int64_t from, int64_t some) {
        const LayerGradient& layer = layers[static_cast<size_t>(l)];
        const int64_t place = first % layer.most + at + from;
        std::visit(
            [&](const auto& way) {
              way.pack_source(work + plan.activation[l] + from * plan.stride[l], plan.stride[l], place, some,
                              operands + layer.source);
              way.pack_gradient(dy, plan.stride[l + 1], place, some, operands + layer.gradient);
            },
            layer.sums);
      };
      backward_pass(plan, packedWeights.data(), work, count, weights + first + at, false, pack);
    };
    parallel(groups.count, group, slots, progress != nullptr);
    auto share = [&](int64_t index, int) {
      int l = f.layers - 1;
      while (index < tasks[l]) --l;
      const LayerGradient& layer = layers[static_cast<size_t>(l)];
      const float* gradient = operands + layer.gradient;
      std::visit(
          [&](const auto& way) {
            const int64_t task = index - tasks[l];
            if (task < way.tasks)
              way.add(task, operands + layer.source, gradient, gradients[2 * l], first < layer.most);
            else
              way.add_bias(gradient, gradients[2 * l + 1]);
          },
          layer.sums);
    };
    parallel(tasks[f.layers], share, slots, progress != nullptr);
    if (progress) {
      progress->done.fetch_add(images, std::memory_order_relaxed);
      if (progress->cancelled.load(std::memory_order_relaxed)) return;
    }
  }
}

}  // namespace
