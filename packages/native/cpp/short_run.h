// K Langevin steps in one call. Chains are independent: a thread takes a group of them through all steps, so that
// their activations stay in its caches and threads meet only at the end. A chain's numbers are the same in any group.
#pragma once
#include <cstdlib>
#include <new>
#if defined(__linux__)
#include <sys/mman.h>
#endif

#include "input_gradient.h"
#include "random_normal.h"

namespace {

using srmcmc::Network;
using srmcmc::ShortRun;

// Working memory of one call. A large block lies in huge pages, where the system has them to give: weights and
// activations span more small pages than the processor can look up at once.
template <class T>
class Memory {
 public:
  explicit Memory(int64_t size) {
    constexpr size_t HUGE_PAGE = size_t{1} << 21;
    const size_t bytes = static_cast<size_t>(size > 0 ? size : 1) * sizeof(T);
    const bool large = bytes >= HUGE_PAGE / 2;
    const size_t rounded = large ? (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE : bytes;
    void* memory = nullptr;
    if (posix_memalign(&memory, large ? HUGE_PAGE : 64, rounded) != 0) throw std::bad_alloc();
#if defined(__linux__)
    if (large) madvise(memory, rounded, MADV_HUGEPAGE);
#endif
    data_ = static_cast<T*>(memory);
  }
  ~Memory() { std::free(data_); }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  T* data() const { return data_; }

 private:
  T* data_;
};

constexpr int64_t LINE = 16;     // floats in a cache line
constexpr int64_t PIECE = 1024;  // elements moved at a time, a multiple of 4 L: a piece of noise stays in the cache

INLINE int64_t input_of(const ConvShape& s) { return static_cast<int64_t>(s.inHeight) * s.inWidth * s.inChannels; }
INLINE int64_t output_of(const ConvShape& s) { return static_cast<int64_t>(s.outHeight) * s.outWidth * s.outChannels; }

/// Floats from one image to the next. A tile reads the same place of every image: were images a power of two apart,
/// those places would compete for the same few lines of the first-level cache.
INLINE int64_t image_stride(int64_t floats) {
  constexpr int64_t SETS = 64, SPREAD = 11;
  const int64_t lines = divide_up(floats + L, LINE);
  return (lines + ((SPREAD - lines) % SETS + SETS) % SETS) * LINE;
}

/// What all threads read: packed weights, and where a group's activations and gradients lie in its working space.
struct ShortRunPlan {
  const ShortRun* run;
  const Network* network;
  int64_t event;
  bool byColumns;  // the first layer's gradient
  int64_t packedSize, workSize;
  int64_t forward[Network::kMaxLayers], backward[Network::kMaxLayers], bias[Network::kMaxLayers];  // in packed
  int64_t stride[Network::kMaxLayers + 1], activation[Network::kMaxLayers + 1];  // of layer l's input
  int64_t gradient[2];  // layers take turns
  int64_t columnWork, noise;
};

ShortRunPlan plan_of(const ShortRun& run, int64_t group) {
  ShortRunPlan p{};
  const Network& f = run.network;
  p.run = &run;
  p.network = &f;
  p.event = input_of(f.shapes[0]);
  p.byColumns = has_few_columns(f.shapes[0]);
  const auto take = [](int64_t& total, int64_t size) {
    const int64_t at = total;
    total += divide_up(size, LINE) * LINE;
    return at;
  };
  int64_t gradientSize[2] = {0, 0};
  for (int l = 0; l <= f.layers; ++l) {
    p.stride[l] = image_stride(l < f.layers ? input_of(f.shapes[l]) : 1);
    p.activation[l] = take(p.workSize, group * p.stride[l]);
    gradientSize[l % 2] = larger(gradientSize[l % 2], group * p.stride[l]);
  }
  for (int i = 0; i < 2; ++i) p.gradient[i] = take(p.workSize, gradientSize[i]);
  p.columnWork = take(p.workSize, p.byColumns ? columns_of(f.shapes[0]).workSize : 0);
  p.noise = take(p.workSize, PIECE);
  for (int l = 0; l < f.layers; ++l) {
    const ConvShape& s = f.shapes[l];
    p.forward[l] = take(p.packedSize, packed_size(forward_grid(s)));
    p.bias[l] = take(p.packedSize, panels_of(s.outChannels) * PANEL);
    p.backward[l] = p.packedSize;
    if (l == 0 && p.byColumns)
      take(p.packedSize, columns_of(s).packedSize);
    else
      each_phase(s, [&](const Grid& g, auto&&) { take(p.packedSize, packed_size(g)); });
  }
  return p;
}

void pack_weights(const ShortRunPlan& p, float* packed) {
  for (int l = 0; l < p.network->layers; ++l) {
    const ConvShape& s = p.network->shapes[l];
    const float* filter = p.network->filters[l];
    pack_forward(s, forward_grid(s), filter, packed + p.forward[l]);
    float* bias = packed + p.bias[l];
    memset(bias, 0, static_cast<size_t>(panels_of(s.outChannels) * PANEL) * 4);
    memcpy(bias, p.network->biases[l], static_cast<size_t>(s.outChannels) * 4);
    float* to = packed + p.backward[l];
    if (l == 0 && p.byColumns)
      pack_columns(s, columns_of(s), filter, to);
    else
      each_phase(s, [&](const Grid& g, auto&& pack) {
        pack(filter, to);
        to += divide_up(packed_size(g), LINE) * LINE;
      });
  }
}

/// f of each image, into the last activation.
void forward_pass(const ShortRunPlan& p, const float* packed, float* work, int images) {
  const Network& f = *p.network;
  for (int l = 0; l < f.layers; ++l) {
    Grid g = forward_grid(f.shapes[l]);
    g.batch = images;
    g.sourceImage = p.stride[l];
    g.outImage = p.stride[l + 1];
    Epilogue e;
    e.bias = packed + p.bias[l];
    e.activation = l == f.layers - 1 ? Activation::linear
                   : f.slope == 0.f  ? Activation::relu
                                       : Activation::leakyRelu;
    e.alpha = f.slope;
    multiply_alone(g, work + p.activation[l], packed + p.forward[l], work + p.activation[l + 1], e);
  }
}

/// f' of each image, at the returned address, p.stride[0] apart.
const float* backward_pass(const ShortRunPlan& p, const float* packed, float* work, int images) {
  const Network& f = *p.network;
  float* dy = work + p.gradient[f.layers % 2];
  for (int i = 0; i < images; ++i) dy[i * p.stride[f.layers]] = 1;
  for (int l = f.layers - 1; l >= 0; --l) {
    const ConvShape& s = f.shapes[l];
    const float* weights = packed + p.backward[l];
    float* dx = work + p.gradient[l % 2];
    if (l == 0 && p.byColumns) {
      const Columns columns = columns_of(s);
      for (int i = 0; i < images; ++i)
        image_gradient_by_columns(s, columns, dy + i * p.stride[1], weights, dx + i * p.stride[0],
                                  work + p.columnWork);
    } else {
      Epilogue e;
      if (l > 0) {
        e.activation = Activation::leakyReluGradient;
        e.alpha = f.slope;
        e.stored = work + p.activation[l];
      }
      each_phase(s, [&](Grid g, auto&&) {
        g.batch = images;
        g.sourceImage = p.stride[l + 1];
        g.outImage = p.stride[l];
        multiply_alone(g, dy, weights, dx, e);
        weights += divide_up(packed_size(g), LINE) * LINE;
      });
    }
    dy = dx;
  }
  return dy;
}

/// x <- x + drift g + noise z for `n` elements, clamped; returns the sum of g squared.
float move_piece(const ShortRun& run, int64_t step, const float* g, const float* z, float* x, int64_t n) {
  const vec drift = splat(run.drift[step]), noise = splat(run.noise[step]);
  const vec bound = splat(run.clampGradient), low = splat(run.low), high = splat(run.high);
  const float infinity = __builtin_inff();
  const bool clampsGradient = run.clampGradient < infinity;
  const bool clampsSample = run.low > -infinity || run.high < infinity;
  vec squares{};
  for (int64_t i = 0; i < n; i += L) {
    const int64_t count = smaller(L, n - i);
    const bool whole = count == L;
    vec slope = whole ? load(g + i) : load_some(g + i, count);
    vec position = whole ? load(x + i) : load_some(x + i, count);
    squares += slope * slope;
    if (clampsGradient) slope = vmin(vmax(slope, -bound), bound);
    position += drift * slope;
    if (z) position += noise * load(z + i);
    if (clampsSample) position = vmin(vmax(position, low), high);
    if (whole)
      store(x + i, position);
    else
      store_some(x + i, position, count);
  }
  return horizontal_sum(squares);
}

/// Moves one chain; returns the Euclidean norm of its gradient.
double move_chain(const ShortRunPlan& p, int64_t chain, int64_t step, const float* gradient, float* x, float* noise) {
  const ShortRun& run = *p.run;
  const srmcmc::NormalStream stream{
      {run.key[0], run.key[1]}, run.firstChain, static_cast<uint32_t>(step), run.chains, p.event};
  const bool noisy = run.noise[step] != 0.f;
  double squares = 0;
  for (int64_t at = 0; at < p.event; at += PIECE) {
    const int64_t n = smaller(PIECE, p.event - at);
    if (noisy) normal_blocks(stream, chain, at / 4, divide_up(at + n, 4), noise);
    squares += move_piece(run, step, gradient + at, noisy ? noise : nullptr, x + at, n);
  }
  return __builtin_sqrt(squares);
}

void mean_over_chains(const double* report, int64_t chains, int64_t steps, float* mean) {
  for (int64_t step = 0; step < steps; ++step) {
    double sum = 0;
    for (int64_t chain = 0; chain < chains; ++chain) sum += report[chain * steps + step];
    mean[step] = static_cast<float>(sum / static_cast<double>(chains));
  }
}

void short_run(const ShortRun& run, const float* x, float* y, float* value, float* gradientNorm) {
  if (run.chains <= 0) return;
  const int64_t threads = srmcmc::thread_count();
  // As many groups as keep every thread busy to the end.
  const int64_t groups = smaller(run.chains, divide_up(divide_up(run.chains, ROWS), threads) * threads);
  const int slots = static_cast<int>(smaller(threads, groups));
  const ShortRunPlan plan = plan_of(run, divide_up(run.chains, groups));
  const Memory<float> packed(plan.packedSize), workspace(plan.workSize * slots);
  const Memory<double> values(run.chains * run.steps), norms(run.chains * run.steps);
  pack_weights(plan, packed.data());

  auto group = [&](int64_t index, int slot) {
    const int64_t first = index * run.chains / groups, end = (index + 1) * run.chains / groups;
    const int images = static_cast<int>(end - first);
    float* work = workspace.data() + slot * plan.workSize;
    float* positions = work + plan.activation[0];
    const float* f = work + plan.activation[run.network.layers];
    const auto event = static_cast<size_t>(plan.event) * 4;
    for (int i = 0; i < images; ++i) memcpy(positions + i * plan.stride[0], x + (first + i) * plan.event, event);
    for (int64_t step = 0; step < run.steps; ++step) {
      forward_pass(plan, packed.data(), work, images);
      const float* gradient = backward_pass(plan, packed.data(), work, images);
      for (int i = 0; i < images; ++i) {
        const int64_t entry = (first + i) * run.steps + step;
        values.data()[entry] = f[i * plan.stride[run.network.layers]];
        norms.data()[entry] = move_chain(plan, first + i, step, gradient + i * plan.stride[0],
                                         positions + i * plan.stride[0], work + plan.noise);
      }
    }
    for (int i = 0; i < images; ++i) memcpy(y + (first + i) * plan.event, positions + i * plan.stride[0], event);
  };
  parallel(groups, group, slots);
  mean_over_chains(values.data(), run.chains, run.steps, value);
  mean_over_chains(norms.data(), run.chains, run.steps, gradientNorm);
}

}  // namespace
