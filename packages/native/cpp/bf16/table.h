// The functions of one table. The including file defines LANES and includes an engine.
#pragma once
#include "../hmc_move.h"
#include "../langevin_move.h"
#include "bf16_kernels.h"
#include "convolution.h"
#include "parameter_gradient.h"

namespace {

/// Chains whose f is computed in bfloat16; see chain_run.h.
class Bf16Group {
 public:
  const int64_t first, chains;

  Bf16Group(const Plan& plan, const char* packed, char* work, int64_t from, int64_t count)
      : first(from), chains(count), plan_(plan), packed_(packed), work_(work) {}

  template <class Use>
  void evaluate(Use& use) {
    Parts parts(chains, plan_.first.event, use);
    ::evaluate(plan_, packed_, work_, values_, parts);
  }
  float value(int64_t i) const { return values_[i]; }
  const float* gradient(int64_t i) const { return at<float>(work_, plan_.positionGradient) + i * stride(); }
  float* position(int64_t i) const { return at<float>(work_, plan_.positions) + i * stride(); }
  void moved(int64_t i, int64_t begin, int64_t end) { refresh_image(plan_, i, begin, end, work_); }

 private:
  int64_t stride() const { return plan_.first.positionStride; }

  const Plan& plan_;
  const char* packed_;
  char* work_;
  float values_[CHAINS];
};

template <class Move>
void bf16_short_run(const ShortRun& run, const typename Move::Parameters& parameters, const float* x,
                    const ShortRunResult& result, srmcmc::Progress* progress) {
  if (run.chains <= 0) return;
  const int64_t event = first_layer(run.network.shapes[0]).event;
  const int rows = group_size(run.chains);
  const Plan plan = plan_of(run.network, Move::scratch_of(parameters, event, rows), rows);
  const Memory<char> packed(plan.packedSize);
  const Reports reports(run, Move::REPORTS);
  pack_weights(plan, packed.data());
  each_group(plan, run.chains, progress != nullptr, [&](int64_t first, int64_t chains, char* work) {
    load_group(plan, x + first * event, chains, work);
    Bf16Group group(plan, packed.data(), work, first, chains);
    Move move(run, parameters, event, chains, at<float>(work, plan.scratch));
    run_chains(run, move, group, reports, result, progress,
               [&](float* to) { store_group(plan, work, plan.positions, chains, to + first * event); });
  });
  if (progress && progress->cancelled.load()) return;
  reports.average(result);
}

void bf16_value_and_gradient(const Network& f, int64_t n, const float* x, float* value, float* gradient) {
  if (n <= 0) return;
  const Plan plan = plan_of(f, 0, group_size(n));
  const Memory<char> packed(plan.packedSize);
  pack_weights(plan, packed.data());
  const int64_t event = plan.first.event;
  each_group(plan, n, false, [&](int64_t first, int64_t chains, char* work) {
    float values[CHAINS];
    Parts unused(0, event, NO_USE);
    load_group(plan, x + first * event, chains, work);
    evaluate(plan, packed.data(), work, values, unused);
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
    Engine::begin(CHAINS);
    Engine engine;
    Meanwhile nothing([](int) {});
    for (int64_t i = 0; i < iterations; ++i)
      engine.sum<2, 2>({BLOCK, TILE, 2 * TILE, 2 * TILE, BLOCK, CHAINS}, 0, rounds, ROUNDS, 2, nullptr,
                       {sums, BLOCK, TILE}, nothing);
    engine.drain<2>();
    Engine::end();
    sink[index] = sums[0];
  };
  static_assert(PRODUCTS * ROUNDS * 4 * 2 * COLUMNS * TILE == srmcmc::Bf16Kernels::kLoopOperations, "as announced");
  parallel(tasks, task);
}

constexpr srmcmc::Bf16Kernels bf16_table(const char* name) {
  return {name,
          MINIMAL_BACKWARD,
          bf16_conv2d,
          bf16_input_gradient,
          bf16_filter_gradient,
          bf16_mat_mul,
          bf16_short_run<LangevinMove>,
          bf16_short_run<HmcMove>,
          bf16_value_and_gradient,
          bf16_parameter_gradient,
          bf16_product_loop};
}

}  // namespace
