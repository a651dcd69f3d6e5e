// Convolutions and their two gradients, against truth in double precision.
#include <algorithm>

#include "check.h"
#include "convolution_shapes.h"
#include "data.h"
#include "reference_activation.h"
#include "reference_convolution.h"

namespace check {
namespace {

using srmcmc::Epilogue;

/// Whether minimal filtering may make it, in single precision: a filter, or a phase of its gradient in the input, has two
/// or three taps a step along both axes, or down alone where outputs are few and a position reads neighbours, or where
/// channels are. The gradient in a filter is made so of two taps alone.
bool is_even(const Multiplier& multiplier, Product product, const ConvShape& s) {
  constexpr int FEW_OUTPUTS = 8, FEW_CHANNELS = 16, FEW_IMAGES = 8;
  const int channels = product == forward ? s.inChannels : s.outChannels;
  const int outputs = product == forward ? s.outChannels : s.inChannels;
  const auto has = [&](int taps, int size, int stride) {
    return product != inputGradient ? size == taps * stride
                                    : size / stride == taps || (size + stride - 1) / stride == taps;
  };
  const auto minimal = [&](int taps) {
    const bool neighbours = product == inputGradient ||
                            (s.strideHeight == 1 && s.strideWidth == 1 && s.dilationHeight == 1 && s.dilationWidth == 1);
    const bool down = (neighbours && outputs <= FEW_OUTPUTS) || channels < FEW_CHANNELS;
    return has(taps, s.filterHeight, s.strideHeight) && (down || has(taps, s.filterWidth, s.strideWidth));
  };
  // In bfloat16 what fills no tiles is multiplied by the kernels of single precision.
  const bool isFloat32 =
      !rounds(multiplier, channels, outputs) || s.batch < FEW_IMAGES || s.padTop < 0 || s.padLeft < 0;
  if (product == filterGradient)
    return isFloat32 && has(2, s.filterHeight, s.strideHeight) && has(2, s.filterWidth, s.strideWidth);
  return isFloat32 && (minimal(2) || minimal(3));
}

/// Rounding errors of a sum of K terms of random sign stay near ROUNDING times the sum of their magnitudes, whatever
/// K; those of long sums of one sign grow with sqrt(K). Factors of a lower precision are further off than this. What
/// minimal filtering multiplies are sums of several numbers, of `even` shapes.
double bound_of(double terms, bool even) { return (even ? 6 : 4) + std::sqrt(terms) / 4; }

/// The largest error of the elements looked at, in ROUNDING times the sum of magnitudes, over its bound where `relative`.
struct Worst {
  double units = 0, terms = 0, relative = 0;
  bool even = false;
  void see(double actual, const Sum& sum, double magnitude) {
    const double scale = ROUNDING * magnitude;
    const double error = std::fabs(actual - sum.value);
    const double unit = error == 0 ? 0 : scale > 0 ? error / scale : INFINITY;
    units = worse(units, unit);
    terms = std::max(terms, static_cast<double>(sum.terms));
    const double share = unit / bound_of(static_cast<double>(sum.terms), even);
    relative = worse(relative, share);
  }
};

/// Looks at every element where that is affordable, else at the first, the last and some between. What minimal filtering
/// adds and takes away again is as large as its neighbours' sums, and so are its errors: hence `even` shapes are measured
/// by the largest sum of magnitudes.
template <class Truth>
void compare(Worst& worst, const Floats& actual, bool even, int64_t terms, int64_t budget, Random& random, Truth&& truth) {
  worst.even = even;
  const int64_t affordable = std::max<int64_t>(64, budget / std::max<int64_t>(1, terms));
  std::vector<std::pair<double, Sum>> seen;
  double largest = 0;
  for (int64_t i = 0; i < std::min(actual.size(), affordable); ++i) {
    const int64_t between = static_cast<int64_t>(random.bits() % static_cast<uint64_t>(actual.size()));
    const bool all = actual.size() <= affordable;
    const int64_t index = all || i < 16 ? i : i < 32 ? actual.size() - 1 - (i - 16) : between;
    seen.emplace_back(actual[index], truth(index));
    largest = std::max(largest, seen.back().second.magnitude);
  }
  for (const auto& [value, sum] : seen) worst.see(value, sum, even ? largest : sum.magnitude);
}

/// Operands, and what the products are to be of.
struct Operands {
  Floats x, filter, dy, trueX, trueFilter, trueDy;
  Operands(const Multiplier& multiplier, const ConvShape& s, Random& random)
      : x(uniform(random, input_size(s))), filter(uniform(random, filter_size(s))), dy(uniform(random, output_size(s))),
        trueX(x), trueFilter(filter), trueDy(dy) {
    if (!rounds(multiplier, s.inChannels, s.outChannels)) return;
    trueX = to_bfloat16(x);
    trueFilter = to_bfloat16(filter);
    trueDy = to_bfloat16(dy);
  }
};

void measure(const Multiplier& multiplier, Product product, const ConvShape& s, uint64_t seed, int64_t budget,
             Worst& worst) {
  Random random(seed);
  const Operands of(multiplier, s, random);
  const int64_t taps = int64_t{s.filterHeight} * s.filterWidth;
  // What was there before must not matter.
  if (product == forward) {
    Floats y = uniform(random, output_size(s));
    multiplier.conv2d(s, of.x.data(), of.filter.data(), y.data(), Epilogue{});
    compare(worst, y, is_even(multiplier, product, s), taps * s.inChannels, budget, random,
            [&](int64_t i) { return forward_element(s, of.trueX.data(), of.trueFilter.data(), i); });
  } else if (product == inputGradient) {
    Floats dx = uniform(random, input_size(s));
    multiplier.conv2dInputGradient(s, of.dy.data(), of.filter.data(), dx.data());
    compare(worst, dx, is_even(multiplier, product, s), taps * s.outChannels, budget, random,
            [&](int64_t i) { return input_gradient_element(s, of.trueDy.data(), of.trueFilter.data(), i); });
  } else {
    Floats dFilter = uniform(random, filter_size(s));
    multiplier.conv2dFilterGradient(s, of.x.data(), of.dy.data(), dFilter.data());
    compare(worst, dFilter, is_even(multiplier, product, s), output_size(s) / std::max(1, s.outChannels), budget, random,
            [&](int64_t i) { return filter_gradient_element(s, of.trueX.data(), of.trueDy.data(), i); });
  }
}

/// y = activation(sum + bias), its derivative where that is asked for, and the factors that stored numbers stand for. The
/// sum's error passes through, at a slope of at most 1.13.
double epilogue_error(const Multiplier& multiplier, Activation activation, const ConvShape& s) {
  const bool isFloat32 = multiplier.precision == Sampler::float32;
  Random random(11);
  const Operands of(multiplier, s, random);
  const Floats bias = uniform(random, s.outChannels), prelu = uniform(random, s.outChannels);
  const Floats stored = uniform(random, output_size(s));
  Floats y(output_size(s)), slopes(output_size(s));
  const bool takesStored = activation == Activation::leakyReluGradient || activation == Activation::timesStored;
  const bool hasDerivative = isFloat32 && (activation == Activation::elu || activation >= Activation::softplus);
  Epilogue e;
  e.bias = bias.data();
  e.activation = activation;
  e.alpha = 0.2f;
  e.prelu = activation == Activation::prelu ? prelu.data() : nullptr;
  e.stored = takesStored ? stored.data() : nullptr;
  e.derivative = hasDerivative && !takesStored ? slopes.data() : nullptr;
  multiplier.conv2d(s, of.x.data(), of.filter.data(), y.data(), e);
  double worst = 0;
  const auto see = [&](double actual, double truth, double magnitude) {
    const double error = std::fabs(actual - truth) / (ROUNDING * (magnitude + std::fabs(truth)));
    worst = worse(worst, error);
  };
  for (int64_t i = 0; i < y.size(); ++i) {
    const int64_t channel = i % s.outChannels;
    Sum sum = forward_element(s, of.trueX.data(), of.trueFilter.data(), i);
    sum.add(bias[channel], 1);
    const double slope = e.prelu ? prelu[channel] : e.alpha;
    if (activation == Activation::leakyReluGradient) see(y[i], sum.value * (stored[i] > 0 ? 1 : slope), sum.magnitude);
    else if (activation == Activation::timesStored) see(y[i], sum.value * stored[i], sum.magnitude);
    else see(y[i], activate(activation, sum.value, slope), sum.magnitude);
    if (e.derivative) see(slopes[i], derivative(activation, sum.value, slope), sum.magnitude);
  }
  return worst;
}

/// <dy, conv(x, w)> = <input gradient, x> = <filter gradient, w>: any element of the three that is wrong shows. The
/// difference in units of the products' rounding errors, which add up like steps of random sign.
double adjoint_error(const Multiplier& multiplier, const ConvShape& s) {
  Random random(12);
  const Operands of(multiplier, s, random);
  const Floats &x = of.trueX, &filter = of.trueFilter, &dy = of.trueDy;
  Floats y(output_size(s)), dx(input_size(s)), dFilter(filter_size(s));
  multiplier.conv2d(s, x.data(), filter.data(), y.data(), Epilogue{});
  multiplier.conv2dInputGradient(s, dy.data(), filter.data(), dx.data());
  multiplier.conv2dFilterGradient(s, x.data(), dy.data(), dFilter.data());
  double products[3] = {}, noise[3] = {};
  const Floats* pairs[3][2] = {{&dy, &y}, {&x, &dx}, {&filter, &dFilter}};
  for (int p = 0; p < 3; ++p)
    for (int64_t i = 0; i < pairs[p][0]->size(); ++i) {
      const double term = double{(*pairs[p][0])[i]} * (*pairs[p][1])[i];
      products[p] += term;
      noise[p] += term * term;
    }
  const double largest = std::max({products[0], products[1], products[2]});
  const double smallest = std::min({products[0], products[1], products[2]});
  return (largest - smallest) / (ROUNDING * std::sqrt(noise[0] + noise[1] + noise[2]));
}

/// Images that come out of a batch otherwise than alone.
double batch_differences(const Multiplier& multiplier, const Named& named, Product product) {
  double different = 0;
  for (const int batch : {2, 3, 8, 16, 25}) {
    Random random(5);
    ConvShape s = named.shape, one = named.shape;
    s.batch = batch;
    one.batch = 1;
    const Operands of(multiplier, s, random);
    const auto compute = [&](const ConvShape& shape, int64_t first, float* to) {
      if (product == forward)
        multiplier.conv2d(shape, of.x.data() + first * input_size(one), of.filter.data(), to, Epilogue{});
      else
        multiplier.conv2dInputGradient(shape, of.dy.data() + first * output_size(one), of.filter.data(), to);
    };
    const int64_t size = product == forward ? output_size(one) : input_size(one);
    Floats together(batch * size), alone(size);
    compute(s, 0, together.data());
    for (int64_t i = 0; i < batch; ++i) {
      compute(one, i, alone.data());
      different += !std::equal(alone.begin(), alone.end(), together.begin() + i * size);
    }
  }
  return different;
}

}  // namespace

void add_convolution(Checks& checks, const Options& options, const Multiplier& multiplier) {
  const int64_t budget = options.quick ? 200'000 : 20'000'000;
  for (const Product product : {forward, inputGradient, filterGradient}) {
    const auto add = [&](const Named& named) {
      if (product == inputGradient && (named.shape.dilationHeight != 1 || named.shape.dilationWidth != 1)) return;
      checks.push_back({"conv2d " + std::string(PRODUCTS[product]) + ": " + named.name, [=] {
                          Worst worst;
                          measure(multiplier, product, named.shape, 1, budget, worst);
                          return Figure{worst.units, bound_of(worst.terms, worst.even)};
                        }});
    };
    for (const Named& named : paper_layers(options.quick)) add(named);
    for (const Named& named : AWKWARD) add(named);
    const int shapes = options.quick ? 20 : 400;
    checks.push_back({"conv2d " + std::string(PRODUCTS[product]) + ": " + std::to_string(shapes) + " random shapes",
                      [=] {
                        Random random(2);
                        Worst worst;
                        for (int i = 0; i < shapes; ++i)
                          measure(multiplier, product, random_shape(random, product, static_cast<Shape>(i % 3)),
                                  random.bits(), budget / 10, worst);
                        return Figure{worst.relative, 1};
                      }});
  }
  // In bfloat16 few images fill no tiles, and are multiplied by the kernels of single precision.
  if (multiplier.precision == Sampler::float32)
    for (const Product product : {forward, inputGradient})
      for (const Named& named : {layer("3 to 32 channels, 28 px", 1, 28, 3, 32, 3, 1, 1),
                                 layer("3 to 18 channels, 30 px", 1, 30, 3, 18, 3, 1, 1),
                                 layer("18 to 3 channels, 30 px", 1, 30, 18, 3, 3, 1, 1),
                                 layer("17 to 20 channels, 14 px", 1, 14, 17, 20, 4, 2, 1),
                                 layer("7 to 20 channels, 14 px", 1, 14, 7, 20, 5, 1, 2)})
        checks.push_back({"conv2d " + std::string(PRODUCTS[product]) + ": images other than alone, " + named.name,
                          [=] { return Figure{batch_differences(multiplier, named, product), 0}; }});
  const std::pair<const char*, Activation> activations[] = {
      {"linear", Activation::linear},
      {"relu", Activation::relu},
      {"relu6", Activation::relu6},
      {"elu", Activation::elu},
      {"leakyRelu", Activation::leakyRelu},
      {"prelu", Activation::prelu},
      {"sigmoid", Activation::sigmoid},
      {"softplus", Activation::softplus},
      {"swish", Activation::swish},
      {"gelu", Activation::gelu},
      {"tanh", Activation::tanh},
      {"leakyRelu's gradient", Activation::leakyReluGradient},
      {"stored factors", Activation::timesStored},
  };
  for (const auto& [name, activation] : activations) {
    // Those of single precision alone are of networks, which are not made of these products in bfloat16.
    const bool isFloat32 = multiplier.precision == Sampler::float32;
    if (!isFloat32 && activation > Activation::sigmoid) continue;
    checks.push_back({std::string("conv2d with bias and activation: ") + name,
                      [=, activation = activation] {
                        const int batch = isFloat32 ? 5 : 21, channels = isFloat32 ? 9 : 20;
                        const ConvShape direct{batch, 6, 7, channels, 3, 4, 37, 3, 3, 2, 2, 1, 1, 1, 1};
                        const ConvShape even{batch, 6, 7, 20, 3, 3, 37, 4, 4, 2, 2, 1, 1, 1, 1};
                        double worst = worse(epilogue_error(multiplier, activation, direct),
                                             epilogue_error(multiplier, activation, even));
                        const ConvShape large{batch, 14, 22, 20, 7, 11, 37, 4, 4, 2, 2, 1, 1, 1, 1};
                        worst = worse(worst, epilogue_error(multiplier, activation, large));
                        const ConvShape few{batch, 7, 9, 3, 7, 9, 37, 3, 3, 1, 1, 1, 1, 1, 1};
                        if (isFloat32) worst = worse(worst, epilogue_error(multiplier, activation, few));
                        return Figure{worst, 6};
                      }});
  }
  for (const Named& named : paper_layers(options.quick))
    checks.push_back({"conv2d and gradients are adjoint: " + named.name,
                      [=] { return Figure{adjoint_error(multiplier, named.shape), 64}; }});
}

}  // namespace check
