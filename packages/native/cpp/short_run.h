// K Langevin steps in one call. Chains are independent: a thread takes a group of them through all steps, so that
// their activations stay in its caches and threads meet only at the end. A chain's numbers are the same in any group.
#pragma once
#include "langevin_move.h"
#include "network.h"

namespace {

void short_run(const ShortRun& run, const float* x, const srmcmc::ShortRunResult& result,
               srmcmc::Progress* progress) {
  if (run.chains <= 0) return;
  const int64_t threads = srmcmc::thread_count();
  const Groups groups = groups_of(run.chains, threads);
  const int slots = static_cast<int>(smaller(threads, groups.count));
  const NetworkPlan plan = network_plan(run.network, groups.largest());
  const int64_t workSize = plan.workSize + PIECE;
  const Memory<float> packed(plan.packedSize), workspace(workSize * slots);
  const Memory<double> values(run.chains * run.steps), norms(run.chains * run.steps);
  pack_weights(plan, packed.data());

  auto group = [&](int64_t index, int slot) {
    const int64_t first = groups.first(index);
    const int images = static_cast<int>(groups.first(index + 1) - first);
    float* work = workspace.data() + slot * workSize;
    float* positions = work + plan.activation[0];
    load_images(plan, x + first * plan.event, images, work);
    for (int64_t step = 0, kept = 0; step < run.steps; ++step) {
      if (progress && progress->cancelled.load(std::memory_order_relaxed)) return;
      forward_pass(plan, packed.data(), work, images);
      const float* gradient =
          backward_pass(plan, packed.data(), work, images, nullptr, true, [](int, const float*) {});
      for (int i = 0; i < images; ++i) {
        const int64_t entry = (first + i) * run.steps + step;
        values.data()[entry] = value_of(plan, work, i);
        norms.data()[entry] = move_chain(run, plan.event, first + i, step, gradient + i * plan.stride[0],
                                         positions + i * plan.stride[0], work + plan.workSize);
      }
      if (kept < run.snapshots && run.snapshotSteps[kept] == step + 1)
        store_images(plan, positions, images, result.snapshots[kept++] + first * plan.event);
      if (progress) progress->done.fetch_add(images, std::memory_order_relaxed);
    }
    store_images(plan, positions, images, result.x + first * plan.event);
  };
  parallel(groups.count, group, slots, progress != nullptr);
  if (progress && progress->cancelled.load()) return;
  mean_over_chains(values.data(), run.chains, run.steps, result.value);
  mean_over_chains(norms.data(), run.chains, run.steps, result.gradientNorm);
}

}  // namespace
