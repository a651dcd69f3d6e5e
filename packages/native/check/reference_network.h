// A negative energy in double precision: convolutions one after the other, by their definition, and the chain rule.
#pragma once
#include <algorithm>
#include <cmath>
#include <vector>

#include "check.h"
#include "data.h"
#include "reference_activation.h"

namespace check {

using srmcmc::ConvShape;

struct Layer {
  int kernel, stride, pad, outChannels;
};

/// A network of square layers with weights that keep activations and gradients of order 1.
class ReferenceNetwork {
 public:
  ReferenceNetwork(int height, int width, int channels, const std::vector<Layer>& layers, Activation activation,
                   uint64_t seed)
      : activation_(activation) {
    Random random(seed);
    for (const Layer& layer : layers) {
      const int outHeight = (height + 2 * layer.pad - layer.kernel) / layer.stride + 1;
      const int outWidth = (width + 2 * layer.pad - layer.kernel) / layer.stride + 1;
      shapes_.push_back({1, height, width, channels, outHeight, outWidth, layer.outChannels, layer.kernel, layer.kernel,
                         layer.stride, layer.stride, 1, 1, layer.pad, layer.pad});
      const int terms = layer.kernel * layer.kernel * channels;
      const double bound = std::sqrt(3.0 / terms);
      filters_.push_back(uniform(random, int64_t{terms} * layer.outChannels, -bound, bound));
      biases_.push_back(uniform(random, layer.outChannels, -0.1, 0.1));
      height = outHeight;
      width = outWidth;
      channels = layer.outChannels;
    }
  }

  srmcmc::Network network() const {
    srmcmc::Network f{};
    f.layers = static_cast<int>(shapes_.size());
    f.activation = activation_;
    f.slope = slope();
    for (size_t l = 0; l < shapes_.size(); ++l) {
      f.shapes[l] = shapes_[l];
      f.filters[l] = filters_[l].data();
      f.biases[l] = biases_[l].data();
    }
    return f;
  }

  int64_t event() const { return int64_t{shapes_[0].inHeight} * shapes_[0].inWidth * shapes_[0].inChannels; }

  /// Multiplies each layer's filter by `factor`, and its bias by what that makes of its input's scale: f is multiplied
  /// by factor^layers where the activation is homogeneous.
  void scale(double factor) {
    double all = 1;
    for (size_t l = 0; l < shapes_.size(); ++l) {
      all *= factor;
      for (float& weight : filters_[l]) weight = static_cast<float>(weight * factor);
      for (float& bias : biases_[l]) bias = static_cast<float>(bias * all);
    }
  }

  struct Evaluation {
    double value = 0;
    std::vector<double> gradient;
    /// What |f| and the norm of f' would be, were the signs of their sums' terms random: errors are relative to these, for
    /// the value itself may happen to be near zero.
    double valueScale = 0, gradientScale = 0;
    /// The smallest |sum| that an activation sees, relative to the root mean square of its layer's.
    double margin = 1;
  };

  /// f and weight * f' at x. With bfloat16, weights, activations and the gradients between layers are rounded to it, with
  /// bfloat16Minimal also as minimal_backward() says. Where `parameters` are given, weight * f's gradient in each layer's
  /// filter and bias is added to them.
  Evaluation evaluate(const std::vector<double>& x, Sampler::Precision precision = Sampler::float32, double weight = 1,
                      std::vector<std::vector<double>>* parameters = nullptr) const {
    const size_t layers = shapes_.size();
    const bool rounds = precision != Sampler::float32;
    const auto round_all = [&](std::vector<double> v) {
      if (rounds)
        for (double& element : v) element = to_bfloat16(element);
      return v;
    };
    std::vector<std::vector<double>> filters, sums(layers), inputs{round_all(x)};
    for (const Floats& filter : filters_) filters.push_back(round_all({filter.begin(), filter.end()}));
    Evaluation result;
    for (size_t l = 0; l < layers; ++l) {
      sums[l] = forward(shapes_[l], inputs[l], filters[l], biases_[l], &result.valueScale);
      std::vector<double> next = sums[l];
      if (l + 1 == layers) break;
      double squares = 0, smallest = INFINITY;
      for (double& v : next) {
        squares += v * v;
        smallest = std::fmin(smallest, std::fabs(v));
        v = activate(activation_, v, slope());
      }
      result.margin = std::fmin(result.margin, smallest / std::sqrt(squares / static_cast<double>(next.size())));
      inputs.push_back(round_all(std::move(next)));
    }
    result.value = sums.back()[0];
    std::vector<double> dy{weight};
    for (size_t l = layers; l-- > 0;) {
      if (parameters) add_gradient(shapes_[l], inputs[l], dy, &(*parameters)[2 * l], &(*parameters)[2 * l + 1]);
      std::vector<double> dx = backward(shapes_[l], dy, filters[l], &result.gradientScale);
      if (precision == Sampler::bfloat16Minimal && l > 0 && l + 1 < layers && halves(shapes_[l]))
        dx = minimal_backward(shapes_[l], dy, filters_[l], to_bfloat16);
      if (l > 0)
        for (size_t i = 0; i < dx.size(); ++i) dx[i] *= derivative(activation_, sums[l - 1][i], slope());
      dy = l > 0 ? round_all(std::move(dx)) : std::move(dx);
    }
    result.gradient = std::move(dy);
    return result;
  }

