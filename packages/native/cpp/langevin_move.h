// The moves of Langevin dynamics, once the gradient is known.
#pragma once
#include "random_normal.h"

namespace {

using srmcmc::ShortRun;

constexpr int64_t PIECE = 1024;  // elements moved at a time, a multiple of 4 L: a piece of noise stays in the cache

/// x <- x + drift g + noise z for `n` elements, clamped; returns the sum of g squared.
float move_piece(const ShortRun& run, int64_t step, const float* g, const float* z, float* x, int64_t n) {
  const vec drift = splat(run.drift[step]), noise = splat(run.noise[step]);
  const vec bound = splat(run.clampGradient), low = splat(run.low), high = splat(run.high);
  const float infinity = __builtin_inff();
  const bool clampsGradient = run.clampGradient < infinity;
  const bool clampsSample = run.low > -infinity || run.high < infinity;
  vec squares{};
  for (int64_t i = 0; i < n; i += L) {
    const int64_t count = smaller(L, n - i);
    const bool whole = count == L;
    vec slope = whole ? load(g + i) : load_some(g + i, count);
    vec position = whole ? load(x + i) : load_some(x + i, count);
    squares += slope * slope;
    if (clampsGradient) slope = clamp(slope, -bound, bound);
    position += drift * slope;
    if (z) position += noise * load(z + i);
    if (clampsSample) position = clamp(position, low, high);
    if (whole)
      store(x + i, position);
    else
      store_some(x + i, position, count);
  }
  return horizontal_sum(squares);
}

/// Moves one chain; returns the Euclidean norm of its gradient.
double move_chain(const ShortRun& run, int64_t event, int64_t chain, int64_t step, const float* gradient, float* x,
                  float* noise) {
  const srmcmc::NormalStream stream{
      {run.key[0], run.key[1]}, run.firstChain, static_cast<uint32_t>(step), run.chains, event};
  const bool noisy = run.noise[step] != 0.f;
  double squares = 0;
  for (int64_t at = 0; at < event; at += PIECE) {
    const int64_t n = smaller(PIECE, event - at);
    if (noisy) normal_blocks(stream, chain, at / 4, divide_up(at + n, 4), noise);
    squares += move_piece(run, step, gradient + at, noisy ? noise : nullptr, x + at, n);
  }
  return __builtin_sqrt(squares);
}

void mean_over_chains(const double* report, int64_t chains, int64_t steps, float* mean) {
  for (int64_t step = 0; step < steps; ++step) {
    double sum = 0;
    for (int64_t chain = 0; chain < chains; ++chain) sum += report[chain * steps + step];
    mean[step] = static_cast<float>(sum / static_cast<double>(chains));
  }
}

}  // namespace
