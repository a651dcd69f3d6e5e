// The random numbers: Philox against its published vectors, the normals against their definition and, by the
// hundred million, against the normal distribution.
#include <algorithm>
#include <cmath>

#include "check.h"
#include "data.h"
#include "reference_normal.h"
#include "thread_pool.h"

namespace check {
namespace {

// Random123 1.14, tests/kat_vectors: counter, key, words.
const uint32_t PUBLISHED[][10] = {
    {0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
    {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
    {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0, 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1},
};

double wrong_published_words(const Kernels& kernels) {
  double wrong = 0;
  for (const auto& v : PUBLISHED) {
    uint32_t words[4];
    kernels.philox(v, v + 4, words);
    for (int i = 0; i < 4; ++i) wrong += words[i] != v[6 + i];
  }
  return wrong;
}

double wrong_random_words(const Kernels& kernels, int blocks) {
  Random random(41);
  double wrong = 0;
  for (int block = 0; block < blocks; ++block) {
    uint32_t counter[4], key[2], words[4], truth[4];
    for (uint32_t& word : counter) word = static_cast<uint32_t>(random.bits());
    for (uint32_t& word : key) word = static_cast<uint32_t>(random.bits());
    kernels.philox(counter, key, words);
    philox4x32(counter, key, truth);
    for (int i = 0; i < 4; ++i) wrong += words[i] != truth[i];
  }
  return wrong;
}

/// The largest difference from the definition in double precision, over rows whose lengths fit no vector.
template <class Draw, class Element>
double definition_error(Draw draw, Element element, bool quick) {
  double worst = 0;
  for (const int64_t event : {1, 2, 3, 4, 5, 31, 64, 127, quick ? 1000 : 40'001}) {
    const srmcmc::RandomStream s{{0x12345678, 0x9abcdef0}, 0xfffffff0, 12, 5, event};
    Floats z(s.chains * s.event);
    draw(s, z.data());
    for (int64_t i = 0; i < z.size(); ++i) {
      const uint32_t chain = s.firstChain + static_cast<uint32_t>(i / event);
      const double error = std::fabs(z[i] - element(s.key, chain, s.step, i % event));
      worst = worse(worst, error);
    }
  }
  return worst;
}

/// Differences between 1 thread's numbers and those of 2 to 8.
double thread_differences(const Kernels& kernels) {
  const srmcmc::RandomStream s{{1, 2}, 3, 4, 13, 5003};
  const int before = srmcmc::thread_count();
  Floats alone(s.chains * s.event), together(s.chains * s.event);
  srmcmc::set_thread_count(1);
  kernels.normal(s, alone.data());
  double different = 0;
  for (int threads = 2; threads <= 8; ++threads) {
    srmcmc::set_thread_count(threads);
    std::fill(together.begin(), together.end(), 0.f);
    kernels.normal(s, together.data());
    different += !(together == alone);
  }
  srmcmc::set_thread_count(before);
  return different;
}

/// Sums over all draws of what the tests below need.
class Statistics {
 public:
  Statistics(const Kernels& kernels, int64_t draws) : counts_(BINS) {
    Floats block(CHAINS * EVENT), previous(CHAINS * EVENT);
    for (uint32_t step = 0; n_ < static_cast<double>(draws); ++step) {
      kernels.normal({{0x2545f491, 7}, 0, step, CHAINS, EVENT}, block.data());
      add(block.data(), step > 0 ? previous.data() : nullptr);
      std::swap(block, previous);
    }
  }

  /// |mean of z^power - its expectation|, in standard errors.
  double moment(int power) const {
    static constexpr double EXPECTED[] = {1, 0, 1, 0, 3, 0, 15}, VARIANCE[] = {0, 1, 2, 15, 96, 945, 10'170};
    return std::fabs(powers_[power] / n_ - EXPECTED[power]) / std::sqrt(VARIANCE[power] / n_);
  }

  /// Kolmogorov-Smirnov: sqrt(n) times the largest distance of the distributions, at the edges of the bins.
  double kolmogorov_smirnov() const {
    double below = 0, worst = 0;
    for (int i = 0; i + 1 < BINS; ++i) {
      below += static_cast<double>(counts_[static_cast<size_t>(i)]);
      const double edge = -RANGE + (i + 1) * (2 * RANGE / BINS);
      worst = std::max(worst, std::fabs(below / n_ - 0.5 * std::erfc(-edge * std::sqrt(0.5))));
    }
    return worst * std::sqrt(n_);
  }

  /// |draws beyond 4 - expected|, in standard errors.
  double tail() const {
    double beyond = 0;
    for (int i = 0; i < BINS; ++i) {
      const double low = -RANGE + i * (2 * RANGE / BINS), high = low + 2 * RANGE / BINS;
      if (high <= -4 || low >= 4) beyond += static_cast<double>(counts_[static_cast<size_t>(i)]);
    }
    const double expected = n_ * std::erfc(4 * std::sqrt(0.5));
    return std::fabs(beyond - expected) / std::sqrt(expected);
  }

  static constexpr int PLACES = 10;
  static constexpr const char* PLACE[PLACES] = {
      "1 place on", "2 places on", "3 places on", "4 places on", "in the next chain", "in the next step",
      "1 place on, of squares", "2 places on, of squares", "in the next chain, of squares", "in the next step, of squares"};
  /// |correlation with the number at that place|, in standard errors.
  double correlation(int place) const {
    return std::fabs(products_[place]) / std::sqrt(pairs_[place] * (place < 6 ? 1 : 4));
  }

 private:
  // One step of 64 chains of 32 px images at a time. The range is a power of two, so that edges are exact.
  static constexpr int64_t CHAINS = 64, EVENT = 32 * 32 * 3;
  static constexpr int BINS = 1 << 16;
  static constexpr double RANGE = 8;

  void add(const float* z, const float* previous) {
    for (int64_t i = 0; i < CHAINS * EVENT; ++i) {
      const double v = z[i], square = v * v;
      powers_[1] += v;
      powers_[2] += square;
      powers_[3] += square * v;
      powers_[4] += square * square;
      powers_[6] += square * square * square;
      const int bin = static_cast<int>((v + RANGE) * (BINS / (2 * RANGE)));
      ++counts_[static_cast<size_t>(std::clamp(bin, 0, BINS - 1))];
    }
    n_ += CHAINS * EVENT;
    for (int64_t chain = 0; chain < CHAINS; ++chain) {
      const float* row = z + chain * EVENT;
      for (int lag = 1; lag <= 4; ++lag) correlate(lag - 1, row, row + lag, EVENT - lag);
      for (int lag = 1; lag <= 2; ++lag) correlate_squares(lag + 5, row, row + lag, EVENT - lag);
    }
    correlate(4, z, z + EVENT, (CHAINS - 1) * EVENT);
    correlate_squares(8, z, z + EVENT, (CHAINS - 1) * EVENT);
    if (!previous) return;
    correlate(5, z, previous, CHAINS * EVENT);
    correlate_squares(9, z, previous, CHAINS * EVENT);
  }
  void correlate(int place, const float* a, const float* b, int64_t n) {
    double sum = 0;
    for (int64_t i = 0; i < n; ++i) sum += double{a[i]} * b[i];
    products_[place] += sum;
    pairs_[place] += static_cast<double>(n);
  }
  void correlate_squares(int place, const float* a, const float* b, int64_t n) {
    double sum = 0;
    for (int64_t i = 0; i < n; ++i) sum += (double{a[i]} * a[i] - 1) * (double{b[i]} * b[i] - 1);
    products_[place] += sum;
    pairs_[place] += static_cast<double>(n);
  }

  double n_ = 0, powers_[7] = {}, products_[PLACES] = {}, pairs_[PLACES] = {};
  std::vector<int64_t> counts_;
};

/// Drawn once for each instruction set, by whichever test asks first.
const Statistics& statistics(const Kernels& kernels, int64_t draws) {
  static const Kernels* of = nullptr;
  static Statistics* drawn = nullptr;
  if (of != &kernels) {
    delete drawn;
    drawn = new Statistics(kernels, draws);
    of = &kernels;
  }
  return *drawn;
}

}  // namespace

void add_random_normal(Checks& checks, const Options& options, const Kernels& kernels) {
  const bool quick = options.quick;
  const int64_t draws = options.draws;
  checks.push_back({"philox4x32-10: wrong words of the published vectors",
                    [&kernels] { return Figure{wrong_published_words(kernels), 0}; }});
  checks.push_back({"philox4x32-10: wrong words at random counters", [=, &kernels] {
                      return Figure{wrong_random_words(kernels, quick ? 300 : 100'000), 0};
                    }});
  checks.push_back({"normal: error against the definition",
                    [=, &kernels] { return Figure{definition_error(kernels.normal, normal_element, quick), 1e-6}; }});
  checks.push_back({"uniform: error against the definition",
                    [=, &kernels] { return Figure{definition_error(kernels.uniform, uniform_element, quick), 0}; }});
  checks.push_back({"normal: other bits on 2 to 8 threads",
                    [&kernels] { return Figure{thread_differences(kernels), 0}; }});

  // A figure in standard errors passes 5 once in 1.7 million; 2.7 of Kolmogorov and Smirnov's, once in a million.
  const auto add = [&](const std::string& name, double bound, auto&& figure) {
    checks.push_back({"normal: " + name, [=, &kernels] {
                        return Figure{figure(statistics(kernels, draws)), bound};
                      }});
  };
  for (const int power : {1, 2, 3, 4, 6})
    add("moment " + std::to_string(power), 5, [power](const Statistics& s) { return s.moment(power); });
  add("Kolmogorov-Smirnov", 2.7, [](const Statistics& s) { return s.kolmogorov_smirnov(); });
  add("tails beyond 4", 5, [](const Statistics& s) { return s.tail(); });
  for (int place = 0; place < Statistics::PLACES; ++place)
    add(std::string("correlation ") + Statistics::PLACE[place], 5,
        [place](const Statistics& s) { return s.correlation(place); });
}

}  // namespace check
