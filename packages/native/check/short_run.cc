// The fused sampler: its trajectories against the same steps in double precision, and that chains are independent of
// one another, of their batch and of the threads.
#include <algorithm>
#include <cmath>

#include "reference_network.h"
#include "reference_normal.h"
#include "thread_pool.h"

namespace check {
namespace {

using srmcmc::ShortRun;

struct Schedules {
  std::vector<float> drift, noise;
  std::vector<int64_t> snapshots;
  float clampGradient = INFINITY, low = -INFINITY, high = INFINITY;
};

Schedules constant(int steps, float noise) { return {std::vector<float>(steps, 1.f), std::vector<float>(steps, noise), {}}; }

/// Everything at once: both schedules, both clamps, snapshots.
Schedules varied(int steps) {
  Schedules s = constant(steps, 0);
  for (int t = 0; t < steps; ++t) {
    s.drift[static_cast<size_t>(t)] = 2.f - static_cast<float>(t) / static_cast<float>(steps);
    s.noise[static_cast<size_t>(t)] = static_cast<float>(t % 3) / 50.f;
  }
  s.snapshots = {1, steps - 1, steps};
  s.clampGradient = 0.03f;
  s.low = -0.9f;
  s.high = 0.5f;
  return s;
}

struct Result {
  Floats x, value, gradientNorm;
  std::vector<Floats> snapshots;
  bool operator==(const Result& other) const {
    return x == other.x && value == other.value && gradientNorm == other.gradientNorm && snapshots == other.snapshots;
  }
};

ShortRun run_of(const ReferenceNetwork& f, const Schedules& s, int64_t chains, uint32_t firstChain) {
  ShortRun run{};
  run.network = f.network();
  run.steps = static_cast<int64_t>(s.drift.size());
  run.drift = s.drift.data();
  run.noise = s.noise.data();
  run.clampGradient = s.clampGradient;
  run.low = s.low;
  run.high = s.high;
  run.key[0] = 17;
  run.key[1] = 0xfedcba98;
  run.firstChain = firstChain;
  run.chains = chains;
  run.snapshots = static_cast<int64_t>(s.snapshots.size());
  run.snapshotSteps = s.snapshots.data();
  return run;
}

Result sampled(const Sampler& sampler, const ReferenceNetwork& f, const Schedules& s, const float* x, int64_t chains,
               uint32_t firstChain = 5, srmcmc::Progress* progress = nullptr) {
  const int64_t steps = static_cast<int64_t>(s.drift.size()), size = chains * f.event();
  Result result{Floats(size), Floats(steps), Floats(steps), {}};
  std::vector<float*> snapshots;
  for (size_t i = 0; i < s.snapshots.size(); ++i) {
    result.snapshots.emplace_back(size);
    snapshots.push_back(result.snapshots.back().data());
  }
  sampler.shortRun(run_of(f, s, chains, firstChain), x,
                   {result.x.data(), result.value.data(), result.gradientNorm.data(), snapshots.data()}, progress);
  return result;
}

Floats start_of(const ReferenceNetwork& f, int64_t chains) {
  Random random(71);
  return uniform(random, chains * f.event());
}

/// The largest difference from the same steps in double precision, of positions, snapshots and traces, each relative to
/// the largest number it is among.
double trajectory_error(const Sampler& sampler, const ReferenceNetwork& f, const Schedules& s, int64_t chains) {
  const int64_t event = f.event();
  const size_t steps = s.drift.size();
  const uint32_t firstChain = 5;
  const Floats start = start_of(f, chains);
  const Result actual = sampled(sampler, f, s, start.data(), chains, firstChain);
  const uint32_t key[2] = {17, 0xfedcba98};

  std::vector<double> x(start.begin(), start.end()), value(steps), norm(steps);
  std::vector<std::vector<double>> snapshots;
  for (size_t t = 0; t < steps; ++t) {
    for (int64_t chain = 0; chain < chains; ++chain) {
      double* at = x.data() + chain * event;
      const auto truth = f.evaluate({at, at + event}, sampler.precision);
      double squares = 0;
      for (int64_t i = 0; i < event; ++i) {
        double g = truth.gradient[static_cast<size_t>(i)];
        squares += g * g;
        g = std::clamp(g, -double{s.clampGradient}, double{s.clampGradient});
        at[i] += s.drift[t] * g;
        if (s.noise[t] != 0.f)
          at[i] += s.noise[t] * normal_element(key, firstChain + static_cast<uint32_t>(chain), static_cast<uint32_t>(t), i);
        at[i] = std::clamp(at[i], double{s.low}, double{s.high});
      }
      value[t] += truth.value / static_cast<double>(chains);
      norm[t] += std::sqrt(squares) / static_cast<double>(chains);
    }
    if (std::count(s.snapshots.begin(), s.snapshots.end(), static_cast<int64_t>(t + 1))) snapshots.push_back(x);
  }

  double worst = 0;
  const auto compare = [&](const Floats& found, const std::vector<double>& truth) {
    double difference = 0, largest = 0;
    for (size_t i = 0; i < truth.size(); ++i) {
      const double off = std::fabs(found[static_cast<int64_t>(i)] - truth[i]);
      difference = worse(difference, off);
      largest = std::max(largest, std::fabs(truth[i]));
    }
    const double error = difference / largest;
    worst = worse(worst, error);
  };
  compare(actual.x, x);
  compare(actual.value, value);
  compare(actual.gradientNorm, norm);
  for (size_t i = 0; i < snapshots.size(); ++i) compare(actual.snapshots[i], snapshots[i]);
  return worst;
}

/// The largest error of a single step among those that a run made, each from where the run itself was, relative to the
/// largest position. A piecewise linear f has kinks: on different sides of one, two trajectories part for good, so that
/// of long ones only the steps can be compared, and of those, only ones that start clear of every kink.
double step_error(const Sampler& sampler, const ReferenceNetwork& f, int64_t steps, int64_t chains) {
  Schedules s = constant(static_cast<int>(steps), 0);
  for (int64_t t = 1; t <= steps; ++t) s.snapshots.push_back(t);
  const int64_t event = f.event();
  const Floats start = start_of(f, chains);
  const Result run = sampled(sampler, f, s, start.data(), chains);
  double worst = 0, largest = 0;
  int64_t compared = 0;
  for (int64_t t = 0; t < steps; ++t)
    for (int64_t chain = 0; chain < chains; ++chain) {
      const float* from = (t == 0 ? start : run.snapshots[static_cast<size_t>(t - 1)]).data() + chain * event;
      const float* to = run.snapshots[static_cast<size_t>(t)].data() + chain * event;
      const auto truth = f.evaluate({from, from + event}, sampler.precision);
      if (f.is_piecewise_linear() && truth.margin < 4e-6) continue;
      ++compared;
      for (int64_t i = 0; i < event; ++i) {
        const double off = std::fabs(to[i] - (from[i] + truth.gradient[static_cast<size_t>(i)]));
        worst = worse(worst, off);
        largest = std::fmax(largest, std::fabs(to[i]));
      }
    }
  return compared >= steps * chains / 4 ? worst / largest : INFINITY;
}

ReferenceNetwork small_network() { return paper_network(12, 3, {7, 18, 33}); }

/// Runs of 2 to 8 threads whose bits are not those of one, for batches around the sizes of groups.
double thread_differences(const Sampler& sampler) {
  const ReferenceNetwork f = small_network();
  const int before = srmcmc::thread_count();
  double different = 0;
  for (const int64_t chains : {1, 5, 16, 27}) {
    const Floats x = start_of(f, chains);
    srmcmc::set_thread_count(1);
    const Result alone = sampled(sampler, f, varied(4), x.data(), chains);
    for (int threads = 2; threads <= 8; ++threads) {
      srmcmc::set_thread_count(threads);
      different += !(sampled(sampler, f, varied(4), x.data(), chains) == alone);
    }
  }
  srmcmc::set_thread_count(before);
  return different;
}

/// Chains of batches of 1 to 33 that end elsewhere than they do alone.
double batch_differences(const Sampler& sampler, int most) {
  const ReferenceNetwork f = paper_network(8, 3, {7, 18});
  const int64_t event = f.event();
  const Floats x = start_of(f, most);
  std::vector<Floats> alone;
  for (int chain = 0; chain < most; ++chain)
    alone.push_back(sampled(sampler, f, constant(2, 0.01f), x.data() + chain * event, 1, static_cast<uint32_t>(chain)).x);
  double different = 0;
  for (int chains = 1; chains <= most; ++chains) {
    const Result together = sampled(sampler, f, constant(2, 0.01f), x.data(), chains, 0);
    for (int chain = 0; chain < chains; ++chain) {
      const Floats& expected = alone[static_cast<size_t>(chain)];
      different += !std::equal(expected.begin(), expected.end(), together.x.data() + chain * event);
    }
  }
  return different;
}

/// Chains that a NaN in another one reached, and ones in which it got lost.
double spread_of_nan(const Sampler& sampler) {
  const ReferenceNetwork f = small_network();
  const int64_t chains = 19, event = f.event();
  Floats x = start_of(f, chains);
  const Result clean = sampled(sampler, f, constant(3, 0.01f), x.data(), chains);
  double wrong = 0;
  for (const int64_t bad : {0, 7, 18}) {
    float& victim = x[bad * event + event / 2];
    const float kept = victim;
    victim = NAN;
    const Result tainted = sampled(sampler, f, constant(3, 0.01f), x.data(), chains);
    victim = kept;
    for (int64_t chain = 0; chain < chains; ++chain) {
      const float *a = clean.x.data() + chain * event, *b = tainted.x.data() + chain * event;
      if (chain == bad) wrong += std::none_of(b, b + event, [](float v) { return std::isnan(v); });
      else wrong += !std::equal(a, a + event, b);
    }
    wrong += !std::isnan(tainted.value[0]);
  }
  return wrong;
}

/// Steps not counted in a whole run, plus steps made after a cancellation.
double progress_error(const Sampler& sampler) {
  const ReferenceNetwork f = small_network();
  const int64_t chains = 9, steps = 5;
  const Floats x = start_of(f, chains);
  srmcmc::Progress whole, cancelled;
  sampled(sampler, f, constant(steps, 0), x.data(), chains, 5, &whole);
  cancelled.cancelled = true;
  sampled(sampler, f, constant(steps, 0), x.data(), chains, 5, &cancelled);
  return std::fabs(static_cast<double>(chains * steps - whole.done)) + static_cast<double>(cancelled.done);
}

/// Weights so large that everything overflows: how many positions of how many runs come back as finite numbers. What
/// matters is that it ends and stays in its memory.
double finite_after_overflow(const Sampler& sampler) {
  ReferenceNetwork f = small_network();
  f.scale(1e20);
  const Floats x = start_of(f, 5);
  const Result result = sampled(sampler, f, constant(3, 0.01f), x.data(), 5);
  return static_cast<double>(std::count_if(result.x.begin(), result.x.end(), [](float v) { return std::isfinite(v); }));
}

}  // namespace

void add_short_run(Checks& checks, const Options& options, const Sampler& sampler) {
  const bool quick = options.quick;
  const std::string name = sampler.precision == Sampler::float32 ? "shortRun: " : "bf16 shortRun: ";
  const double bound = sampler.precision == Sampler::float32 ? 1e-4 : 5e-2;
  const auto add = [&](const std::string& claim, double limit, auto&& figure) {
    checks.push_back({name + claim, [=] { return Figure{figure(), limit}; }});
  };
  const auto trajectory = [&](const std::string& claim, const ReferenceNetwork& f, const Schedules& s, int64_t chains) {
    add(claim, bound, [=] { return trajectory_error(sampler, f, s, chains); });
  };
  const int steps = quick ? 4 : 20;
  trajectory("noiseless steps of a small net, m = 7", small_network(), constant(steps, 0), 7);
  trajectory("noise, schedules, clamps and snapshots, m = 7", small_network(), varied(steps), 7);
  trajectory("smooth activation, m = 5", paper_network(12, 3, {6, 12}, Activation::softplus), varied(steps), 5);
  const auto single = [&](const std::string& claim, const ReferenceNetwork& f, int64_t count, int64_t chains) {
    add(claim, sampler.precision == Sampler::float32 ? 3e-7 : 1e-4, [=] { return step_error(sampler, f, count, chains); });
  };
  single("each of " + std::to_string(steps) + " noiseless steps, m = 5", paper_network(12, 3, {7, 18, 33}), steps, 5);
  if (!quick) {
    trajectory("100 noiseless steps, smooth activation, m = 3",
               paper_network(12, 3, {7, 18, 33}, Activation::softplus), constant(100, 0), 3);
    single("each of 100 noiseless steps, m = 13", small_network(), 100, 13);
    single("each of 10 noiseless steps of the paper's 32 px net, n = 32, m = 3",
           paper_network(32, 3, {32, 64, 128, 256}), 10, 3);
  }
  const int most = quick ? 13 : 33;
  add("chains that differ in batches of 1 to " + std::to_string(most), 0, [=] { return batch_differences(sampler, most); });
  add("other bits on 2 to 8 threads", 0, [=] { return thread_differences(sampler); });
  add("chains that a NaN in another reaches", 0, [=] { return spread_of_nan(sampler); });
  add("steps miscounted, or made after cancellation", 0, [=] { return progress_error(sampler); });
  add("finite numbers after an overflow", 0, [=] { return finite_after_overflow(sampler); });
}

}  // namespace check
