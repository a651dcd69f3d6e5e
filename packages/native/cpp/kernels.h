// The table of compute kernels: one instance for each instruction set, chosen once at run time.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace srmcmc {

enum class Activation : int {
  linear, relu, relu6, elu, leakyRelu, prelu, sigmoid, softplus, swish, gelu, tanh, leakyReluGradient, timesStored
};

/// What a matrix product does to a finished element: y = activation(sum + bias[channel]).
struct Epilogue {
  const float* bias = nullptr;  // one for each output channel, or null
  Activation activation = Activation::linear;
  float alpha = 0;              // slope of leakyRelu
  const float* prelu = nullptr; // slopes of prelu, one for each output channel
  /// Laid out as y. Of leakyReluGradient: leakyRelu's output, whose gradient is y's factor. Of timesStored: the factor.
  const float* stored = nullptr;
  float* derivative = nullptr;  // laid out as y: where the activation's derivative goes, or null
};

/// A 2-D convolution of NHWC images with HWIO filters.
struct ConvShape {
  int batch, inHeight, inWidth, inChannels, outHeight, outWidth, outChannels;
  int filterHeight, filterWidth, strideHeight, strideWidth, dilationHeight, dilationWidth, padTop, padLeft;
};
// Static, for code compiled for different processors must not be merged.
static inline int64_t input_size(const ConvShape& s) { return int64_t{s.batch} * s.inHeight * s.inWidth * s.inChannels; }
static inline int64_t output_size(const ConvShape& s) { return int64_t{s.batch} * s.outHeight * s.outWidth * s.outChannels; }
static inline int64_t filter_size(const ConvShape& s) {
  return int64_t{s.filterHeight} * s.filterWidth * s.inChannels * s.outChannels;
}

/// c[i] = op(a[i]) op(b[i]) for each i < batch; strides are in elements and 0 repeats an operand.
struct MatMulShape {
  int64_t batch, rows, inner, columns, batchStrideA, batchStrideB;
  bool transposeA, transposeB;
};

enum class Unary : int {
  neg, abs, square, sqrt, rsqrt, reciprocal, exp, log, tanh, sigmoid, softplus,
  relu, relu6, leakyRelu, elu, step, clip, copy, count
};

enum class Binary : int {
  add, sub, mul, div, maximum, minimum, squaredDifference, prelu, eluGrad, leakyReluGrad,
  greater, greaterEqual, less, lessEqual, equal, notEqual, count
};
constexpr bool is_comparison(Binary op) { return op >= Binary::greater; }

/// An update of Adam (Kingma and Ba 2015): first <- beta1 first + rest1 g, second <- beta2 second + rest2 g²,
/// x <- x - stepSize first / (sqrt(second) / secondCorrection + epsilon).
struct Adam {
  float beta1, rest1, beta2, rest2, stepSize, secondCorrection, epsilon;
};

constexpr int kMaxRank = 6;

/// Operands broadcast over a common shape; a stride of 0 repeats an operand along that axis. Output is dense.
struct Broadcast {
  int rank;
  int64_t size[kMaxRank], strideA[kMaxRank], strideB[kMaxRank];
};

enum class Reduction : int { sum, max, min, count };

/// x [outer, length, inner] is reduced along its middle axis to y [outer, inner], then scaled.
struct ReduceShape {
  int64_t outer, length, inner;
  float scale;
};

/// Windows over NHWC images.
struct PoolShape {
  int batch, inHeight, inWidth, channels, outHeight, outWidth;
  int filterHeight, filterWidth, strideHeight, strideWidth, dilationHeight, dilationWidth, padTop, padLeft;
};

/// Bilinear resizing of NHWC images; where output pixels lie in the source as TensorFlow's options say.
struct ResizeShape {
  int batch, inHeight, inWidth, channels, outHeight, outWidth;
  bool alignCorners, halfPixelCenters;
};

/// Random numbers of chains firstChain .. firstChain + chains - 1 at one step; event elements for each chain.
struct RandomStream {
  uint32_t key[2];
  uint32_t firstChain, step;
  int64_t chains, event;
};

/// A negative energy f: convolutions with biases, the activation after all but the last, whose output is one number.
/// A dense layer is a convolution of 1x1 images by a 1x1 filter.
struct Network {
  static constexpr int kMaxLayers = 32;
  int layers;
  ConvShape shapes[kMaxLayers];  // of one image
  const float *filters[kMaxLayers], *biases[kMaxLayers];
  Activation activation;  // relu, leakyRelu, elu, softplus, swish, gelu or tanh
  float slope;            // of leakyRelu; 0 for relu

