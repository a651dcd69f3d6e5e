// The fused sampler by Hamiltonian Monte Carlo: its steps against leapfrog as it is written, in double precision.
#include <algorithm>
#include <cmath>

#include "reference_normal.h"
#include "short_run.h"

namespace check {
namespace {

struct Setting {
  std::vector<float> stepSize, massRoots;
  std::vector<int64_t> snapshots;
  int64_t leapfrogSteps = 3;
  bool metropolis = true, draws = true;
  float temperature = 1, jitter = 0, persistence = 0;

  srmcmc::Hmc hmc() const {
    const float* roots = massRoots.empty() ? nullptr : massRoots.data();
    return {stepSize.data(), leapfrogSteps, metropolis, draws, temperature, jitter, persistence, roots};
  }
  double root(size_t i) const { return massRoots.empty() ? 1 : massRoots[i]; }
};

Setting constant(int steps, float stepSize) {
  Setting s;
  s.stepSize.assign(static_cast<size_t>(steps), stepSize);
  return s;
}

/// Everything at once: a schedule, jitter, a diagonal mass, momentum that persists, snapshots.
Setting varied(int steps, int64_t event, float stepSize) {
  Setting s = constant(steps, stepSize);
  for (int t = 0; t < steps; ++t) s.stepSize[static_cast<size_t>(t)] *= 1.f + 0.1f * static_cast<float>(t % 3);
  for (int64_t i = 0; i < event; ++i) s.massRoots.push_back(0.8f + 0.1f * static_cast<float>(i % 5));
  s.snapshots = {1, steps - 1, steps};
  s.temperature = 0.7f;
  s.jitter = 0.3f;
  s.persistence = 0.6f;
  return s;
}

Result sampled(const Sampler& sampler, const ReferenceNetwork& f, const Setting& s, const float* x, int64_t chains,
               uint32_t firstChain = 5, srmcmc::Progress* progress = nullptr) {
  const srmcmc::Hmc hmc = s.hmc();
  return run_of(f, static_cast<int64_t>(s.stepSize.size()), s.snapshots, x, chains, firstChain, 2,
                [&](const ShortRun& run, const float* from, const srmcmc::ShortRunResult& result) {
                  sampler.shortRunHmc(run, hmc, from, result, progress);
                });
}

/// So cold that these nets, which are nearly flat, reject some proposals.
constexpr float COLD = 3e-3f;

/// A chain in double precision.
struct Chain {
  std::vector<double> x, momentum;
  double value = 0, norm = 0, energyError = 0, acceptance = 0;  // of the last step
  double energy = 0;    // the largest of the energies, over the temperature, that an energy error is a difference of
  double doubt = 1;     // the smallest distance of a uniform to the acceptance that it was held against
  double margin = 1;    // the smallest sum that an activation saw: see ReferenceNetwork
  bool accepted = true;

