// Short runs by any move, as functions of their start: what is compared with the truth, and what must hold of them all.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "reference_network.h"

namespace check {

using srmcmc::ShortRun;

constexpr uint32_t RUN_KEY[2] = {17, 0xfedcba98};

struct Result {
  Floats x;
  std::vector<Floats> reports;  // value, gradientNorm, and what the move has besides
  std::vector<Floats> snapshots;
  bool operator==(const Result& other) const {
    return x == other.x && reports == other.reports && snapshots == other.snapshots;
  }
};

/// A run of a net's chains from x; `progress` may be null.
using Runner = std::function<Result(const ReferenceNetwork&, const float* x, int64_t chains, uint32_t firstChain,
                                    srmcmc::Progress* progress)>;

/// `kernel(run, x, result)` makes the steps; `own` is how many reports the move has besides value and gradientNorm.
template <class Kernel>
Result run_of(const ReferenceNetwork& f, int64_t steps, const std::vector<int64_t>& snapshots, const float* x,
              int64_t chains, uint32_t firstChain, int own, Kernel&& kernel) {
  const int64_t size = chains * f.event();
  Result result{Floats(size), {}, {}};
  for (int i = 0; i < 2 + own; ++i) result.reports.emplace_back(steps);
  std::vector<float*> kept;
  for (size_t i = 0; i < snapshots.size(); ++i) result.snapshots.emplace_back(size);
  for (Floats& snapshot : result.snapshots) kept.push_back(snapshot.data());
  ShortRun run{};
  run.network = f.network();
  run.steps = steps;
  run.key[0] = RUN_KEY[0];
  run.key[1] = RUN_KEY[1];
  run.firstChain = firstChain;
  run.chains = chains;
  run.snapshots = static_cast<int64_t>(snapshots.size());
  run.snapshotSteps = snapshots.data();
  const auto report = [&](size_t i) { return i < result.reports.size() ? result.reports[i].data() : nullptr; };
  kernel(run, x, srmcmc::ShortRunResult{result.x.data(), report(0), report(1), report(2), report(3), kept.data()});
  return result;
}

inline Floats start_of(const ReferenceNetwork& f, int64_t chains) {
  Random random(71);
  return uniform(random, chains * f.event());
}

inline ReferenceNetwork small_network() { return paper_network(12, 3, {7, 18, 33}); }

/// The largest difference from the truth, relative to its largest number.
inline double relative_to_largest(const Floats& found, const std::vector<double>& truth) {
  double difference = 0, largest = 0;
  for (size_t i = 0; i < truth.size(); ++i) {
    difference = worse(difference, std::fabs(found[static_cast<int64_t>(i)] - truth[i]));
    largest = std::max(largest, std::fabs(truth[i]));
  }
  return difference / largest;
}

/// What a move is run with to see that chains do not depend on one another, on their batch or on threads.
struct Independence {
  std::string name;
  Runner varied;    // everything that the move has, with snapshots
  Runner plain;     // no bounds, so that a chain that overflows is seen to
  int64_t gradients;  // a chain of `plain`
};
void add_independence(Checks&, const Options&, const Independence&);

}  // namespace check
