// The fused sampler by Langevin dynamics: its trajectories against the same steps in double precision.
#include <algorithm>
#include <cmath>

#include "reference_normal.h"
#include "short_run.h"

namespace check {
namespace {

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

Result sampled(const Sampler& sampler, const ReferenceNetwork& f, const Schedules& s, const float* x, int64_t chains,
               uint32_t firstChain = 5, srmcmc::Progress* progress = nullptr) {
  const srmcmc::Langevin langevin{s.drift.data(), s.noise.data(), s.clampGradient, s.low, s.high};
  return run_of(f, static_cast<int64_t>(s.drift.size()), s.snapshots, x, chains, firstChain, 0,
                [&](const ShortRun& run, const float* from, const srmcmc::ShortRunResult& result) {
                  sampler.shortRunLangevin(run, langevin, from, result, progress);
                });
}

/// The largest difference from the same steps in double precision, of positions, snapshots and traces, each relative to
/// the largest number it is among.
double trajectory_error(const Sampler& sampler, const ReferenceNetwork& f, const Schedules& s, int64_t chains) {
  const int64_t event = f.event();
  const size_t steps = s.drift.size();
  const uint32_t firstChain = 5;
  const Floats start = start_of(f, chains);
  const Result actual = sampled(sampler, f, s, start.data(), chains, firstChain);

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
          at[i] += s.noise[t] * normal_element(RUN_KEY, firstChain + static_cast<uint32_t>(chain), static_cast<uint32_t>(t), i);
        at[i] = std::clamp(at[i], double{s.low}, double{s.high});
      }
      value[t] += truth.value / static_cast<double>(chains);
      norm[t] += std::sqrt(squares) / static_cast<double>(chains);
    }
    if (std::count(s.snapshots.begin(), s.snapshots.end(), static_cast<int64_t>(t + 1))) snapshots.push_back(x);
  }

  double worst = relative_to_largest(actual.x, x);
  worst = worse(worst, relative_to_largest(actual.reports[0], value));
  worst = worse(worst, relative_to_largest(actual.reports[1], norm));
  for (size_t i = 0; i < snapshots.size(); ++i)
    worst = worse(worst, relative_to_largest(actual.snapshots[i], snapshots[i]));
  return worst;
}

/// The largest error of a single step among those that a run made, each from where the run itself was, relative to the
/// step, in the Euclidean norm. A piecewise linear f has kinks: on different sides of one, two trajectories part for good, so that
/// of long ones only the steps can be compared, and of those, only ones that start clear of every kink.
double step_error(const Sampler& sampler, const ReferenceNetwork& f, int64_t steps, int64_t chains) {
  Schedules s = constant(static_cast<int>(steps), 0);
  for (int64_t t = 1; t <= steps; ++t) s.snapshots.push_back(t);
  const int64_t event = f.event();
  const Floats start = start_of(f, chains);
  const Result run = sampled(sampler, f, s, start.data(), chains);
  double worst = 0;
  int64_t compared = 0;
  for (int64_t t = 0; t < steps; ++t)
    for (int64_t chain = 0; chain < chains; ++chain) {
      const float* from = (t == 0 ? start : run.snapshots[static_cast<size_t>(t - 1)]).data() + chain * event;
      const float* to = run.snapshots[static_cast<size_t>(t)].data() + chain * event;
      const auto truth = f.evaluate({from, from + event}, sampler.precision);
      if (f.is_piecewise_linear() && truth.margin < 4e-6) continue;
      ++compared;
      double off = 0, step = 0;
      for (int64_t i = 0; i < event; ++i) {
        const double g = truth.gradient[static_cast<size_t>(i)], d = to[i] - (from[i] + g);
        off += d * d;
        step += g * g;
      }
      worst = worse(worst, std::sqrt(off / step));
    }
  return compared >= steps * chains / 4 ? worst : INFINITY;
}

}  // namespace

void add_langevin(Checks& checks, const Options& options, const Sampler& sampler) {
  const bool quick = options.quick;
  const std::string name = sampler.precision == Sampler::float32 ? "langevin: " : "bf16 langevin: ";
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
    // In bfloat16 a sum near zero may take the other sign, which in a small net is much of the gradient.
    add(claim, sampler.precision == Sampler::float32 ? 1e-5 : 0.15, [=] { return step_error(sampler, f, count, chains); });
  };
  single("each of " + std::to_string(steps) + " noiseless steps, m = 5", paper_network(12, 3, {7, 18, 33}), steps, 5);
  if (!quick) {
    trajectory("100 noiseless steps, smooth activation, m = 3",
               paper_network(12, 3, {7, 18, 33}, Activation::softplus), constant(100, 0), 3);
    single("each of 100 noiseless steps, m = 13", small_network(), 100, 13);
    single("each of 10 noiseless steps of the paper's 32 px net, n = 32, m = 3",
           paper_network(32, 3, {32, 64, 128, 256}), 10, 3);
  }
  const auto runner = [&](const Schedules& s) {
    return [=](const ReferenceNetwork& f, const float* x, int64_t chains, uint32_t first, srmcmc::Progress* progress) {
      return sampled(sampler, f, s, x, chains, first, progress);
    };
  };
  add_independence(checks, options, {name, runner(varied(4)), runner(constant(3, 0.01f)), 3});
}

}  // namespace check
