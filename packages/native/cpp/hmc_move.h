// A step of Hamiltonian Monte Carlo: fresh momenta, L leapfrog steps, the Metropolis test. Momenta are whitened,
// r = R p with R R the inverse mass, so that their kinetic energy is |r|^2 / 2 whatever the mass. The kicks at the end
// of one leapfrog step and at the start of the next are one: L gradients a step, and one more at the start of the run.
#pragma once
#include "chain_run.h"

namespace {

class HmcMove {
 public:
  using Parameters = srmcmc::Hmc;
  static constexpr int REPORTS = 4;

  static int64_t scratch_of(const Parameters& hmc, int64_t event, int64_t chains) {
    return PIECE + chains * (STATE_FLOATS + rows_of(hmc) * stride_of(event));
  }

  HmcMove(const ShortRun& run, const Parameters& hmc, int64_t event, int64_t chains, float* scratch)
      : run_(run), hmc_(hmc), event_(event), noise_(scratch), states_(reinterpret_cast<State*>(scratch + PIECE)) {
    float* rows = scratch + PIECE + chains * STATE_FLOATS;
    for (int64_t i = 0; i < chains; ++i) {
      State& state = states_[i];
      float** const places[] = {&state.momentum, &state.startPosition, &state.startGradient, &state.startMomentum};
      for (int64_t row = 0; row < 4; ++row) {
        const bool used = row < rows_of(hmc);
        *places[row] = used ? rows : nullptr;
        if (used) rows += stride_of(event);
      }
    }
  }

  template <class Group, class Evaluate>
  bool step(Group& group, Evaluate&& evaluate, int64_t step, const Reports& reports) {
    if (step == 0) {
      if (!evaluate(NO_USE)) return false;
      for (int64_t i = 0; i < group.chains; ++i) {
        states_[i].value = group.value(i);
        states_[i].gradient = group.gradient(i);
      }
    }
    for (int64_t i = 0; i < group.chains; ++i) {
      const int64_t chain = group.first + i;
      reports.at(Reports::VALUE, chain, step) = states_[i].value;
      reports.at(Reports::GRADIENT_NORM, chain, step) = begin(states_[i], chain, step, group.position(i));
      group.moved(i, 0, event_);
    }
    const auto leap = [&](int64_t i, int64_t begin, int64_t end) {
      kick_and_drift(states_[i], group.gradient(i), group.position(i), begin, end);
      group.moved(i, begin, end);
    };
    for (int64_t leaps = 1; leaps < hmc_.leapfrogSteps; ++leaps)
      if (!evaluate(leap)) return false;
    if (!evaluate(NO_USE)) return false;
    for (int64_t i = 0; i < group.chains; ++i) {
      const double error = end(states_[i], group.value(i), group.gradient(i), group.position(i));
      const int64_t chain = group.first + i;
      reports.at(Reports::ENERGY_ERROR, chain, step) = error;
      reports.at(Reports::ACCEPTANCE, chain, step) = acceptance_of(error);
    }
    return true;
  }

 private:
  /// A chain between leapfrog steps; rows of `event` numbers that a run does not need are null.
  struct State {
    float *momentum, *startPosition, *startGradient, *startMomentum;
    const float* gradient;  // f' at the position from which a step starts
    float value, stepSize, test;
    double kinetic;  // |r|^2 at the start
  };
  static constexpr int64_t STATE_FLOATS = 32;
  static_assert(sizeof(State) <= sizeof(float) * STATE_FLOATS, "a place for each");

  /// What a rejection restores: the position, its gradient, and where momentum persists the momentum.
  static int64_t rows_of(const Parameters& hmc) { return !hmc.metropolis ? 1 : hmc.persistence > 0 ? 4 : 3; }
  /// Not a power of two apart, where rows would compete for the same lines of the cache.
  static int64_t stride_of(int64_t event) { return divide_up(event, 64) * 64 + 16; }

  static float acceptance_of(double energyError) {
    return energyError > 0 ? static_cast<float>(__builtin_exp(-energyError)) : 1.f;
  }

  INLINE vec root(int64_t i, int64_t count) const {
    return hmc_.massRoots ? load_part(hmc_.massRoots + i, count) : splat(1.f);
  }

