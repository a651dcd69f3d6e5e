// Functions of one and two tensors, comparisons, select and reductions, against the mathematics library's doubles.
#include <algorithm>
#include <cmath>

#include "check.h"
#include "data.h"

namespace check {
namespace {

using srmcmc::Binary;
using srmcmc::Broadcast;
using srmcmc::Reduction;
using srmcmc::Unary;

/// |actual - truth| in units of the rounding of truth; the same special values count as no error.
double units(float actual, double truth) {
  if (std::isnan(truth)) return std::isnan(actual) ? 0 : INFINITY;
  if (static_cast<double>(static_cast<float>(truth)) == actual) return 0;
  // Below the normal range a result may be a few of the smallest steps off.
  return std::fabs(actual - truth) / std::max(ROUNDING * std::fabs(truth), 0x1p-149);
}

constexpr float P0 = -0.5f, P1 = 0.75f;

double truth_of(Unary f, double x) {
  switch (f) {
    case Unary::neg: return -x;
    case Unary::abs: return std::fabs(x);
    case Unary::square: return x * x;
    case Unary::sqrt: return std::sqrt(x);
    case Unary::rsqrt: return 1 / std::sqrt(x);
    case Unary::reciprocal: return 1 / x;
    case Unary::exp: return std::exp(x);
    case Unary::log: return std::log(x);
    case Unary::tanh: return std::tanh(x);
    case Unary::sigmoid: return 1 / (1 + std::exp(-x));
    case Unary::softplus: return std::max(x, 0.0) + std::log1p(std::exp(-std::fabs(x)));
    case Unary::relu: return x < 0 ? 0 : x;
    case Unary::relu6: return x < 0 ? 0 : x > 6 ? 6 : x;
    case Unary::leakyRelu: return x < 0 ? x * P0 : x;
    case Unary::elu: return x >= 0 ? x : std::expm1(x);
    case Unary::step: return std::isnan(x) ? x : x > 0 ? 1 : double{P0};
    case Unary::clip: return x > P1 ? double{P1} : x < P0 ? double{P0} : x;
    case Unary::copy: return x;
    case Unary::count: break;
  }
  return NAN;
}

double unary_error(const Kernels& kernels, Unary f, int64_t size) {
  Random random(31);
  Floats x(size), y(size);
  for (int64_t i = 0; i < size; ++i) {
    // All magnitudes for what takes them, the range where something happens for the rest.
    const double sign = random.bits() & 1 ? -1 : 1;
    const bool positive = f == Unary::sqrt || f == Unary::rsqrt || f == Unary::log;
    const bool wide = positive || f == Unary::reciprocal;
    const double value = wide ? std::exp(random.between(-80, 80)) : random.between(0, 20);
    x[i] = static_cast<float>(positive ? value : sign * value);
  }
  const float special[] = {0.f, -0.f, 1.f, NAN, INFINITY, -INFINITY};
  std::copy(special, special + std::min<int64_t>(size, 6), x.begin());
  kernels.unary(f, size, x.data(), y.data(), P0, P1);
  double worst = 0;
  for (int64_t i = 0; i < size; ++i) {
    const double error = units(y[i], truth_of(f, x[i]));
    worst = worse(worst, error);
  }
  return worst;
}

constexpr float SLOPE = 0.2f;

double truth_of(Binary f, double a, double b) {
  switch (f) {
    case Binary::add: return a + b;
    case Binary::sub: return a - b;
    case Binary::mul: return a * b;
    case Binary::div: return a / b;
    case Binary::maximum: return std::isnan(a) || a >= b ? a : b;
    case Binary::minimum: return std::isnan(a) || a <= b ? a : b;
    case Binary::squaredDifference: {
      const double difference = static_cast<float>(a - b);
      return difference * difference;
    }
    case Binary::prelu: return a < 0 ? a * b : a;
    case Binary::eluGrad: return b >= 0 ? a : a * static_cast<float>(b + 1);
    case Binary::leakyReluGrad: return b > 0 ? a : a * SLOPE;
    case Binary::greater: return a > b;
    case Binary::greaterEqual: return a >= b;
    case Binary::less: return a < b;
    case Binary::lessEqual: return a <= b;
    case Binary::equal: return a == b;
    case Binary::notEqual: return a != b;
    case Binary::count: break;
  }
  return NAN;
}

/// Over shapes that repeat neither, one or both operands, along long and short axes.
double binary_error(const Kernels& kernels, Binary f, bool quick) {
  const Broadcast shapes[] = {
      {0, {}, {}, {}},
      {1, {1003}, {1}, {1}},
      {1, {1003}, {0}, {1}},
      {2, {quick ? 300 : 3000, 7}, {7, 1}, {0, 1}},
      {2, {quick ? 300 : 3000, 7}, {0, 1}, {7, 1}},
      {3, {4, 30, 11}, {0, 11, 1}, {1, 0, 0}},
      {4, {3, 1, 5, 9}, {45, 45, 9, 1}, {0, 0, 9, 1}},
  };
  Random random(32);
  double worst = 0;
  for (const Broadcast& s : shapes) {
    int64_t total = 1, extentA = 1, extentB = 1;
    for (int i = 0; i < s.rank; ++i) {
      total *= s.size[i];
      extentA += (s.size[i] - 1) * s.strideA[i];
      extentB += (s.size[i] - 1) * s.strideB[i];
    }
    const Floats a = uniform(random, extentA), b = uniform(random, extentB);
    // Equal pairs, for the comparisons.
    if (extentA == extentB) std::copy(a.begin(), a.begin() + extentA / 2, b.begin());
    Floats y(total);
    Buffer<uint8_t> holds(total);
    if (srmcmc::is_comparison(f)) kernels.compare(f, s, a.data(), b.data(), holds.data());
    else kernels.binary(f, s, a.data(), b.data(), y.data(), SLOPE);
    for (int64_t i = 0; i < total; ++i) {
      int64_t ia = 0, ib = 0, rest = i;
      for (int axis = s.rank - 1; axis >= 0; rest /= s.size[axis--]) {
        ia += rest % s.size[axis] * s.strideA[axis];
        ib += rest % s.size[axis] * s.strideB[axis];
      }
      const float actual = srmcmc::is_comparison(f) ? static_cast<float>(holds[i]) : y[i];
      const double error = units(actual, truth_of(f, a[ia], b[ib]));
      worst = worse(worst, error);
    }
  }
  return worst;
}

double select_error(const Kernels& kernels) {
  double worst = 0;
  for (const int64_t size : {0, 1, 15, 16, 1003}) {
    Random random(33);
    const Floats a = uniform(random, size), b = uniform(random, size);
    Floats y(size);
    Buffer<uint8_t> condition(size);
    for (uint8_t& c : condition) c = static_cast<uint8_t>(random.integer(0, 2));
    kernels.select(size, condition.data(), a.data(), b.data(), y.data());
    for (int64_t i = 0; i < size; ++i) worst += y[i] != (condition[i] ? a[i] : b[i]);
  }
  return worst;
}

double adam_error(const Kernels& kernels) {
  double worst = 0;
  for (const int64_t size : {0, 1, 15, 16, 40'003}) {
    Random random(35);
    const Floats x = uniform(random, size), g = uniform(random, size), m = uniform(random, size),
                 v = uniform(random, size, 0, 1);
    Floats nextX(size), first(size), second(size);
    const srmcmc::Adam a{0.9f, 0.1f, 0.999f, 0.001f, 0.01f, 0.7f, 1e-8f};
    kernels.adam(a, size, x.data(), g.data(), m.data(), v.data(), nextX.data(), first.data(), second.data());
    for (int64_t i = 0; i < size; ++i) {
      const double one = double{m[i]} * a.beta1 + double{g[i]} * a.rest1;
      const double two = double{v[i]} * a.beta2 + double{g[i]} * g[i] * a.rest2;
      const double rate = a.stepSize / (std::sqrt(two) / a.secondCorrection + a.epsilon);
      const double terms = std::fabs(double{m[i]}) * a.beta1 + std::fabs(double{g[i]}) * a.rest1;
      // In roundings of the terms' magnitudes, for terms of opposite signs may leave little.
      const auto error = [](double actual, double truth, double magnitude) {
        return std::fabs(actual - truth) / (ROUNDING * std::max(magnitude, 1e-30));
      };
      worst = worse(worst, error(first[i], one, terms));
      worst = worse(worst, error(second[i], two, two));
      worst = worse(worst, error(nextX[i], x[i] - rate * one, std::fabs(double{x[i]}) + rate * terms));
    }
  }
  return worst;
}

double reduction_error(const Kernels& kernels, Reduction r, bool quick) {
  const srmcmc::ReduceShape shapes[] = {
      {1, quick ? 20'003 : 1'000'003, 1, 0.25f}, {37, 501, 1, 1}, {1, 20'000, 33, 0.5f}, {5, 3, 70, 1}, {4, 1, 1, 2}};
  Random random(34);
  double worst = 0;
  for (const auto& s : shapes) {
    const Floats x = uniform(random, s.outer * s.length * s.inner, 0, 2);
    Floats y(s.outer * s.inner);
    kernels.reduce(r, s, x.data(), y.data());
    for (int64_t i = 0; i < y.size(); ++i) {
      const float* column = x.data() + i / s.inner * s.length * s.inner + i % s.inner;
      double truth = column[0];
      for (int64_t k = 1; k < s.length; ++k) {
        const double value = column[k * s.inner];
        truth = r == Reduction::sum ? truth + value : r == Reduction::max ? std::max(truth, value) : std::min(truth, value);
      }
      const double error = units(y[i], truth * static_cast<double>(s.scale));
      worst = worse(worst, error);
    }
  }
  return worst;
}

}  // namespace

void add_elementwise(Checks& checks, const Options& options, const Kernels& kernels) {
  const char* const unary[] = {"neg",     "abs",      "square", "sqrt",  "rsqrt",     "reciprocal", "exp",  "log",  "tanh",
                               "sigmoid", "softplus", "relu",   "relu6", "leakyRelu", "elu",        "step", "clip", "copy"};
  const int64_t size = options.quick ? 5003 : 1'000'003;
  for (int i = 0; i < static_cast<int>(Unary::count); ++i)
    checks.push_back({std::string("unary ") + unary[i], [=, &kernels] {
                        return Figure{unary_error(kernels, static_cast<Unary>(i), size), 6};
                      }});
  const char* const binary[] = {"add",     "sub",           "mul",     "div",          "maximum", "minimum",
                                "squaredDifference", "prelu", "eluGrad", "leakyReluGrad", "greater", "greaterEqual",
                                "less",    "lessEqual",     "equal",   "notEqual"};
  for (int i = 0; i < static_cast<int>(Binary::count); ++i)
    checks.push_back({std::string(i < static_cast<int>(Binary::greater) ? "binary " : "compare ") + binary[i],
                      [=, &kernels, quick = options.quick] {
                        return Figure{binary_error(kernels, static_cast<Binary>(i), quick), 2};
                      }});
  checks.push_back({"select", [&kernels] { return Figure{select_error(kernels), 0}; }});
  checks.push_back({"adam", [&kernels] { return Figure{adam_error(kernels), 4}; }});
  const char* const reductions[] = {"sum", "max", "min"};
  for (int i = 0; i < 3; ++i)
    checks.push_back({std::string("reduce ") + reductions[i], [=, &kernels, quick = options.quick] {
                        return Figure{reduction_error(kernels, static_cast<Reduction>(i), quick), i == 0 ? 8.0 : 0.0};
                      }});
}

}  // namespace check
