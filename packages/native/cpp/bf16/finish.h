// What becomes of a tile of sums [16 chains][32 channels]: a tile of activations, or of gradients.
#pragma once
#include "../activation.h"
#include "tiles.h"

namespace {

/// Calls body(offset, column) for each two vectors of a tile's first rows.
template <class Body>
INLINE void each_two_vectors(int rows, Body&& body) {
  for (int row = 0; row < rows; ++row)
    for (int column = 0; column < BLOCK; column += 2 * L) body(row * BLOCK + column, column);
}

/// LeakyReLU whose result's sign tells its derivative: what is not positive becomes negative, be it -0.
INLINE vec signed_leaky(vec x, vec slope) {
#if LANES == 16 && defined(__AVX512F__)
  // What becomes of x by its kind, from the last digit on: NaN twice, 0, 1, -inf, inf, negative and positive numbers;
  // 0 is x * slope, 1 is x, 2 is NaN and 7 is -0.
  const __m512i responses = _mm512_set1_epi32(0x10101722);
  return reinterpret_cast<vec>(_mm512_fixupimm_ps(reinterpret_cast<__m512>(x * slope), reinterpret_cast<__m512>(x),
                                                  responses, 0));
#else
  const vec low = reinterpret_cast<vec>(reinterpret_cast<uvec>(x * slope) | 0x80000000u);
  return x > 0.f ? x : low;
#endif
}

void finish_by_sign(int rows, const float* sums, float slope, bf16* out) {
  const vec alpha = splat(slope);
  each_two_vectors(rows, [&](int i, int) {
    narrow_two(out + i, signed_leaky(load(sums + i), alpha), signed_leaky(load(sums + i + L), alpha));
  });
}

/// Other activations keep their derivative, as it is when the sum is still in single precision.
template <Activation ACTIVATION>
void finish_smooth(int rows, const float* sums, float slope, bf16* out, bf16* derivative) {
  for (int i = 0; i < rows * BLOCK; i += L) {
    const vec x = load(sums + i);
    const vec y = activate(x, ACTIVATION, slope, vec{});
    narrow(out + i, y);
    narrow(derivative + i, derivative_of(x, y, ACTIVATION, slope));
  }
}

using SmoothFinish = void (*)(int, const float*, float, bf16*, bf16*);
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

/// Two vectors of gradients in the place of activations, whose signs tell the derivative.
INLINE void gradient_by_sign(vec x, vec y, vec slope, bf16* activation) {
  scale_where_negative(activation, slope, &x, &y);
  narrow_two(activation, x, y);
}
/// Two vectors of gradients, of which the derivatives were kept.
INLINE void gradient_by_derivative(vec x, vec y, const bf16* derivative, bf16* out) {
  narrow_two(out, x * widen(derivative), y * widen(derivative + L));
}

}  // namespace