  /// Whether the derivative is 1 where an output is positive and `slope` elsewhere. Others need the sum that went in.
  bool sign_tells_derivative() const {
    return activation == Activation::relu || (activation == Activation::leakyRelu && slope >= 0);
  }
};

/// K steps of chains that climb f, whatever moves them.
struct ShortRun {
  Network network;
  int64_t steps;
  uint32_t key[2], firstChain;
  int64_t chains;
  int64_t snapshots;
  const int64_t* snapshotSteps;  // numbers of steps, 1 .. K, increasing, after which x is kept
};

/// x <- x + drift f'(x) + noise z.
struct Langevin {
  const float *drift, *noise;      // one for each step
  float clampGradient, low, high;  // bounds of the gradient's elements and of x's, infinite where off
};

/// Hamiltonian Monte Carlo on exp(f(x) / temperature).
struct Hmc {
  const float* stepSize;  // one for each step
  int64_t leapfrogSteps;
  bool metropolis;  // whether proposals are put to the test
  bool draws;       // off: momenta are drawn as zero, step sizes are not jittered, and only the impossible is rejected
  float temperature, jitter, persistence;
  const float* massRoots;  // square roots of the inverse mass' diagonal [event], or null: a unit mass
};

/// Where a short run's results go.
struct ShortRunResult {
  float* x;                         // [chains, event]
  float *value, *gradientNorm;      // [steps]: means over the chains before each step
  float *acceptance, *energyError;  // [steps], of HMC: means over the chains of each step; may be null
  float* const* snapshots;          // each [chains, event]
};

/// What a long computation and whoever waits for it share. Once cancelled it ends soon, its results undefined.
struct Progress {
  std::atomic<int64_t> done{0};
  std::atomic<bool> cancelled{false};
};

struct Kernels {
  const char* name;
  int lanes;
  void (*conv2d)(const ConvShape&, const float* x, const float* filter, float* y, const Epilogue&);
  void (*conv2dInputGradient)(const ConvShape&, const float* dy, const float* filter, float* dx);
  void (*conv2dFilterGradient)(const ConvShape&, const float* x, const float* dy, float* dFilter);
  void (*matMul)(const MatMulShape&, const float* a, const float* b, float* c, const Epilogue&);
  void (*unary)(Unary, int64_t n, const float* x, float* y, float p0, float p1);
  void (*binary)(Binary, const Broadcast&, const float* a, const float* b, float* y, float p0);
  void (*compare)(Binary, const Broadcast&, const float* a, const float* b, uint8_t* y);
  void (*select)(int64_t n, const uint8_t* condition, const float* a, const float* b, float* y);
  /// Of n numbers x, from their gradient and its two averages to all three after the update.
  void (*adam)(const Adam&, int64_t n, const float* x, const float* gradient, const float* first, const float* second,
               float* nextX, float* nextFirst, float* nextSecond);
  void (*reduce)(Reduction, const ReduceShape&, const float* x, float* y);
  void (*pool)(bool average, const PoolShape&, const float* x, float* y);
  void (*resizeBilinear)(const ResizeShape&, const float* x, float* y);
  /// Row r of y is row r of each part in turn.
  void (*concat)(int64_t rows, int64_t parts, const int64_t* lengths, const float* const* x, float* y);
  void (*normal)(const RandomStream&, float* y);
  void (*uniform)(const RandomStream&, float* y);  // in [0, 1)
  /// x [chains, event]; `progress` may be null; it counts the gradients of all chains.
  void (*shortRunLangevin)(const ShortRun&, const Langevin&, const float* x, const ShortRunResult&, Progress* progress);
  void (*shortRunHmc)(const ShortRun&, const Hmc&, const float* x, const ShortRunResult&, Progress* progress);
  /// f(x) and f'(x) of n images x: value [n] and gradient, laid out as x.
  void (*valueAndGradient)(const Network&, int64_t n, const float* x, float* value, float* gradient);
  /// The gradient of sum over i of weights[i] f(x_i): of each layer's filter, then its bias. `progress` may be null; it
  /// counts images.
  void (*parameterGradient)(const Network&, int64_t n, const float* x, const float* weights, float* value,
                            float* const* gradients, Progress* progress);
  void (*philox)(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);
  void (*fmaLoop)(int64_t tasks, int64_t iterations, float* sink); // lanes * 2 * 12 floating point operations each
};

const Kernels* portable_kernels();
#if defined(__x86_64__)
const Kernels* avx2_kernels();
const Kernels* avx512_kernels();
#endif

/// The tables this processor can run, the slowest first.
std::vector<const Kernels*> supported_kernels();

/// The best table this processor can run, lowered by SRMCMC_ISA=portable|avx2|avx512.
const Kernels& kernels();

}  // namespace srmcmc
