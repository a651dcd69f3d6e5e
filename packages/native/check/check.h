// What a check is: a claim about the kernels of one instruction set, as a figure that must not exceed its bound.
#pragma once
#include <cmath>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "kernels.h"

namespace check {

using srmcmc::Kernels;

/// What was measured and the most it may be. A figure that is not a number is over any bound.
struct Figure {
  double value, bound;
};

/// The larger of two errors; one that is not a number is larger than any.
inline double worse(double worst, double error) {
  return error != error ? HUGE_VAL : error > worst ? error : worst;
}

struct Options {
  bool quick = false;           // shapes and draws for slow machines
  int64_t draws = 100'000'000;  // of the normal distribution's tests
};

struct Check {
  std::string name;
  std::function<Figure()> measure;
};
using Checks = std::vector<Check>;

/// What samples: the same functions exist in several precisions.
struct Sampler {
  /// The last has gradients in layers' inputs by minimal filtering, whose differences are rounded.
  enum Precision { float32, bfloat16, bfloat16Minimal };
  Precision precision;
  decltype(Kernels::shortRunLangevin) shortRunLangevin;
  decltype(Kernels::shortRunHmc) shortRunHmc;
  decltype(Kernels::valueAndGradient) valueAndGradient;
  decltype(Kernels::parameterGradient) parameterGradient;
};

/// What multiplies: likewise.
struct Multiplier {
  Sampler::Precision precision;
  decltype(Kernels::conv2d) conv2d;
  decltype(Kernels::conv2dInputGradient) conv2dInputGradient;
  decltype(Kernels::conv2dFilterGradient) conv2dFilterGradient;
  decltype(Kernels::matMul) matMul;
};

/// Whether operands are rounded to bfloat16 first, so that truth is of rounded operands: not those of few channels.
inline bool rounds(const Multiplier& multiplier, int64_t terms, int64_t outputs) {
  constexpr int64_t FEW = 16;
  return multiplier.precision != Sampler::float32 && terms >= FEW && outputs >= FEW;
}

void add_convolution(Checks&, const Options&, const Multiplier&);
void add_elementwise(Checks&, const Options&, const Kernels&);
void add_matrix_product(Checks&, const Options&, const Multiplier&);
void add_image_functions(Checks&, const Options&, const Kernels&);
void add_network(Checks&, const Options&, const Sampler&);
void add_parameter_gradient(Checks&, const Options&, const Sampler&);
void add_langevin(Checks&, const Options&, const Sampler&);
void add_hmc(Checks&, const Options&, const Sampler&);
void add_random_normal(Checks&, const Options&, const Kernels&);

/// Half the distance from 1 to the next float: the relative error of one rounding.
constexpr double ROUNDING = 0x1p-24;

}  // namespace check
