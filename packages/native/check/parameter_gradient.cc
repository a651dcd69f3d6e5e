// The gradient of a weighted sum of f in all weights and biases: what a learning iteration needs besides samples.
#include <algorithm>
#include <cmath>

#include "reference_network.h"
#include "thread_pool.h"

namespace check {
namespace {

struct Result {
  Floats value;
  std::vector<Floats> gradients;
  bool operator==(const Result& other) const { return value == other.value && gradients == other.gradients; }
};

Result gradient_of(const Sampler& sampler, const ReferenceNetwork& f, const Floats& x, const Floats& weights,
                   srmcmc::Progress* progress = nullptr) {
  Result result{Floats(weights.size()), {}};
  std::vector<float*> gradients;
  for (const auto& parameter : f.parameters()) {
    result.gradients.emplace_back(static_cast<int64_t>(parameter.size()));
    for (float& g : result.gradients.back()) g = NAN;  // what was there before must not matter
    gradients.push_back(result.gradients.back().data());
  }
  sampler.parameterGradient(f.network(), weights.size(), x.data(), weights.data(), result.value.data(), gradients.data(),
                            progress);
  return result;
}

/// As in learning: half of the images count for f, half against it.
Floats weights_of(int64_t images) {
  Random random(81);
  Floats weights = uniform(random, images, 0.5, 1.5);
  for (int64_t i = 0; i < images; ++i)
    weights[i] *= static_cast<float>((i < (images + 2) / 3 ? -1.0 : 1.0) / static_cast<double>(images));
  return weights;
}

/// The largest relative error of a filter's or a bias's gradient, in the Euclidean norm.
double error_of(const Result& actual, const std::vector<std::vector<double>>& truth) {
  double worst = 0;
  for (size_t p = 0; p < truth.size(); ++p) {
    double squares = 0, wrong = 0;
    for (size_t i = 0; i < truth[p].size(); ++i) {
      const double d = actual.gradients[p][static_cast<int64_t>(i)] - truth[p][i];
      squares += truth[p][i] * truth[p][i];
      wrong += d * d;
    }
    const double error = std::sqrt(wrong / squares);
    worst = worse(worst, error);
  }
  return worst;
}

double error_of(const Sampler& sampler, const ReferenceNetwork& f, int64_t images) {
  const Floats x = decided_images(f, images, sampler.precision), weights = weights_of(images);
  auto truth = f.parameters();
  for (int64_t i = 0; i < images; ++i) {
    const float* image = x.data() + i * f.event();
    f.evaluate({image, image + f.event()}, sampler.precision, weights[i], &truth);
  }
  return error_of(gradient_of(sampler, f, x, weights), truth);
}

/// A net whose blocks have four images or so, of which its layers want 1, 4, 16 and 64 at once.
ReferenceNetwork in_blocks() { return paper_network(64, 3, {16, 16, 16, 16, 16}); }
constexpr int64_t IN_BLOCKS = 70;

/// What a batch has that the sum of its parts has not; infinite where its progress is miscounted.
double error_of_parts(const Sampler& sampler, const ReferenceNetwork& f, int64_t parts, int64_t imagesAPart) {
  const int64_t images = parts * imagesAPart;
  const Floats weights = weights_of(images);
  Random random(83);
  const Floats x = uniform(random, images * f.event());
  auto sum = f.parameters();
  for (int64_t first = 0; first < images; first += imagesAPart) {
    Floats someX(imagesAPart * f.event()), someWeights(imagesAPart);
    std::copy_n(x.data() + first * f.event(), someX.size(), someX.data());
    std::copy_n(weights.data() + first, imagesAPart, someWeights.data());
    const Result part = gradient_of(sampler, f, someX, someWeights);
    for (size_t p = 0; p < sum.size(); ++p)
      for (size_t i = 0; i < sum[p].size(); ++i) sum[p][i] += part.gradients[p][static_cast<int64_t>(i)];
  }
  srmcmc::Progress progress;
  const Result together = gradient_of(sampler, f, x, weights, &progress);
  return progress.done == images ? error_of(together, sum) : INFINITY;
}

/// Runs of some threads whose bits are not those of one.
double thread_differences(const Sampler& sampler, const ReferenceNetwork& f, const std::vector<int64_t>& batches,
                          const std::vector<int>& threadCounts) {
  const int before = srmcmc::thread_count();
  double different = 0;
  for (const int64_t images : batches) {
    const Floats weights = weights_of(images);
    Random random(82);
    const Floats x = uniform(random, images * f.event());
    srmcmc::set_thread_count(1);
    const Result alone = gradient_of(sampler, f, x, weights);
    for (const int threads : threadCounts) {
      srmcmc::set_thread_count(threads);
      different += !(gradient_of(sampler, f, x, weights) == alone);
    }
  }
  srmcmc::set_thread_count(before);
  return different;
}

/// Numbers other than zero in the gradient of a sum of nothing.
double of_no_images(const Sampler& sampler) {
  const ReferenceNetwork f = paper_network(8, 3, {5, 9});
  double wrong = 0;
  for (const Floats& gradient : gradient_of(sampler, f, Floats(0), Floats(0)).gradients)
    for (const float g : gradient) wrong += g != 0;
  return wrong;
}

}  // namespace

void add_parameter_gradient(Checks& checks, const Options& options, const Sampler& sampler) {
  const bool isFloat = sampler.precision == Sampler::float32;
  const std::string name = isFloat ? "parameterGradient: " : "bf16 parameterGradient: ";
  const auto add = [&](const std::string& claim, const ReferenceNetwork& f, int64_t images) {
    checks.push_back({name + claim + ", m = " + std::to_string(images),
                      [=] { return Figure{error_of(sampler, f, images), isFloat ? 1e-5 : 5e-2}; }});
  };
  add("16 px, n = 4", paper_network(16, 3, {4, 8, 16}), 5);
  add("odd channels", paper_network(12, 1, {5, 7, 9}), 19);
  add("smooth activation", paper_network(12, 3, {6, 12}, Activation::gelu), 7);
  add("one image", paper_network(8, 3, {17, 33}), 1);
  if (!options.quick) {
    add("the paper's 32 px net, n = 32", paper_network(32, 3, {32, 64, 128, 256}), 13);
    add("a 64 px net", paper_network(64, 3, {16, 32, 64, 128, 128}), 7);
    add("a perceptron", ReferenceNetwork(1, 1, 2, {{1, 1, 0, 100}, {1, 1, 0, 37}, {1, 1, 0, 1}}, Activation::leakyRelu, 52),
        100);
  }
  checks.push_back({name + "blocks are other than their sum", [=] {
                      return Figure{error_of_parts(sampler, in_blocks(), 7, IN_BLOCKS / 7), 1e-5};
                    }});
  checks.push_back({name + "other bits in blocks", [=] {
                      return Figure{thread_differences(sampler, in_blocks(), {IN_BLOCKS}, {2, 5}), 0};
                    }});
  checks.push_back({name + "other bits on 2 to 8 threads", [=] {
                      const ReferenceNetwork f = paper_network(12, 3, {7, 18, 33});
                      return Figure{thread_differences(sampler, f, {1, 13, 40}, {2, 3, 4, 5, 6, 7, 8}), 0};
                    }});
  checks.push_back({name + "other bits in parts of a group", [=] {
                      const ReferenceNetwork f = deep_network(Activation::gelu);
                      return Figure{thread_differences(sampler, f, {IN_PARTS}, {8}), 0};
                    }});
  checks.push_back({name + "not zero for no images", [=] { return Figure{of_no_images(sampler), 0}; }});
}

}  // namespace check
