// K Langevin steps in one call. Chains are independent: a thread takes a group of them through all steps, so that
// their activations stay in its caches and threads meet only at the end. A chain's numbers are the same in any group.
#pragma once
#include "network.h"
#include "random_normal.h"

namespace {

using srmcmc::ShortRun;

constexpr int64_t PIECE = 1024;  // elements moved at a time, a multiple of 4 L: a piece of noise stays in the cache

/// x <- x + drift g + noise z for `n` elements, clamped; returns the sum of g squared.
float move_piece(const ShortRun& run, int64_t step, const float* g, const float* z, float* x, int64_t n) {
  const vec drift = splat(run.drift[step]), noise = splat(run.noise[step]);
  const vec bound = splat(run.clampGradient), low = splat(run.low), high = splat(run.high);
  const float infinity = __builtin_inff();
  const bool clampsGradient = run.clampGradient < infinity;
  const bool clampsSample = run.low > -infinity || run.high < infinity;
  vec squares{};
  for (int64_t i = 0; i < n; i += L) {
    const int64_t count = smaller(L, n - i);
    const bool whole = count == L;
    vec slope = whole ? load(g + i) : load_some(g + i, count);
    vec position = whole ? load(x + i) : load_some(x + i, count);
    squares += slope * slope;
    if (clampsGradient) slope = clamp(slope, -bound, bound);
    position += drift * slope;
    if (z) position += noise * load(z + i);
    if (clampsSample) position = clamp(position, low, high);
    if (whole)
      store(x + i, position);
    else
      store_some(x + i, position, count);
  }
  return horizontal_sum(squares);
}

/// Moves one chain; returns the Euclidean norm of its gradient.
double move_chain(const ShortRun& run, int64_t event, int64_t chain, int64_t step, const float* gradient, float* x,
                  float* noise) {
  const srmcmc::NormalStream stream{
      {run.key[0], run.key[1]}, run.firstChain, static_cast<uint32_t>(step), run.chains, event};
  const bool noisy = run.noise[step] != 0.f;
  double squares = 0;
  for (int64_t at = 0; at < event; at += PIECE) {
    const int64_t n = smaller(PIECE, event - at);
    if (noisy) normal_blocks(stream, chain, at / 4, divide_up(at + n, 4), noise);
    squares += move_piece(run, step, gradient + at, noisy ? noise : nullptr, x + at, n);
  }
  return __builtin_sqrt(squares);
}

void mean_over_chains(const double* report, int64_t chains, int64_t steps, float* mean) {
  for (int64_t step = 0; step < steps; ++step) {
    double sum = 0;
    for (int64_t chain = 0; chain < chains; ++chain) sum += report[chain * steps + step];
    mean[step] = static_cast<float>(sum / static_cast<double>(chains));
  }
}

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
