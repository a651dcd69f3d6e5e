// K steps in one call. Chains are independent: a thread takes a group of them through all steps, so that their
// activations stay in its caches and threads meet only at the end. A chain's numbers are the same in any group.
#pragma once
#include "hmc_move.h"
#include "langevin_move.h"
#include "network.h"

namespace {

/// Chains whose f is computed in single precision; see chain_run.h.
class FloatGroup {
 public:
  const int64_t first, chains;

  FloatGroup(const NetworkPlan& plan, const float* packed, float* work, int64_t from, int64_t count)
      : first(from), chains(count), plan_(plan), packed_(packed), work_(work) {}

  template <class Use>
  void evaluate(Use& use) {
    const int images = static_cast<int>(chains);
    forward_pass(plan_, packed_, work_, images);
    gradient_ = backward_pass(plan_, packed_, work_, images, nullptr, true, NO_VISIT);
    for (int64_t i = 0; i < chains; ++i)
      for (int64_t begin = 0; begin < plan_.event; begin += PIECE) use(i, begin, smaller(begin + PIECE, plan_.event));
  }
  float value(int64_t i) const { return value_of(plan_, work_, static_cast<int>(i)); }
  const float* gradient(int64_t i) const { return gradient_ + i * plan_.stride[0]; }
  float* position(int64_t i) const { return work_ + plan_.activation[0] + i * plan_.stride[0]; }
  void moved(int64_t, int64_t, int64_t) {}

 private:
  const NetworkPlan& plan_;
  const float* packed_;
  float* work_;
  const float* gradient_ = nullptr;
};

template <class Move>
void short_run(const ShortRun& run, const typename Move::Parameters& parameters, const float* x,
               const ShortRunResult& result, srmcmc::Progress* progress) {
  if (run.chains <= 0) return;
  const int64_t threads = srmcmc::thread_count();
  const Groups groups = groups_of(run.network, run.chains, threads);
  const int slots = static_cast<int>(smaller(threads, groups.count));
  const NetworkPlan plan = network_plan(run.network, groups.largest());
  const int64_t scratch = Move::scratch_of(parameters, plan.event, groups.largest());
  const int64_t workSize = plan.workSize + divide_up(scratch, LINE) * LINE;
  const Memory<float> packed(plan.packedSize), workspace(workSize * slots);
  const Reports reports(run, Move::REPORTS);
  pack_weights(plan, packed.data());

  auto group = [&](int64_t index, int slot) {
    const int64_t first = groups.first(index), chains = groups.first(index + 1) - first;
    const int images = static_cast<int>(chains);
    float* work = workspace.data() + slot * workSize;
    load_images(plan, x + first * plan.event, images, work);
    FloatGroup some(plan, packed.data(), work, first, chains);
    Move move(run, parameters, plan.event, chains, work + plan.workSize);
    run_chains(run, move, some, reports, result, progress,
               [&](float* to) { store_images(plan, some.position(0), images, to + first * plan.event); });
  };
  parallel(groups.count, group, slots, progress != nullptr);
  if (progress && progress->cancelled.load()) return;
  reports.average(result);
}

}  // namespace
