// The functions of one table. The including file defines LANES and includes an engine.
#pragma once
#include "../langevin_move.h"
#include "bf16_kernels.h"
#include "convolution.h"
#include "parameter_gradient.h"

namespace {

void bf16_short_run(const ShortRun& run, const float* x, const srmcmc::ShortRunResult& result,
                    srmcmc::Progress* progress) {
  if (run.chains <= 0) return;
  const Plan plan = plan_of(run.network, PIECE);
  const Memory<char> packed(plan.packedSize);
  const Memory<double> values(run.chains * run.steps), norms(run.chains * run.steps);
  pack_weights(plan, packed.data());
  const int64_t event = plan.first.event;
  each_group(plan, run.chains, progress != nullptr, [&](int64_t first, int64_t chains, char* work) {
    load_group(plan, x + first * event, chains, work);
    for (int64_t step = 0, kept = 0; step < run.steps; ++step) {
      if (progress && progress->cancelled.load(std::memory_order_relaxed)) return;
      float value[CHAINS];
      evaluate(plan, packed.data(), work, value);
      for (int64_t chain = 0; chain < chains; ++chain) {
        const int64_t entry = (first + chain) * run.steps + step, at_chain = chain * plan.first.positionStride;
        values.data()[entry] = value[chain];
        norms.data()[entry] =
            move_chain(run, event, first + chain, step, at<float>(work, plan.positionGradient) + at_chain,
                       at<float>(work, plan.positions) + at_chain, at<float>(work, plan.noise));
        refresh_image(plan, chain, work);
      }
      if (kept < run.snapshots && run.snapshotSteps[kept] == step + 1)
        store_group(plan, work, plan.positions, chains, result.snapshots[kept++] + first * event);
      if (progress) progress->done.fetch_add(chains, std::memory_order_relaxed);
    }
    store_group(plan, work, plan.positions, chains, result.x + first * event);
  });
  if (progress && progress->cancelled.load()) return;
  mean_over_chains(values.data(), run.chains, run.steps, result.value);
  mean_over_chains(norms.data(), run.chains, run.steps, result.gradientNorm);
}

void bf16_value_and_gradient(const Network& f, int64_t n, const float* x, float* value, float* gradient) {
  if (n <= 0) return;
  const Plan plan = plan_of(f, 0);
  const Memory<char> packed(plan.packedSize);
  pack_weights(plan, packed.data());
  const int64_t event = plan.first.event;
  each_group(plan, n, false, [&](int64_t first, int64_t chains, char* work) {
    float values[CHAINS];
    load_group(plan, x + first * event, chains, work);
    evaluate(plan, packed.data(), work, values);
    for (int64_t chain = 0; chain < chains; ++chain) value[first + chain] = values[chain];
    store_group(plan, work, plan.positionGradient, chains, gradient + first * event);
  });
}

// Products of tiles that stay in the first-level cache: the most that the machine can do, for reporting fractions of it.
void bf16_product_loop(int64_t tasks, int64_t iterations, float* sink) {
  constexpr int64_t PRODUCTS = 8, ROUNDS = 4;
  auto task = [&](int64_t index, int) {
    alignas(64) bf16 a[PRODUCTS * 2 * TILE], b[PRODUCTS * 2 * TILE];
    alignas(64) float sums[2 * TILE];
    for (bf16& one : a) one = rounded(1.f);
    for (bf16& one : b) one = rounded(1.f);
    Segment rounds[ROUNDS];
    for (Segment& round : rounds) round = {a, b, PRODUCTS, 0, 2};
    Engine::begin();
    for (int64_t i = 0; i < iterations; ++i)
      Engine::sum<2, 2>({BLOCK, TILE, 2 * TILE, 2 * TILE}, rounds, ROUNDS, 2, sums, [] {});
    Engine::end();
    sink[index] = sums[0];
  };
  static_assert(PRODUCTS * ROUNDS * 4 * 2 * COLUMNS * TILE == srmcmc::Bf16Kernels::kLoopOperations, "as announced");
  parallel(tasks, task);
}

constexpr srmcmc::Bf16Kernels bf16_table(const char* name) {
  return {name, bf16_conv2d, bf16_input_gradient, bf16_filter_gradient, bf16_mat_mul, bf16_short_run,
          bf16_value_and_gradient, bf16_parameter_gradient, bf16_product_loop};
}

}  // namespace
