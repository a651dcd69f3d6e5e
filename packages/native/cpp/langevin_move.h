// A step of Langevin dynamics.
#pragma once
#include "chain_run.h"

namespace {

class LangevinMove {
 public:
  using Parameters = srmcmc::Langevin;
  static constexpr int REPORTS = 2;
  static int64_t scratch_of(const Parameters&, int64_t, int64_t chains) { return PIECE + chains * NORM_FLOATS; }

  LangevinMove(const ShortRun& run, const Parameters& langevin, int64_t event, int64_t, float* scratch)
      : run_(run),
        langevin_(langevin),
        event_(event),
        noise_(scratch),
        norms_(reinterpret_cast<SquaredNorm*>(scratch + PIECE)) {}

  template <class Group, class Evaluate>
  bool step(Group& group, Evaluate&& evaluate, int64_t step, const Reports& reports) {
    for (int64_t i = 0; i < group.chains; ++i) norms_[i] = SquaredNorm{};
    const auto use = [&](int64_t i, int64_t begin, int64_t end) {
      move(norms_[i], group.first + i, step, begin, end, group.gradient(i), group.position(i));
      group.moved(i, begin, end);
    };
    if (!evaluate(use)) return false;
    for (int64_t i = 0; i < group.chains; ++i) {
      reports.at(Reports::VALUE, group.first + i, step) = group.value(i);
      reports.at(Reports::GRADIENT_NORM, group.first + i, step) = __builtin_sqrt(norms_[i].sum);
    }
    return true;
  }

 private:
  /// Of a gradient: the pieces' sums of squares in double precision, and of the piece that is not complete in single.
  struct SquaredNorm {
    vec piece;
    double sum;
  };
  static constexpr int64_t NORM_FLOATS = 32;
  static_assert(sizeof(SquaredNorm) <= sizeof(float) * NORM_FLOATS, "a place for each");

  /// Moves a part of a chain.
  __attribute__((noinline)) void move(SquaredNorm& norm, int64_t chain, int64_t step, int64_t begin, int64_t end,
                                      const float* gradient, float* x) {
    const bool noisy = langevin_.noise[step] != 0.f;
    if (noisy) random_blocks<Normals>(normals_of(run_, event_, step), chain, begin / 4, divide_up(end, 4), noise_);
    norm.piece = move_part(step, gradient + begin, noisy ? noise_ : nullptr, x + begin, end - begin, norm.piece);
    if (end % PIECE != 0 && end < event_) return;
    norm.sum += horizontal_sum(norm.piece);
    norm.piece = vec{};
  }

  /// x <- x + drift g + noise z for `n` elements, clamped; returns `squares` and what the squares of g add to them.
  vec move_part(int64_t step, const float* g, const float* z, float* x, int64_t n, vec squares) {
    const vec drift = splat(langevin_.drift[step]), noise = splat(langevin_.noise[step]);
    const vec bound = splat(langevin_.clampGradient), low = splat(langevin_.low), high = splat(langevin_.high);
    const float infinity = __builtin_inff();
    const bool clampsGradient = langevin_.clampGradient < infinity;
    const bool clampsSample = langevin_.low > -infinity || langevin_.high < infinity;
    each_vector(0, n, [&](int64_t i, int64_t count) {
      vec slope = load_part(g + i, count), position = load_part(x + i, count);
      squares += slope * slope;
      if (clampsGradient) slope = clamp(slope, -bound, bound);
      position += drift * slope;
      if (z) position += noise * load(z + i);
      if (clampsSample) position = clamp(position, low, high);
      store_part(x + i, position, count);
    });
    return squares;
  }

  const ShortRun& run_;
  const Parameters& langevin_;
  int64_t event_;
  float* noise_;
  SquaredNorm* norms_;
};

}  // namespace