  double kinetic() const {
    double sum = 0;
    for (const double r : momentum) sum += r * r / 2;
    return sum;
  }
};

/// Leapfrog as Neal (2011) writes it, kick, drift and kick apart, and the Metropolis test.
void make_step(const Sampler& sampler, const ReferenceNetwork& f, const Setting& s, uint32_t chain, uint32_t step, Chain* c) {
  const auto evaluate = [&] {
    const auto at = f.evaluate(c->x, sampler.precision);
    c->margin = std::fmin(c->margin, at.margin);
    return at;
  };
  const uint32_t counter[4] = {0, step, chain, 1};
  uint32_t words[4];
  philox4x32(counter, RUN_KEY, words);
  const double test = s.draws ? (words[0] >> 8) * 0x1p-24 : 0, place = s.draws ? (words[1] >> 8) * 0x1p-24 : 0.5;
  const double size = s.stepSize[step] * (1 - double{s.jitter} + 2 * double{s.jitter} * place);
  const double alpha = step > 0 ? s.persistence : 0.0;
  c->momentum.resize(c->x.size());
  for (size_t i = 0; i < c->x.size(); ++i) {
    const double fresh = s.draws ? normal_element(RUN_KEY, chain, step, static_cast<int64_t>(i)) : 0;
    c->momentum[i] = alpha * c->momentum[i] + std::sqrt(s.temperature * (1 - alpha * alpha)) * fresh;
  }
  const Chain start = *c;
  auto here = evaluate();
  c->value = here.value;
  c->norm = 0;
  for (const double g : here.gradient) c->norm += g * g;
  c->norm = std::sqrt(c->norm);
  const double before = c->kinetic() - here.value;
  for (int64_t leap = 0; leap < s.leapfrogSteps; ++leap) {
    for (size_t i = 0; i < c->x.size(); ++i) {
      c->momentum[i] += size / 2 * s.root(i) * here.gradient[i];
      c->x[i] += size * s.root(i) * c->momentum[i];
    }
    here = evaluate();
    for (size_t i = 0; i < c->x.size(); ++i) c->momentum[i] += size / 2 * s.root(i) * here.gradient[i];
  }
  c->energyError = (c->kinetic() - here.value - before) / s.temperature;
  c->energy = std::fmax(c->energy, std::fmax(c->kinetic(), std::fabs(here.value)) / s.temperature);
  c->acceptance = std::exp(std::fmin(0, -c->energyError));
  c->accepted = !s.metropolis || test < c->acceptance;
  if (s.metropolis) c->doubt = std::fmin(c->doubt, std::fabs(test - c->acceptance));
  if (c->accepted) return;
  c->x = start.x;
  for (size_t i = 0; i < c->x.size(); ++i) c->momentum[i] = -start.momentum[i];
}

/// The largest difference from the same run in double precision, of positions, snapshots and traces, each relative to
/// the largest number it is among. An energy error is a difference of energies, and an acceptance changes by at most as
/// much: both are relative to the energies, in single precision counted fiftyfold, so that 1e-4 is 32 roundings of
/// them. Infinite where in truth it hangs by a few roundings whether to accept, or a test always ends the same.
double trajectory_error(const Sampler& sampler, const ReferenceNetwork& f, const Setting& s, int64_t chains) {
  const int64_t event = f.event();
  const size_t steps = s.stepSize.size();
  const uint32_t firstChain = 5;
  const Floats start = start_of(f, chains);
  const Result actual = sampled(sampler, f, s, start.data(), chains, firstChain);
  std::vector<double> reports[4];
  for (auto& report : reports) report.resize(steps);
  std::vector<double> x(static_cast<size_t>(chains * event));
  std::vector<std::vector<double>> snapshots(s.snapshots.size(), x);
  double doubt = 1, energy = 0, differences = 0;
  int64_t accepted = 0;
  for (int64_t i = 0; i < chains; ++i) {
    const float* from = start.data() + i * event;
    Chain chain;
    chain.x.assign(from, from + event);
    for (size_t t = 0, kept = 0; t < steps; ++t) {
      make_step(sampler, f, s, firstChain + static_cast<uint32_t>(i), static_cast<uint32_t>(t), &chain);
      accepted += chain.accepted;
      const double numbers[] = {chain.value, chain.norm, chain.acceptance, chain.energyError};
      for (int kind = 0; kind < 4; ++kind) reports[kind][t] += numbers[kind] / static_cast<double>(chains);
      if (kept < snapshots.size() && s.snapshots[kept] == static_cast<int64_t>(t + 1))
        std::copy(chain.x.begin(), chain.x.end(), snapshots[kept++].begin() + i * event);
    }
    std::copy(chain.x.begin(), chain.x.end(), x.begin() + i * event);
    doubt = std::fmin(doubt, chain.doubt);
    energy = std::fmax(energy, chain.energy);
  }
  const int64_t tests = chains * static_cast<int64_t>(steps);
  if (s.metropolis && (doubt < 4 * ROUNDING * energy || accepted == 0 || accepted == tests)) return INFINITY;
  double worst = relative_to_largest(actual.x, x);
  for (size_t kind = 0; kind < 2; ++kind) worst = worse(worst, relative_to_largest(actual.reports[kind], reports[kind]));
  for (size_t kind = 2; kind < 4; ++kind)
    for (size_t t = 0; t < steps; ++t)
      differences = worse(differences, std::fabs(actual.reports[kind][static_cast<int64_t>(t)] - reports[kind][t]));
  worst = worse(worst, differences / energy * (sampler.precision == Sampler::float32 ? 50 : 1));
  for (size_t i = 0; i < snapshots.size(); ++i)
    worst = worse(worst, relative_to_largest(actual.snapshots[i], snapshots[i]));
  return worst;
}

/// The largest error of a single step among those that a run made, each from where the run itself was, relative to the
/// largest position. Steps that touch a kink of f are left out, and whether to accept is not held against the truth
/// where it is in doubt; infinite where that leaves few.
double step_error(const Sampler& sampler, const ReferenceNetwork& f, Setting s, int64_t chains) {
  const auto steps = static_cast<int64_t>(s.stepSize.size());
  for (int64_t t = 1; t <= steps; ++t) s.snapshots.push_back(t);
  const int64_t event = f.event();
  const Floats start = start_of(f, chains);
  const Result run = sampled(sampler, f, s, start.data(), chains);
  const bool exact = sampler.precision == Sampler::float32;
  double worst = 0, largest = 0;
  int64_t compared = 0, rejected = 0;
  for (int64_t t = 0; t < steps; ++t)
    for (int64_t i = 0; i < chains; ++i) {
      const float* from = (t == 0 ? start : run.snapshots[static_cast<size_t>(t - 1)]).data() + i * event;
      const float* to = run.snapshots[static_cast<size_t>(t)].data() + i * event;
      Chain chain;
      chain.x.assign(from, from + event);
      make_step(sampler, f, s, 5 + static_cast<uint32_t>(i), static_cast<uint32_t>(t), &chain);
      if ((exact && f.is_piecewise_linear() && chain.margin < 4e-6) || chain.doubt < (exact ? 1e-4 : 0.05)) continue;
      ++compared;
      rejected += !chain.accepted;
      if (!chain.accepted && !std::equal(from, from + event, to)) return INFINITY;
      for (int64_t j = 0; j < event; ++j) {
        worst = worse(worst, std::fabs(to[j] - chain.x[static_cast<size_t>(j)]));
        largest = std::fmax(largest, std::fabs(to[j]));
      }
    }
  const bool seen = compared >= steps * chains / 4 && rejected > 0 && rejected < compared;
  return seen ? worst / largest : INFINITY;
}

}  // namespace

void add_hmc(Checks& checks, const Options& options, const Sampler& sampler) {
  const bool exact = sampler.precision == Sampler::float32;
  const std::string name = exact ? "hmc: " : "bf16 hmc: ";
  const auto trajectory = [&](const std::string& claim, const ReferenceNetwork& f, Setting s, int64_t chains, bool test) {
    s.metropolis = test;
    checks.push_back({name + claim + ", m = " + std::to_string(chains),
                      [=] { return Figure{trajectory_error(sampler, f, s, chains), exact ? 1e-4 : 5e-2}; }});
  };
  const int steps = options.quick ? 4 : 12;
  const ReferenceNetwork leaky = small_network(), smooth = paper_network(12, 3, {6, 12}, Activation::softplus);
  trajectory("paths of a small net without the test", leaky, constant(steps, 0.1f), 7, false);
  trajectory("schedule, jitter, mass, persistence, no test", smooth, varied(steps, smooth.event(), 0.1f), 7, false);
  Setting still = constant(steps, 0.3f);
  still.draws = false;
  trajectory("nothing drawn, smooth activation", smooth, still, 3, false);
  Setting single = varied(steps, smooth.event(), 0.2f);
  single.leapfrogSteps = 1;
  trajectory("one leapfrog step, no test", smooth, single, 5, false);
  // In bfloat16 one decision that differs parts two runs for good: there, steps are compared one by one.
  Setting tested = varied(steps, smooth.event(), 0.9f), plain = constant(steps, 0.6f);
  tested.temperature = plain.temperature = COLD;
  if (exact) trajectory("all of it, with the test", smooth, tested, 7, true);
  checks.push_back({name + "each of " + std::to_string(steps) + " steps with the test, m = 9", [=] {
                      return Figure{step_error(sampler, leaky, plain, 9), exact ? 1e-5 : 2e-2};
                    }});

  const auto runner = [&](auto&& setting_of) {
    return [=](const ReferenceNetwork& f, const float* x, int64_t chains, uint32_t first, srmcmc::Progress* progress) {
      return sampled(sampler, f, setting_of(f.event()), x, chains, first, progress);
    };
  };
  const auto all = [](int64_t event) { return varied(4, event, 0.4f); };
  const auto untested = [](int64_t) {
    Setting s = constant(3, 0.1f);
    s.metropolis = false;
    return s;
  };
  add_independence(checks, options, {name, runner(all), runner(untested), 3 * 3 + 1});
}

}  // namespace check
