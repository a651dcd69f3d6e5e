// A step of Langevin dynamics.
#pragma once
#include "chain_run.h"

namespace {

class LangevinMove {
 public:
  using Parameters = srmcmc::Langevin;
  static constexpr int REPORTS = 2;
  static int64_t scratch_of(const Parameters&, int64_t, int64_t) { return PIECE; }

  LangevinMove(const ShortRun& run, const Parameters& langevin, int64_t event, int64_t, float* scratch)
      : run_(run), langevin_(langevin), event_(event), noise_(scratch) {}

  template <class Group, class Evaluate>
  bool step(Group& group, Evaluate&& evaluate, int64_t step, const Reports& reports) {
    if (!evaluate()) return false;
    for (int64_t i = 0; i < group.chains; ++i) {
      const int64_t chain = group.first + i;
      reports.at(Reports::VALUE, chain, step) = group.value(i);
      reports.at(Reports::GRADIENT_NORM, chain, step) = move(chain, step, group.gradient(i), group.position(i));
      group.moved(i);
    }
    return true;
  }

 private:
  /// Moves one chain; returns the Euclidean norm of its gradient.
  double move(int64_t chain, int64_t step, const float* gradient, float* x) {
    const bool noisy = langevin_.noise[step] != 0.f;
    double squares = 0;
    for (int64_t at = 0; at < event_; at += PIECE) {
      const int64_t n = smaller(PIECE, event_ - at);
      if (noisy) random_blocks<Normals>(normals_of(run_, event_, step), chain, at / 4, divide_up(at + n, 4), noise_);
      squares += move_piece(step, gradient + at, noisy ? noise_ : nullptr, x + at, n);
    }
    return __builtin_sqrt(squares);
  }

  /// x <- x + drift g + noise z for `n` elements, clamped; returns the sum of g squared.
  float move_piece(int64_t step, const float* g, const float* z, float* x, int64_t n) {
    const vec drift = splat(langevin_.drift[step]), noise = splat(langevin_.noise[step]);
    const vec bound = splat(langevin_.clampGradient), low = splat(langevin_.low), high = splat(langevin_.high);
    const float infinity = __builtin_inff();
    const bool clampsGradient = langevin_.clampGradient < infinity;
    const bool clampsSample = langevin_.low > -infinity || langevin_.high < infinity;
    vec squares{};
    each_vector(0, n, [&](int64_t i, int64_t count) {
      vec slope = load_part(g + i, count), position = load_part(x + i, count);
      squares += slope * slope;
      if (clampsGradient) slope = clamp(slope, -bound, bound);
      position += drift * slope;
      if (z) position += noise * load(z + i);
      if (clampsSample) position = clamp(position, low, high);
      store_part(x + i, position, count);
    });
    return horizontal_sum(squares);
  }

  const ShortRun& run_;
  const Parameters& langevin_;
  int64_t event_;
  float* noise_;
};

}  // namespace
