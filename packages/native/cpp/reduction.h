// Sums, maxima and minima along one axis. The axis is cut into pieces that depend on its length alone and their
// results are combined in order, in double precision, so that the number of threads never changes a bit.
#pragma once
#include "elementary.h"
#include "kernels.h"
#include "parallel.h"

namespace {

using srmcmc::ReduceShape;
using srmcmc::Reduction;

template <Reduction R>
INLINE vec combine(vec a, vec b) {
  if constexpr (R == Reduction::sum) return a + b;
  // A NaN on either side wins, as in Math.max.
  if constexpr (R == Reduction::max) return a != a ? a : a > b ? a : b;
  if constexpr (R == Reduction::min) return a != a ? a : a < b ? a : b;
}
template <Reduction R>
INLINE double combine_scalar(double a, double b) {
  if constexpr (R == Reduction::sum) return a + b;
  if constexpr (R == Reduction::max) return a != a ? a : a > b ? a : b;
  if constexpr (R == Reduction::min) return a != a ? a : a < b ? a : b;
}
template <Reduction R>
constexpr float identity() {
  return R == Reduction::sum ? 0.f : R == Reduction::max ? -__builtin_inff() : __builtin_inff();
}

template <Reduction R>
double reduce_run(const float* x, int64_t n) {
  constexpr int WAYS = 4;
  vec part[WAYS];
  for (int w = 0; w < WAYS; ++w) part[w] = splat(identity<R>());
  int64_t i = 0;
  for (; i + WAYS * L <= n; i += WAYS * L)
    for (int w = 0; w < WAYS; ++w) part[w] = combine<R>(part[w], load(x + i + w * L));
  double total = identity<R>();
  for (int w = 0; w < WAYS; ++w)
    for (int lane = 0; lane < L; ++lane) total = combine_scalar<R>(total, part[w][lane]);
  for (; i < n; ++i) total = combine_scalar<R>(total, x[i]);
  return total;
}

// y[inner] = reduction of `rows` rows.
template <Reduction R>
void reduce_rows(const float* x, int64_t rows, int64_t inner, float* y) {
  for (int64_t c = 0; c < inner; c += L) {
    const int64_t n = smaller(L, inner - c);
    vec part = splat(identity<R>());
    if (n == L)
      for (int64_t r = 0; r < rows; ++r) part = combine<R>(part, load(x + r * inner + c));
    else
      for (int64_t r = 0; r < rows; ++r) part = combine<R>(part, load_some(x + r * inner + c, n));
    store_some(y + c, part, n);
  }
}

template <Reduction R>
void reduce_as(const ReduceShape& s, const float* x, float* y) {
  if (s.outer * s.inner == 0) return;
  const int64_t pieceLength = s.inner == 1 ? 8192 : larger(64, 8192 / s.inner);
  const int64_t pieces = larger(1, divide_up(s.length, pieceLength));
  const bool direct = pieces == 1;
  float* parts = direct ? y : srmcmc::scratch(0, static_cast<size_t>(s.outer * pieces * s.inner));
  const int64_t work = larger(1, smaller(pieceLength, s.length) * s.inner);
  parallel_range(s.outer * pieces, larger(1, 16384 / work), [=](int64_t i, int64_t end) {
    for (; i < end; ++i) {
      const int64_t outer = i / pieces, from = i % pieces * pieceLength;
      const int64_t n = larger(0, smaller(pieceLength, s.length - from));
      const float* begin = x + (outer * s.length + from) * s.inner;
      if (s.inner == 1)
        parts[i] = static_cast<float>(reduce_run<R>(begin, n) * (direct ? static_cast<double>(s.scale) : 1.0));
      else
        reduce_rows<R>(begin, n, s.inner, parts + i * s.inner);
      if (direct && s.inner != 1)
        for (int64_t c = 0; c < s.inner; ++c) parts[i * s.inner + c] *= s.scale;
    }
  });
  if (direct) return;
  parallel_range(s.outer * s.inner, larger(1, 16384 / pieces), [=](int64_t i, int64_t end) {
    for (; i < end; ++i) {
      const float* part = parts + i / s.inner * pieces * s.inner + i % s.inner;
      double total = identity<R>();
      for (int64_t piece = 0; piece < pieces; ++piece) total = combine_scalar<R>(total, part[piece * s.inner]);
      y[i] = static_cast<float>(total * static_cast<double>(s.scale));
    }
  });
}

void reduce(Reduction r, const ReduceShape& s, const float* x, float* y) {
  switch (r) {
    case Reduction::sum: return reduce_as<Reduction::sum>(s, x, y);
    case Reduction::max: return reduce_as<Reduction::max>(s, x, y);
    case Reduction::min: return reduce_as<Reduction::min>(s, x, y);
    case Reduction::count: return;
  }
}

}  // namespace
