// The gradient of a weighted sum of f in all weights and biases. Images are taken in blocks: threads make a block's
// forward and backward passes in groups and pack what the filter gradients need, then share out those by taps. Blocks
// depend on the network and the number of images and are added in order, so that the result is the same on any number of
// threads.
#pragma once
#include "filter_gradient.h"
#include "network.h"

namespace {

void parameter_gradient(const Network& f, int64_t n, const float* x, const float* weights, float* value,
                        float* const* gradients, srmcmc::Progress* progress) {
  constexpr int MOST = Network::kMaxLayers;
  int64_t floatsAnImage = 0, floatsOfGradients = 0;
  for (int l = 0; l < f.layers; ++l) {
    const ConvShape& s = f.shapes[l];
    const FilterGradient one = filter_gradient_of(s, 1);
    const int64_t size = static_cast<int64_t>(s.filterHeight) * s.filterWidth * s.inChannels * s.outChannels;
    floatsAnImage += one.sourceSize + one.gradientSize;
    floatsOfGradients += size;
    memset(gradients[2 * l], 0, static_cast<size_t>(size) * 4);
    memset(gradients[2 * l + 1], 0, static_cast<size_t>(s.outChannels) * 4);
  }
  if (n <= 0) return;
  const int64_t threads = srmcmc::thread_count();
  const int64_t block = images_a_block(n, floatsAnImage, floatsOfGradients);
  const int64_t largestGroup = groups_of(f, block, threads).largest();
  const NetworkPlan plan = network_plan(f, largestGroup);
  const int slots = static_cast<int>(threads);
  const Memory<float> packedWeights(plan.packedSize), workspace(plan.workSize * slots);
  const Memory<float> operands(floatsAnImage * block + 2 * MOST * LINE);
  pack_weights(plan, packedWeights.data());

  for (int64_t first = 0; first < n; first += block) {
    const int64_t images = smaller(block, n - first);
    FilterGradient layer[MOST];
    int64_t source[MOST], gradient[MOST], tasks[MOST + 1] = {0}, used = 0;
    for (int l = 0; l < f.layers; ++l) {
      layer[l] = filter_gradient_of(f.shapes[l], images);
      source[l] = take_lines(used, layer[l].sourceSize);
      gradient[l] = take_lines(used, layer[l].gradientSize);
      tasks[l + 1] = tasks[l] + layer[l].tasks + 1;  // the last one is the bias
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
      backward_pass(plan, packedWeights.data(), work, count, weights + first + at, false,
                    [&](int l, const float* dy, int64_t from, int64_t some) {
                      pack_source(layer[l], work + plan.activation[l] + from * plan.stride[l], plan.stride[l],
                                  at + from, some, operands.data() + source[l]);
                      pack_gradient(layer[l], dy, plan.stride[l + 1], at + from, some,
                                    operands.data() + gradient[l]);
                    });
    };
    parallel(groups.count, group, slots, progress != nullptr);
    auto share = [&](int64_t index, int) {
      int l = f.layers - 1;
      while (index < tasks[l]) --l;
      const int64_t task = index - tasks[l];
      if (task < layer[l].tasks)
        add_filter_gradient(layer[l], task, operands.data() + source[l], operands.data() + gradient[l],
                            gradients[2 * l]);
      else
        add_bias_gradient(layer[l], operands.data() + gradient[l], gradients[2 * l + 1]);
    };
    parallel(tasks[f.layers], share, slots, progress != nullptr);
    if (progress) {
      progress->done.fetch_add(images, std::memory_order_relaxed);
      if (progress->cancelled.load(std::memory_order_relaxed)) return;
    }
  }
}

}  // namespace
