// What holds of a short run by any move: chains do not depend on one another, on their batch or on the threads, steps
// are counted, and a run can be cancelled.
#include <algorithm>
#include <cmath>

#include "short_run.h"
#include "thread_pool.h"

namespace check {
namespace {

/// Runs of 2 to 8 threads whose bits are not those of one, for batches around the sizes of groups.
double thread_differences(const Runner& run) {
  const ReferenceNetwork f = small_network();
  const int before = srmcmc::thread_count();
  double different = 0;
  for (const int64_t chains : {1, 5, 16, 27}) {
    const Floats x = start_of(f, chains);
    srmcmc::set_thread_count(1);
    const Result alone = run(f, x.data(), chains, 5, nullptr);
    for (int threads = 2; threads <= 8; ++threads) {
      srmcmc::set_thread_count(threads);
      different += !(run(f, x.data(), chains, 5, nullptr) == alone);
    }
  }
  srmcmc::set_thread_count(before);
  return different;
}

/// Chains of batches of 1 to `most` that end elsewhere than they do alone.
double batch_differences(const Runner& run, int most) {
  const ReferenceNetwork f = paper_network(8, 3, {7, 18});
  const int64_t event = f.event();
  const Floats x = start_of(f, most);
  std::vector<Floats> alone;
  for (int chain = 0; chain < most; ++chain)
    alone.push_back(run(f, x.data() + chain * event, 1, static_cast<uint32_t>(chain), nullptr).x);
  double different = 0;
  for (int chains = 1; chains <= most; ++chains) {
    const Result together = run(f, x.data(), chains, 0, nullptr);
    for (int chain = 0; chain < chains; ++chain) {
      const Floats& expected = alone[static_cast<size_t>(chain)];
      different += !std::equal(expected.begin(), expected.end(), together.x.data() + chain * event);
    }
  }
  return different;
}

/// Chains that a NaN in another one reached, and ones in which it got lost.
double spread_of_nan(const Runner& run) {
  const ReferenceNetwork f = small_network();
  const int64_t chains = 19, event = f.event();
  Floats x = start_of(f, chains);
  const Result clean = run(f, x.data(), chains, 5, nullptr);
  double wrong = 0;
  for (const int64_t bad : {0, 7, 18}) {
    float& victim = x[bad * event + event / 2];
    const float kept = victim;
    victim = NAN;
    const Result tainted = run(f, x.data(), chains, 5, nullptr);
    victim = kept;
    for (int64_t chain = 0; chain < chains; ++chain) {
      const float *a = clean.x.data() + chain * event, *b = tainted.x.data() + chain * event;
      if (chain == bad) wrong += std::none_of(b, b + event, [](float v) { return std::isnan(v); });
      else wrong += !std::equal(a, a + event, b);
    }
    wrong += !std::isnan(tainted.reports[0][0]);
  }
  return wrong;
}

/// Gradients not counted in a whole run, plus those computed after a cancellation.
double progress_error(const Independence& move) {
  const ReferenceNetwork f = small_network();
  const int64_t chains = 9;
  const Floats x = start_of(f, chains);
  srmcmc::Progress whole, cancelled;
  move.plain(f, x.data(), chains, 5, &whole);
  cancelled.cancelled = true;
  move.plain(f, x.data(), chains, 5, &cancelled);
  return std::fabs(static_cast<double>(chains * move.gradients - whole.done)) + static_cast<double>(cancelled.done);
}

/// Weights so large that everything overflows: how many positions of how many runs come back as finite numbers. What
/// matters is that it ends and stays in its memory.
double finite_after_overflow(const Runner& run) {
  ReferenceNetwork f = small_network();
  f.scale(1e20);
  const Floats x = start_of(f, 5);
  const Result result = run(f, x.data(), 5, 5, nullptr);
  return static_cast<double>(std::count_if(result.x.begin(), result.x.end(), [](float v) { return std::isfinite(v); }));
}

}  // namespace

void add_independence(Checks& checks, const Options& options, const Independence& move) {
  const auto add = [&](const std::string& claim, auto&& figure) {
    checks.push_back({move.name + claim, [=] { return Figure{figure(), 0}; }});
  };
  const int most = options.quick ? 13 : 33;
  add("chains that differ in batches of 1 to " + std::to_string(most), [=] { return batch_differences(move.varied, most); });
  add("other bits on 2 to 8 threads", [=] { return thread_differences(move.varied); });
  add("chains that a NaN in another reaches", [=] { return spread_of_nan(move.varied); });
  add("gradients miscounted, or computed after cancellation", [=] { return progress_error(move); });
  add("finite numbers after an overflow", [=] { return finite_after_overflow(move.plain); });
}

}  // namespace check