  /// Zeros for each layer's filter and bias.
  std::vector<std::vector<double>> parameters() const {
    std::vector<std::vector<double>> zeros;
    for (size_t l = 0; l < shapes_.size(); ++l) {
      zeros.emplace_back(filters_[l].size());
      zeros.emplace_back(biases_[l].size());
    }
    return zeros;
  }

  /// How far minimal_backward without rounding is from backward(), at most, with a layer's filter and any gradient.
  double minimal_backward_error(size_t l) const {
    const ConvShape& s = shapes_[l];
    Random random(65);
    const Floats dy = uniform(random, int64_t{s.outHeight} * s.outWidth * s.outChannels);
    const std::vector<double> gradient(dy.begin(), dy.end()), filter(filters_[l].begin(), filters_[l].end());
    double scale, worst = 0;
    const auto direct = backward(s, gradient, filter, &scale);
    const auto minimal = minimal_backward(s, gradient, filters_[l], [](double v) { return v; });
    for (size_t i = 0; i < direct.size(); ++i) worst = worse(worst, std::fabs(minimal[i] - direct[i]));
    return worst;
  }

  bool is_piecewise_linear() const { return activation_ == Activation::relu || activation_ == Activation::leakyRelu; }

 private:
  float slope() const { return activation_ == Activation::leakyRelu ? 0.2f : 0.f; }

  /// Calls body(output position, input position, tap) for each pair of positions that a tap joins.
  template <class Body>
  static void each_pair(const ConvShape& s, Body&& body) {
    for (int oy = 0; oy < s.outHeight; ++oy)
      for (int ox = 0; ox < s.outWidth; ++ox)
        for (int ky = 0; ky < s.filterHeight; ++ky)
          for (int kx = 0; kx < s.filterWidth; ++kx) {
            const int iy = oy * s.strideHeight - s.padTop + ky, ix = ox * s.strideWidth - s.padLeft + kx;
            if (iy < 0 || iy >= s.inHeight || ix < 0 || ix >= s.inWidth) continue;
            body(static_cast<size_t>(oy * s.outWidth + ox), static_cast<size_t>(iy * s.inWidth + ix),
                 static_cast<size_t>(ky * s.filterWidth + kx));
          }
  }

  /// *scale becomes the root of the sum of all terms' squares, here and below.
  static std::vector<double> forward(const ConvShape& s, const std::vector<double>& x, const std::vector<double>& filter,
                                     const Floats& bias, double* scale) {
    const auto in = static_cast<size_t>(s.inChannels), out = static_cast<size_t>(s.outChannels);
    std::vector<double> y;
    for (int i = 0; i < s.outHeight * s.outWidth; ++i) y.insert(y.end(), bias.begin(), bias.end());
    double squares = 0;
    each_pair(s, [&](size_t to, size_t from, size_t tap) {
      for (size_t c = 0; c < in; ++c) {
        const double v = x[from * in + c];
        const double* weights = &filter[(tap * in + c) * out];
        for (size_t o = 0; o < out; ++o) {
          const double term = v * weights[o];
          y[to * out + o] += term;
          squares += term * term;
        }
      }
    });
    *scale = std::sqrt(squares);
    return y;
  }

  static std::vector<double> backward(const ConvShape& s, const std::vector<double>& dy,
                                      const std::vector<double>& filter, double* scale) {
    const auto in = static_cast<size_t>(s.inChannels), out = static_cast<size_t>(s.outChannels);
    std::vector<double> dx(static_cast<size_t>(s.inHeight * s.inWidth) * in);
    double squares = 0;
    each_pair(s, [&](size_t to, size_t from, size_t tap) {
      for (size_t c = 0; c < in; ++c) {
        const double* weights = &filter[(tap * in + c) * out];
        double sum = 0;
        for (size_t o = 0; o < out; ++o) {
          const double term = dy[to * out + o] * weights[o];
          sum += term;
          squares += term * term;
        }
        dx[from * in + c] += sum;
      }
    });
    *scale = std::sqrt(squares);
    return dx;
  }

  /// Where gradients are made by minimal filtering: 4 x 4 taps of stride 2 make half a picture, of even sides.
  static bool halves(const ConvShape& s) {
    const auto side = [](int in, int out, int filter, int stride, int pad) {
      return filter == 4 && stride == 2 && pad == 1 && in == 2 * out && out % 2 == 0;
    };
    return s.outHeight * s.outWidth > 4 && side(s.inHeight, s.outHeight, s.filterHeight, s.strideHeight, s.padTop) &&
           side(s.inWidth, s.outWidth, s.filterWidth, s.strideWidth, s.padLeft);
  }

