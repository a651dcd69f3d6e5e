// A negative energy and its gradient, on groups of images that fit no tile and weights of any size.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "reference_network.h"
#include "thread_pool.h"

namespace check {
namespace {

/// Relative errors in the Euclidean norm. Rounding to 24 bits in each of five layers costs some 1e-6. With bfloat16 the truth is
/// rounded at the same places; what is left are sums that round to a neighbour, and signs that flip.
double gradient_bound(Sampler::Precision precision) { return precision == Sampler::float32 ? 6e-6 : 6e-2; }

/// The worst image's error of f or f', the larger.
double error_of(const Sampler& sampler, const ReferenceNetwork& f, int64_t images) {
  const int64_t event = f.event();
  const Floats x = decided_images(f, images, sampler.precision);
  Floats value(images), gradient(images * event);
  sampler.valueAndGradient(f.network(), images, x.data(), value.data(), gradient.data());
  double worst = 0;
  for (int64_t i = 0; i < images; ++i) {
    const float* image = x.data() + i * event;
    const auto truth = f.evaluate({image, image + event}, sampler.precision);
    double wrong = 0;
    for (int64_t k = 0; k < event; ++k) {
      const double d = gradient[i * event + k] - truth.gradient[static_cast<size_t>(k)];
      wrong += d * d;
    }
    for (const double error : {std::fabs(value[i] - truth.value) / truth.valueScale, std::sqrt(wrong) / truth.gradientScale})
      worst = worse(worst, error);
  }
  return worst;
}

struct Case {
  std::string name;
  ReferenceNetwork network;
  int64_t images;
};

ReferenceNetwork perceptron() {
  return ReferenceNetwork(1, 1, 2, {{1, 1, 0, 100}, {1, 1, 0, 37}, {1, 1, 0, 1}}, Activation::leakyRelu, 52);
}

/// A picture that is not square, halved to even sides, or to an odd one.
ReferenceNetwork oblong(int height, int width, Layer last) {
  const std::vector<Layer> layers{{3, 1, 1, 5}, {4, 2, 1, 37}, {4, 2, 1, 9}, last};
  return ReferenceNetwork(height, width, 2, layers, Activation::leakyRelu, 53);
}

std::vector<Case> cases(bool quick) {
  if (quick)
    return {{"16 px, n = 4, m = 5", paper_network(16, 3, {4, 8, 16}), 5},
            {"12 px, odd channels, m = 3", paper_network(12, 1, {5, 7, 9}), 3},
            {"28 px in grey, n = 40 in the middle, m = 3", paper_network(28, 1, {5, 40, 9}), 3},
            {"few channels before as many as a tile has, m = 3", paper_network(8, 3, {16, 32, 9}), 3},
            {"16 x 12 px, m = 3", oblong(16, 12, {3, 2, 0, 1}), 3},
            {"16 x 10 px, m = 3", oblong(16, 10, {2, 4, 0, 1}), 3},
            {"16 px, n = 16, m = 3", paper_network(16, 3, {16, 20, 9}), 3},
            {"a perceptron, m = 19", perceptron(), 19},
            {"many weights in the third layer, m = 2", deep_network(Activation::leakyRelu), 2}};
  return {
      {"the paper's 32 px net, n = 32, m = 13", paper_network(32, 3, {32, 64, 128, 256}), 13},
      {"the paper's 32 px net, n = 64, m = 7", paper_network(32, 3, {64, 128, 256, 512}), 7},
      {"a 64 px net, m = 7", paper_network(64, 3, {16, 32, 64, 128, 128}), 7},
      {"a 128 px net, m = 2", paper_network(128, 3, {8, 16, 32, 64, 64, 64}), 2},
      {"28 px in grey, odd channels, m = 17", paper_network(28, 1, {5, 7, 9}), 17},
      {"28 px in grey, n = 40 in the middle, m = 17", paper_network(28, 1, {5, 40, 9}), 17},
      {"16 x 12 px, m = 19", oblong(16, 12, {3, 2, 0, 1}), 19},
      {"16 x 10 px, m = 19", oblong(16, 10, {2, 4, 0, 1}), 19},
      {"channels of one, m = 8", paper_network(8, 1, {1, 3, 1}), 8},
      {"images of many channels, m = 25", paper_network(12, 17, {18, 33, 6}), 25},
      {"one image of a wide net", paper_network(8, 3, {65, 129}), 1},
      {"a perceptron, m = 100", perceptron(), 100},
      {"many weights in the third layer, m = 2", deep_network(Activation::leakyRelu), 2},
  };
}

ReferenceNetwork random_network(Random& random) {
  int height = random.integer(1, 12), width = height;
  const int colours = random.integer(1, 5), rows = height;
  std::vector<Layer> layers;
  for (int l = random.integer(0, 3); l > 0; --l) {
    const int kernel = random.integer(1, 4);
    const Layer layer{kernel, random.integer(1, 3), random.integer(0, kernel - 1), random.integer(1, 40)};
    const int left = height + 2 * layer.pad - kernel;
    if (left < 0) continue;
    height = left / layer.stride + 1;
    layers.push_back(layer);
  }
  layers.push_back({height, 1, 0, 1});
  return ReferenceNetwork(rows, width, colours, layers, Activation::leakyRelu, random.bits());
}

/// The gradient, as a share of a bound that also holds where a sign is open and the network small.
double random_networks(const Sampler& sampler, int count) {
  Random random(62);
  double worst = 0;
  for (int i = 0; i < count; ++i) {
    const ReferenceNetwork f = random_network(random);
    const double share = error_of(sampler, f, random.integer(1, 27)) / (3 * gradient_bound(sampler.precision));
    worst = worse(worst, share);
  }
  return worst;
}

/// f is homogeneous in the weights, and powers of two are exact: so the gradient's bits scale.
double scaled_bits(const Sampler& sampler, double factor) {
  ReferenceNetwork f = paper_network(16, 3, {6, 12, 20});
  const int64_t images = 5, size = images * f.event();
  Random random(63);
  const Floats x = uniform(random, size);
  Floats value(images), plain(size), scaled(size);
  sampler.valueAndGradient(f.network(), images, x.data(), value.data(), plain.data());
  f.scale(factor);
  sampler.valueAndGradient(f.network(), images, x.data(), value.data(), scaled.data());
  double different = 0;
  for (int64_t i = 0; i < size; ++i) different += scaled[i] != plain[i] * std::pow(factor, 4);
  return different;
}

/// Images of batches whose numbers differ from those that they have alone.
double batch_differences(const Sampler& sampler, const ReferenceNetwork& f, const std::vector<int64_t>& batches) {
  const int64_t most = *std::max_element(batches.begin(), batches.end()), event = f.event();
  Random random(64);
  const Floats x = uniform(random, most * event);
  Floats value(most), gradient(most * event), values(most), gradients(most * event);
  for (int64_t i = 0; i < most; ++i)
    sampler.valueAndGradient(f.network(), 1, x.data() + i * event, &value[i], &gradient[i * event]);
  double different = 0;
  for (const int64_t images : batches) {
    sampler.valueAndGradient(f.network(), images, x.data(), values.data(), gradients.data());
    for (int64_t i = 0; i < images; ++i) {
      const float *one = &gradient[i * event], *same = &gradients[i * event];
      different += value[i] != values[i] || !std::equal(one, one + event, same);
    }
  }
  return different;
}

}  // namespace

void add_network(Checks& checks, const Options& options, const Sampler& sampler) {
  const std::string precision = sampler.precision == Sampler::float32 ? "" : "bf16 ";
  const double bound = gradient_bound(sampler.precision);
  const auto add = [&](const std::string& name, const ReferenceNetwork& f, int64_t images) {
    checks.push_back({precision + "f, f': " + name, [=] { return Figure{error_of(sampler, f, images), bound}; }});
  };
  for (const Case& c : cases(options.quick)) add(c.name, c.network, c.images);
  if (sampler.precision == Sampler::bfloat16Minimal)
    checks.push_back({precision + "f': minimal filtering of what is not rounded against direct sums",
                      [] { return Figure{oblong(16, 12, {3, 2, 0, 1}).minimal_backward_error(1), 1e-12}; }});
  const std::pair<const char*, Activation> activations[] = {
      {"relu", Activation::relu},   {"elu", Activation::elu},   {"softplus", Activation::softplus},
      {"swish", Activation::swish}, {"gelu", Activation::gelu}, {"tanh", Activation::tanh}};
  for (const auto& [name, activation] : activations) add(name, paper_network(16, 3, {6, 12, 20}, activation), 5);
  for (const double factor : {3e4, 3e-4}) {
    ReferenceNetwork f = paper_network(16, 3, {6, 12, 20});
    f.scale(factor);
    add(factor > 1 ? "huge weights" : "tiny weights", f, 5);
  }
  for (const double factor : {0x1p16, 0x1p-16})
    checks.push_back({precision + "f': bits that do not scale with weights of " + (factor > 1 ? "2^16" : "2^-16"),
                      [=] { return Figure{scaled_bits(sampler, factor), 0}; }});
  checks.push_back({precision + "f, f': images that differ in batches of 1 to 27",
                    [=] {
                      std::vector<int64_t> batches(27);
                      std::iota(batches.begin(), batches.end(), 1);
                      return Figure{batch_differences(sampler, paper_network(16, 3, {18, 33, 20}), batches), 0};
                    }});
  for (const auto& [name, activation] : {std::pair{"leakyRelu", Activation::leakyRelu}, {"gelu", Activation::gelu}})
    checks.push_back({precision + "f, f': images that differ in parts of a group, " + name,
                      [=, activation = activation] {
                        return Figure{batch_differences(sampler, deep_network(activation), {IN_PARTS}), 0};
                      }});
  const int networks = options.quick ? 10 : 200;
  checks.push_back({precision + "f, f': " + std::to_string(networks) + " random networks",
                    [=] { return Figure{random_networks(sampler, networks), 1}; }});
}

}  // namespace check
