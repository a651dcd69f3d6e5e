// A group of chains through all steps of a short run, whatever moves them and whatever computes f.
//
// A Group is some chains on one thread: their number `chains`, the `first` of them, and value(i), gradient(i) and
// position(i) of its chain i. evaluate(use) computes f and f' at their positions; use(i, begin, end) is told of each part
// of each chain's gradient once it is there, and may move the chain's elements begin .. end - 1. Parts come in their
// order, begin at multiples of 4 L, and no multiple of PIECE is inside one. moved(i, begin, end) tells the group of new
// positions. A Move makes one step of all chains of a group; scratch_of() says how many floats it needs for that.
#pragma once
#include "memory.h"
#include "random_normal.h"

namespace {

using srmcmc::ShortRun;
using srmcmc::ShortRunResult;

constexpr int64_t PIECE = 1024;  // most elements moved at a time, a multiple of 4 L: their noise stays in the cache

/// For those who want all of a gradient at once.
constexpr auto NO_USE = [](int64_t, int64_t, int64_t) {};

/// Calls body(i, count) for each vector of begin .. end - 1, of which the last may have fewer elements than L.
template <class Body>
INLINE void each_vector(int64_t begin, int64_t end, Body&& body) {
  int64_t i = begin;
  for (; i + L <= end; i += L) body(i, int64_t{L});
  if (i < end) body(i, end - i);
}

INLINE srmcmc::RandomStream normals_of(const ShortRun& run, int64_t event, int64_t step) {
  return {{run.key[0], run.key[1]}, run.firstChain, static_cast<uint32_t>(step), run.chains, event};
}

/// What every chain reports of every step, until it is averaged over the chains in their order.
class Reports {
 public:
  enum Kind { VALUE, GRADIENT_NORM, ACCEPTANCE, ENERGY_ERROR };

  Reports(const ShortRun& run, int kinds) : run_(run), kinds_(kinds), entries_(run.chains * run.steps * kinds) {}

  double& at(Kind kind, int64_t chain, int64_t step) const {
    return entries_.data()[(kind * run_.chains + chain) * run_.steps + step];
  }

  void average(const ShortRunResult& result) const {
    float* const means[] = {result.value, result.gradientNorm, result.acceptance, result.energyError};
    for (int kind = 0; kind < kinds_; ++kind)
      for (int64_t step = 0; means[kind] && step < run_.steps; ++step) {
        double sum = 0;
        for (int64_t chain = 0; chain < run_.chains; ++chain) sum += at(static_cast<Kind>(kind), chain, step);
        means[kind][step] = static_cast<float>(sum / static_cast<double>(run_.chains));
      }
  }

 private:
  const ShortRun& run_;
  int kinds_;
  Memory<double> entries_;
};

/// Makes all steps; `store(x)` writes the group's positions to x [chains, event]. Ends early where it is cancelled.
template <class Move, class Group, class Store>
void run_chains(const ShortRun& run, Move& move, Group& group, const Reports& reports, const ShortRunResult& result,
                srmcmc::Progress* progress, Store&& store) {
  const auto evaluate = [&](auto&& use) {
    if (progress && progress->cancelled.load(std::memory_order_relaxed)) return false;
    group.evaluate(use);
    if (progress) progress->done.fetch_add(group.chains, std::memory_order_relaxed);
    return true;
  };
  for (int64_t step = 0, kept = 0; step < run.steps; ++step) {
    if (!move.step(group, evaluate, step, reports)) return;
    if (kept < run.snapshots && run.snapshotSteps[kept] == step + 1) store(result.snapshots[kept++]);
  }
  store(result.x);
}

}  // namespace
