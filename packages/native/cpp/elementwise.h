// Functions of one or two tensors, element by element, with broadcasting.
#pragma once
#include "elementary.h"
#include "kernels.h"
#include "parallel.h"

namespace {

using srmcmc::Binary;
using srmcmc::Broadcast;
using srmcmc::Unary;

constexpr int64_t GRAIN = 16 * 1024;  // elements a task

template <Unary F>
INLINE vec apply(vec x, vec p0, vec p1) {
  if constexpr (F == Unary::neg) return -x;
  if constexpr (F == Unary::abs) return vabs(x);
  if constexpr (F == Unary::square) return x * x;
  if constexpr (F == Unary::sqrt) return vsqrt(x);
  if constexpr (F == Unary::rsqrt) return 1.f / vsqrt(x);
  if constexpr (F == Unary::reciprocal) return 1.f / x;
  if constexpr (F == Unary::exp) return vexp(x);
  if constexpr (F == Unary::log) return vlog(x);
  if constexpr (F == Unary::tanh) return vtanh(x);
  if constexpr (F == Unary::sigmoid) return vsigmoid(x);
  if constexpr (F == Unary::softplus) return vsoftplus(x);
  if constexpr (F == Unary::relu) return x < 0.f ? vec{} : x;
  if constexpr (F == Unary::relu6) return x < 0.f ? vec{} : x > 6.f ? splat(6.f) : x;
  if constexpr (F == Unary::leakyRelu) return x < 0.f ? x * p0 : x;
  if constexpr (F == Unary::elu) return velu(x);
  if constexpr (F == Unary::step) return x != x ? x : x > 0.f ? splat(1.f) : p0;
  if constexpr (F == Unary::clip) return x > p1 ? p1 : x < p0 ? p0 : x;
  if constexpr (F == Unary::copy) return x;
}

template <Unary F>
void map(int64_t n, const float* x, float* y, float p0, float p1) {
  const vec v0 = splat(p0), v1 = splat(p1);
  parallel_range(n, GRAIN, [=](int64_t i, int64_t end) {
    for (; i + L <= end; i += L) store(y + i, apply<F>(load(x + i), v0, v1));
    if (i < end) store_some(y + i, apply<F>(load_some(x + i, end - i), v0, v1), end - i);
  });
}

using MapFunction = void (*)(int64_t, const float*, float*, float, float);
template <int F = 0>
MapFunction map_of(Unary f) {
  if constexpr (F < static_cast<int>(Unary::count)) {
    if (static_cast<int>(f) == F) return map<static_cast<Unary>(F)>;
    return map_of<F + 1>(f);
  } else {
    return nullptr;
  }
}
void unary(Unary f, int64_t n, const float* x, float* y, float p0, float p1) { map_of(f)(n, x, y, p0, p1); }

template <Binary F>
INLINE vec apply(vec a, vec b, vec p0) {
  if constexpr (F == Binary::add) return a + b;
  if constexpr (F == Binary::sub) return a - b;
  if constexpr (F == Binary::mul) return a * b;
  if constexpr (F == Binary::div) return a / b;
  if constexpr (F == Binary::maximum) return a != a ? a : a >= b ? a : b;
  if constexpr (F == Binary::minimum) return a != a ? a : a <= b ? a : b;
  if constexpr (F == Binary::squaredDifference) return (a - b) * (a - b);
  if constexpr (F == Binary::prelu) return a < 0.f ? a * b : a;
  if constexpr (F == Binary::eluGrad) return b >= 0.f ? a : a * (b + 1.f);  // a = dy, b = y
  if constexpr (F == Binary::leakyReluGrad) return b > 0.f ? a : a * p0;    // a = dy, b = y
}

template <Binary F>
INLINE ivec test(vec a, vec b) {
  if constexpr (F == Binary::greater) return a > b;
  if constexpr (F == Binary::greaterEqual) return a >= b;
  if constexpr (F == Binary::less) return a < b;
  if constexpr (F == Binary::lessEqual) return a <= b;
  if constexpr (F == Binary::equal) return a == b;
  if constexpr (F == Binary::notEqual) return a != b;
}

typedef uint8_t loose_bytes __attribute__((vector_size(LANES), aligned(1), may_alias));

// One operation on n elements; an operand that does not advance is a single number repeated.
template <Binary F, class Out>
INLINE void line(int64_t n, const float* a, bool aMoves, const float* b, bool bMoves, Out* y, vec p0) {
  for (int64_t i = 0; i < n; i += L) {
    const int64_t m = smaller(L, n - i);
    const vec va = !aMoves ? splat(*a) : load_part(a + i, m);
    const vec vb = !bMoves ? splat(*b) : load_part(b + i, m);
    if constexpr (srmcmc::is_comparison(F)) {
      const loose_bytes bits = __builtin_convertvector(test<F>(va, vb) & 1, loose_bytes);
      if (m == L)
        *reinterpret_cast<loose_bytes*>(y + i) = bits;
      else
        memcpy(y + i, &bits, static_cast<size_t>(m));
    } else {
      const vec v = apply<F>(va, vb, p0);
      if (m == L)
        store(y + i, v);
      else
        store_some(y + i, v, m);
    }
  }
}

template <Binary F, class Out>
void zip(const Broadcast& s, const float* a, const float* b, Out* y, float p0) {
  int64_t total = 1;
  for (int i = 0; i < s.rank; ++i) total *= s.size[i];
  if (total == 0) return;
  const int last = s.rank - 1;
  const int64_t inner = s.rank ? s.size[last] : 1;
  const bool aMoves = s.rank && s.strideA[last], bMoves = s.rank && s.strideB[last];
  const vec v0 = splat(p0);
  if (s.rank <= 1)
    return parallel_range(inner, GRAIN, [=](int64_t i, int64_t end) {
      line<F>(end - i, aMoves ? a + i : a, aMoves, bMoves ? b + i : b, bMoves, y + i, v0);
    });
  const int64_t rows = total / inner;
  parallel_range(rows, larger(1, GRAIN / inner), [=](int64_t row, int64_t end) {
    for (; row < end; ++row) {
      int64_t ia = 0, ib = 0, rest = row;
      for (int axis = last - 1; axis >= 0; --axis) {
        const int64_t i = rest % s.size[axis];
        rest /= s.size[axis];
        ia += i * s.strideA[axis];
        ib += i * s.strideB[axis];
      }
      line<F>(inner, a + ia, aMoves, b + ib, bMoves, y + row * inner, v0);
    }
  });
}

// An operand that repeats along a short last axis (a bias of a few channels) is repeated in memory first, so that
// the lines are long enough for vectors.
template <Binary F, class Out>
void zip_repeating(const Broadcast& s, const float* a, const float* b, Out* y, float p0) {
  constexpr int64_t SHORT = 64, TIMES = 64;
  const bool repeatsB = s.rank == 2 && s.strideB[0] == 0 && s.strideB[1] == 1 && s.strideA[0] == s.size[1];
  const bool repeatsA = s.rank == 2 && s.strideA[0] == 0 && s.strideA[1] == 1 && s.strideB[0] == s.size[1];
  if (!(repeatsA || repeatsB) || s.size[1] >= SHORT || s.size[0] < 2 * TIMES)
    return zip<F>(s, a, b, y, p0);
  float repeated[SHORT * TIMES];
  const int64_t period = s.size[1], wide = period * TIMES, rows = s.size[0] / TIMES;
  const float* once = repeatsB ? b : a;
  for (int64_t i = 0; i < wide; ++i) repeated[i] = once[i % period];
  Broadcast whole{2, {rows, wide}, {wide, 1}, {wide, 1}};
  (repeatsB ? whole.strideB : whole.strideA)[0] = 0;
  zip<F>(whole, repeatsB ? a : repeated, repeatsB ? repeated : b, y, p0);
  Broadcast rest = s;
  rest.size[0] = s.size[0] - rows * TIMES;
  const int64_t done = rows * wide;
  zip<F>(rest, repeatsB ? a + done : a, repeatsB ? b : b + done, y + done, p0);
}

using ZipFunction = void (*)(const Broadcast&, const float*, const float*, float*, float);
template <int F = 0>
ZipFunction zip_of(Binary f) {
  if constexpr (F < static_cast<int>(Binary::greater)) {
    if (static_cast<int>(f) == F) return zip_repeating<static_cast<Binary>(F), float>;
    return zip_of<F + 1>(f);
  } else {
    return nullptr;
  }
}
void binary(Binary f, const Broadcast& s, const float* a, const float* b, float* y, float p0) {
  zip_of(f)(s, a, b, y, p0);
}

using TestFunction = void (*)(const Broadcast&, const float*, const float*, uint8_t*, float);
template <int F = static_cast<int>(Binary::greater)>
TestFunction test_of(Binary f) {
  if constexpr (F < static_cast<int>(Binary::count)) {
    if (static_cast<int>(f) == F) return zip_repeating<static_cast<Binary>(F), uint8_t>;
    return test_of<F + 1>(f);
  } else {
    return nullptr;
  }
}
void compare(Binary f, const Broadcast& s, const float* a, const float* b, uint8_t* y) { test_of(f)(s, a, b, y, 0); }

void select(int64_t n, const uint8_t* condition, const float* a, const float* b, float* y) {
  parallel_range(n, GRAIN, [=](int64_t i, int64_t end) {
    for (; i + L <= end; i += L) {
      const ivec c = __builtin_convertvector(*reinterpret_cast<const loose_bytes*>(condition + i), ivec);
      store(y + i, c != 0 ? load(a + i) : load(b + i));
    }
    for (; i < end; ++i) y[i] = condition[i] ? a[i] : b[i];
  });
}

void adam(const srmcmc::Adam& a, int64_t n, const float* x, const float* gradient, const float* first,
          const float* second, float* nextX, float* nextFirst, float* nextSecond) {
  parallel_range(n, GRAIN, [=](int64_t i, int64_t end) {
    for (; i < end; i += L) {
      const int64_t m = smaller(L, end - i);
      const vec g = load_part(gradient + i, m);
      const vec one = load_part(first + i, m) * a.beta1 + g * a.rest1;
      const vec two = load_part(second + i, m) * a.beta2 + g * g * a.rest2;
      const vec scale = vsqrt(two) / a.secondCorrection + a.epsilon;
      store_part(nextX + i, load_part(x + i, m) - one / scale * a.stepSize, m);
      store_part(nextFirst + i, one, m);
      store_part(nextSecond + i, two, m);
    }
  });
}

}  // namespace
