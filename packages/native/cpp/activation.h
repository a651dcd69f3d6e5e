// The activations of networks, and their derivatives.
#pragma once
#include "elementary.h"
#include "kernels.h"

namespace {

using srmcmc::Activation;

/// The standard normal distribution function.
INLINE vec normal_distribution(vec x) { return 0.5f + 0.5f * verf(x * 0.707106781186547524f); }

/// `operand` is the slope of prelu, or the epilogue's `stored`.
INLINE vec activate(vec x, Activation activation, float alpha, vec operand) {
  switch (activation) {
    case Activation::linear: return x;
    case Activation::relu: return x < 0.f ? vec{} : x;
    case Activation::relu6: return x < 0.f ? vec{} : x > 6.f ? splat(6.f) : x;
    case Activation::elu: return velu(x);
    case Activation::leakyRelu: return x < 0.f ? x * alpha : x;
    case Activation::prelu: return x < 0.f ? x * operand : x;
    case Activation::sigmoid: return vsigmoid(x);
    case Activation::softplus: return vsoftplus(x);
    case Activation::swish: return x * vsigmoid(x);
    case Activation::gelu: return x * normal_distribution(x);
    case Activation::tanh: return vtanh(x);
    case Activation::leakyReluGradient: return operand > 0.f ? x : x * alpha;
    case Activation::timesStored: return x * operand;
  }
  return x;
}

/// activation'(x), where y = activation(x) is known.
INLINE vec derivative_of(vec x, vec y, Activation activation, float alpha) {
  const vec one = splat(1.f);
  switch (activation) {
    case Activation::relu: return x > 0.f ? one : vec{};
    case Activation::elu: return x > 0.f ? one : y + 1.f;
    case Activation::leakyRelu: return x > 0.f ? one : splat(alpha);
    case Activation::softplus: return vsigmoid(x);
    case Activation::swish: {
      const vec gate = vsigmoid(x);
      return gate * (1.f + x * (1.f - gate));
    }
    case Activation::gelu: {
      constexpr float PEAK = 0.398942280401432678f;  // of the normal density
      return normal_distribution(x) + x * (PEAK * vexp(-0.5f * x * x));
    }
    case Activation::tanh: return 1.f - y * y;
    default: return one;
  }
}

}  // namespace
