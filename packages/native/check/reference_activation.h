// Activations and their derivatives in double precision.
#pragma once
#include <cmath>

#include "check.h"

namespace check {

using srmcmc::Activation;

/// `slope` is leakyRelu's, or the channel's of prelu.
inline double activate(Activation activation, double v, double slope) {
  switch (activation) {
    case Activation::relu: return v < 0 ? 0 : v;
    case Activation::relu6: return v < 0 ? 0 : v > 6 ? 6 : v;
    case Activation::elu: return v < 0 ? std::expm1(v) : v;
    case Activation::leakyRelu:
    case Activation::prelu: return v < 0 ? slope * v : v;
    case Activation::sigmoid: return 1 / (1 + std::exp(-v));
    case Activation::softplus: return std::fmax(v, 0) + std::log1p(std::exp(-std::fabs(v)));
    case Activation::swish: return v / (1 + std::exp(-v));
    case Activation::gelu: return v * 0.5 * std::erfc(-v * std::sqrt(0.5));
    case Activation::tanh: return std::tanh(v);
    default: return v;
  }
}

inline double derivative(Activation activation, double v, double slope) {
  const double sigmoid = 1 / (1 + std::exp(-v));
  switch (activation) {
    case Activation::relu: return v > 0 ? 1 : 0;
    case Activation::elu: return v > 0 ? 1 : std::exp(v);
    case Activation::leakyRelu: return v > 0 ? 1 : slope;
    case Activation::softplus: return sigmoid;
    case Activation::swish: return sigmoid * (1 + v * (1 - sigmoid));
    case Activation::gelu: {
      const double density = std::exp(-0.5 * v * v) / std::sqrt(2 * 3.14159265358979323846);
      return 0.5 * std::erfc(-v * std::sqrt(0.5)) + v * density;
    }
    case Activation::tanh: return 1 - std::tanh(v) * std::tanh(v);
    default: return 1;
  }
}

}  // namespace check