  /// backward() by four of the nine products that a square of four pixels of a phase, two apart, has: of differences of
  /// neighbours, and of sums of weights, both as `round` makes them.
  static std::vector<double> minimal_backward(const ConvShape& s, const std::vector<double>& dy, const Floats& filter,
                                              double (*round)(double)) {
    const auto in = static_cast<size_t>(s.inChannels), out = static_cast<size_t>(s.outChannels);
    const auto dy_at = [&](int y, int x, size_t o) {
      const bool inside = y >= 0 && y < s.outHeight && x >= 0 && x < s.outWidth;
      return inside ? dy[static_cast<size_t>(y * s.outWidth + x) * out + o] : 0;
    };
    // Of three neighbours and of two taps: what product `plane` along an axis multiplies.
    const auto difference = [](int plane, auto&& at) {
      return plane == 0 ? at(0) - at(1) : plane == 1 ? at(1) : at(1) - at(2);
    };
    const auto sum = [](int plane, auto&& at) { return plane == 0 ? at(0) : plane == 1 ? at(0) + at(1) : at(1); };
    std::vector<double> dx(static_cast<size_t>(s.inHeight * s.inWidth) * in);
    for (int iy = 0; iy < s.inHeight; ++iy)
      for (int ix = 0; ix < s.inWidth; ++ix)
        for (const int planeY : {iy / 2 % 2, iy / 2 % 2 + 1})
          for (const int planeX : {ix / 2 % 2, ix / 2 % 2 + 1}) {
            const int y = iy / 4 * 2 + iy % 2 - 1, x = ix / 4 * 2 + ix % 2 - 1;
            const double sign = (planeY == 2) == (planeX == 2) ? 1 : -1;
            for (size_t o = 0; o < out; ++o) {
              const double term = sign * round(difference(planeY, [&](int i) {
                return difference(planeX, [&](int j) { return dy_at(y + i, x + j, o); });
              }));
              for (size_t c = 0; c < in; ++c) {
                const double weight = sum(planeY, [&](int i) {
                  return sum(planeX, [&](int j) {
                    const int tap = (3 - iy % 2 - 2 * i) * 4 + 3 - ix % 2 - 2 * j;
                    return double{filter[static_cast<int64_t>((static_cast<size_t>(tap) * in + c) * out + o)]};
                  });
                });
                dx[static_cast<size_t>(iy * s.inWidth + ix) * in + c] += term * round(weight);
              }
            }
          }
    return dx;
  }

  static void add_gradient(const ConvShape& s, const std::vector<double>& x, const std::vector<double>& dy,
                           std::vector<double>* filter, std::vector<double>* bias) {
    const auto in = static_cast<size_t>(s.inChannels), out = static_cast<size_t>(s.outChannels);
    for (size_t i = 0; i < dy.size(); ++i) (*bias)[i % out] += dy[i];
    each_pair(s, [&](size_t to, size_t from, size_t tap) {
      for (size_t c = 0; c < in; ++c) {
        double* sums = &(*filter)[(tap * in + c) * out];
        for (size_t o = 0; o < out; ++o) sums[o] += x[from * in + c] * dy[to * out + o];
      }
    });
  }

  Activation activation_;
  std::vector<ConvShape> shapes_;
  std::vector<Floats> filters_, biases_;
};

/// Images at which no sum is so near zero that its sign, and with it the derivative, depends on rounding.
inline Floats decided_images(const ReferenceNetwork& f, int64_t images, Sampler::Precision precision) {
  Random random(61);
  const int64_t event = f.event();
  Floats x(images * event);
  for (int64_t i = 0; i < images; ++i)
    for (int attempt = 0; attempt < 20; ++attempt) {
      const Floats image = uniform(random, event);
      std::copy(image.begin(), image.end(), x.data() + i * event);
      if (!f.is_piecewise_linear() || precision != Sampler::float32) break;
      if (f.evaluate({image.begin(), image.end()}).margin > 4e-6) break;
    }
  return x;
}

/// The networks of Nijkamp et al. 2019, section 7.4: 3 x 3, then 4 x 4 of stride 2, then all that is left.
inline ReferenceNetwork paper_network(int side, int colours, const std::vector<int>& channels,
                                      Activation activation = Activation::leakyRelu) {
  std::vector<Layer> layers;
  int left = side;
  for (size_t i = 0; i < channels.size(); ++i) {
    layers.push_back(i == 0 ? Layer{3, 1, 1, channels[i]} : Layer{4, 2, 1, channels[i]});
    if (i > 0) left = (left + 2 - 4) / 2 + 1;
  }
  layers.push_back({left, 1, 0, 1});
  return ReferenceNetwork(side, side, colours, layers, activation, 51);
}

/// Its third layer has too many weights to read them for every few images, as the first two may.
inline ReferenceNetwork deep_network(Activation activation) {
  return ReferenceNetwork(16, 16, 3, {{3, 1, 1, 16}, {4, 2, 1, 20}, {8, 1, 0, 1900}, {1, 1, 0, 1}}, activation, 54);
}
/// Images of it that each of one to four threads takes in groups of several parts; on AMD, that is.
constexpr int64_t IN_PARTS = 60;

}  // namespace check
