// What becomes of a tile of sums [16 chains][32 channels]: a tile of activations, or of gradients.
#pragma once
#include "../activation.h"
#include "tiles.h"

namespace {

/// Calls body(offset, column) for each vector of a tile.
template <class Body>
INLINE void each_vector(Body&& body) {
  for (int row = 0; row < CHAINS; ++row)
    for (int column = 0; column < BLOCK; column += L) body(row * BLOCK + column, column);
}

/// Activations whose sign tells their derivative.
void finish_leaky(const float* sums, const float* bias, float slope, bf16* out) {
  const vec alpha = splat(slope);
  each_vector([&](int i, int column) {
    const vec x = load(sums + i) + load(bias + column);
    narrow(out + i, x < 0.f ? x * alpha : x);
  });
}

/// Others keep their derivative, as it is when the sum is still in single precision.
template <Activation ACTIVATION>
void finish_smooth(const float* sums, const float* bias, float slope, bf16* out, bf16* derivative) {
  each_vector([&](int i, int column) {
    const vec x = load(sums + i) + load(bias + column);
    const vec y = activate(x, ACTIVATION, slope, vec{});
    narrow(out + i, y);
    narrow(derivative + i, derivative_of(x, y, ACTIVATION, slope));
  });
}

using SmoothFinish = void (*)(const float*, const float*, float, bf16*, bf16*);
SmoothFinish smooth_finish(Activation activation) {
  switch (activation) {
    case Activation::elu: return finish_smooth<Activation::elu>;
    case Activation::softplus: return finish_smooth<Activation::softplus>;
    case Activation::swish: return finish_smooth<Activation::swish>;
    case Activation::gelu: return finish_smooth<Activation::gelu>;
    case Activation::tanh: return finish_smooth<Activation::tanh>;
    default: return finish_smooth<Activation::leakyRelu>;
  }
}

INLINE vec times_leaky_derivative(vec x, vec activation, vec slope) { return activation > 0.f ? x : x * slope; }

void finish_gradient_by_signs(const float* sums, const bf16* activation, float slope, bf16* out) {
  const vec alpha = splat(slope);
  each_vector([&](int i, int) {
    narrow(out + i, times_leaky_derivative(load(sums + i), widen(activation + i), alpha));
  });
}

void finish_gradient(const float* sums, const bf16* derivative, bf16* out) {
  each_vector([&](int i, int) { narrow(out + i, load(sums + i) * widen(derivative + i)); });
}

}  // namespace