  void draw_uniforms(State& state, int64_t chain, int64_t step) {
    state.stepSize = hmc_.stepSize[step];
    state.test = 0;
    if (!hmc_.draws) return;
    constexpr uint32_t UNIFORM = 1;  // the stream, as in @srmcmc/core
    const uint32_t counter[4] = {0, static_cast<uint32_t>(step), run_.firstChain + static_cast<uint32_t>(chain), UNIFORM};
    uint32_t words[4];
    philox_block(counter, run_.key, words);
    state.test = static_cast<float>(words[0] >> 8) * 0x1p-24f;
    if (hmc_.jitter > 0)
      state.stepSize *= static_cast<float>(words[1] >> 8) * 0x1p-24f * (2 * hmc_.jitter) + (1 - hmc_.jitter);
  }

  /// Draws the momentum, remembers the start, makes half a kick and a drift; returns the norm of the gradient.
  double begin(State& state, int64_t chain, int64_t step, float* x) {
    draw_uniforms(state, chain, step);
    const bool keeps = hmc_.persistence > 0 && step > 0;
    const float variance = hmc_.temperature * (keeps ? 1 - hmc_.persistence * hmc_.persistence : 1);
    const vec kept = splat(hmc_.persistence), fresh = splat(__builtin_sqrtf(variance));
    const vec size = splat(state.stepSize), half = 0.5f * size;
    const float* g = state.gradient;
    float* r = state.momentum;
    const bool moves = state.startGradient && g != state.startGradient;
    double squares = 0;
    state.kinetic = 0;
    for (int64_t at = 0; at < event_; at += PIECE) {
      const int64_t end = smaller(at + PIECE, event_);
      if (hmc_.draws) random_blocks<Normals>(normals_of(run_, event_, step), chain, at / 4, divide_up(end, 4), noise_);
      vec slopes{}, momenta{};
      each_vector(at, end, [&](int64_t i, int64_t count) {
        const vec slope = load_part(g + i, count), scale = root(i, count);
        vec position = load_part(x + i, count), momentum{};
        if (keeps) momentum = kept * load_part(r + i, count);
        if (hmc_.draws) momentum += fresh * load_part(noise_ + (i - at), count);
        if (state.startPosition) store_part(state.startPosition + i, position, count);
        if (moves) store_part(state.startGradient + i, slope, count);
        if (state.startMomentum) store_part(state.startMomentum + i, momentum, count);
        slopes += slope * slope;
        momenta += momentum * momentum;
        momentum += half * (scale * slope);
        position += size * (scale * momentum);
        store_part(r + i, momentum, count);
        store_part(x + i, position, count);
      });
      squares += horizontal_sum(slopes);
      state.kinetic += horizontal_sum(momenta);
    }
    if (moves) state.gradient = state.startGradient;
    return __builtin_sqrt(squares);
  }

  void kick_and_drift(State& state, const float* g, float* x, int64_t begin, int64_t end) {
    const vec size = splat(state.stepSize);
    float* r = state.momentum;
    each_vector(begin, end, [&](int64_t i, int64_t count) {
      const vec scale = root(i, count);
      const vec momentum = load_part(r + i, count) + size * (scale * load_part(g + i, count));
      store_part(r + i, momentum, count);
      store_part(x + i, load_part(x + i, count) + size * (scale * momentum), count);
    });
  }

  /// The last half kick and the test; returns the energy error, infinite where it is not a number.
  double end(State& state, float value, const float* g, float* x) {
    const vec half = splat(0.5f * state.stepSize);
    float* r = state.momentum;
    double kinetic = 0;
    for (int64_t at = 0; at < event_; at += PIECE) {
      vec momenta{};
      each_vector(at, smaller(at + PIECE, event_), [&](int64_t i, int64_t count) {
        const vec momentum = load_part(r + i, count) + half * (root(i, count) * load_part(g + i, count));
        momenta += momentum * momentum;
        store_part(r + i, momentum, count);
      });
      kinetic += horizontal_sum(momenta);
    }
    const double gain = static_cast<double>(value) - static_cast<double>(state.value);
    double error = ((kinetic - state.kinetic) * 0.5 - gain) / static_cast<double>(hmc_.temperature);
    if (error != error) error = __builtin_inf();
    if (!hmc_.metropolis || state.test < acceptance_of(error)) {
      state.value = value;
      state.gradient = g;
      return error;
    }
    memcpy(x, state.startPosition, static_cast<size_t>(event_) * 4);
    // Reversed, so that the same distribution stays invariant where momentum persists (Horowitz 1991).
    if (state.startMomentum)
      each_vector(0, event_, [&](int64_t i, int64_t count) {
        store_part(r + i, -load_part(state.startMomentum + i, count), count);
      });
    return error;
  }

  const ShortRun& run_;
  const Parameters& hmc_;
  int64_t event_;
  float* noise_;
  State* states_;
};

}  // namespace
