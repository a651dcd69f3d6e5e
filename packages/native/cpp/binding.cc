// The functions that JavaScript sees. Each checks its arguments, runs one kernel and writes to the array it was
// given; none keeps a reference.
#include <algorithm>
#include <chrono>
#include <limits>
#include <vector>

#include "arguments.h"
#include "bf16/bf16_kernels.h"
#include "image_binding.h"
#include "kernels.h"
#include "network_binding.h"
#include "thread_pool.h"

namespace srmcmc {
namespace {

constexpr int64_t MAX_SIZE = std::numeric_limits<int32_t>::max();
constexpr int64_t MAX_STEP = 1 << 20;  // of strides, dilations and padding: far from overflow in any offset

using Body = void (*)(const Arguments&);

template <Body body>
Napi::Value guarded(const Napi::CallbackInfo& info) {
  const Arguments args(info, static_cast<const char*>(info.Data()));
  return within_memory(args, [&] { body(args); });
}

ConvShape conv_shape(const Arguments& args) {
  const std::vector<int32_t> v = args.integers(0, 15, -MAX_STEP, MAX_SIZE);
  const ConvShape s{v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7], v[8], v[9], v[10], v[11], v[12], v[13], v[14]};
  if (v[0] < 0) args.fail(0, "has a negative size");
  for (int i = 1; i < 9; ++i)
    if (v[i] < 1) args.fail(0, "has an empty or a negative size");
  for (int i = 9; i < 13; ++i)
    if (v[i] < 1 || v[i] > MAX_STEP) args.fail(0, "has a stride or a dilation out of range");
  if (v[13] > MAX_STEP || v[14] > MAX_STEP) args.fail(0, "has a padding out of range");
  // Positions are computed in 64 bits from 32-bit sizes and steps of at most 2^20: no offset overflows.
  return s;
}
int64_t input_size(const Arguments& a, const ConvShape& s) {
  return product(a.env(), {s.batch, s.inHeight, s.inWidth, s.inChannels});
}
int64_t output_size(const Arguments& a, const ConvShape& s) {
  return product(a.env(), {s.batch, s.outHeight, s.outWidth, s.outChannels});
}
int64_t filter_size(const Arguments& a, const ConvShape& s) {
  return product(a.env(), {s.filterHeight, s.filterWidth, s.inChannels, s.outChannels});
}

Epilogue epilogue(const Arguments& args, size_t first, int64_t channels) {
  Epilogue e;
  e.bias = args.optional_floats(first, channels);
  e.activation = static_cast<Activation>(args.integer(first + 1, 0, static_cast<int>(Activation::sigmoid)));
  e.alpha = args.real(first + 2);
  e.prelu = args.optional_floats(first + 3, channels);
  if (e.activation == Activation::prelu && !e.prelu) args.fail(first + 3, "must be given for prelu");
  return e;
}

/// The kernels of the precision that argument i says, 0 or 1: both tables have products of these names.
template <class Call>
void in_precision(const Arguments& args, size_t i, Call&& call) {
  if (args.integer(i, 0, 1) == 1) call(bf16_kernels());
  else call(kernels());
}

void bind_conv2d(const Arguments& args) {
  const ConvShape s = conv_shape(args);
  const float* x = args.floats(1, input_size(args, s));
  const float* filter = args.floats(2, filter_size(args, s));
  float* y = args.floats(3, output_size(args, s));
  const Epilogue finish = epilogue(args, 4, s.outChannels);
  in_precision(args, 8, [&](const auto& kernels) { kernels.conv2d(s, x, filter, y, finish); });
}

void bind_conv2d_input_gradient(const Arguments& args) {
  const ConvShape s = conv_shape(args);
  if (s.dilationHeight != 1 || s.dilationWidth != 1) args.fail(0, "must have dilations of 1");
  const float* dy = args.floats(1, output_size(args, s));
  const float* filter = args.floats(2, filter_size(args, s));
  float* dx = args.floats(3, input_size(args, s));
  in_precision(args, 4, [&](const auto& kernels) { kernels.conv2dInputGradient(s, dy, filter, dx); });
}

void bind_conv2d_filter_gradient(const Arguments& args) {
  const ConvShape s = conv_shape(args);
  const float* x = args.floats(1, input_size(args, s));
  const float* dy = args.floats(2, output_size(args, s));
  float* dFilter = args.floats(3, filter_size(args, s));
  in_precision(args, 4, [&](const auto& kernels) { kernels.conv2dFilterGradient(s, x, dy, dFilter); });
}

// shape: batches of a, batches of b, rows, inner, columns, transposeA, transposeB; one batch is used for all.
void bind_mat_mul(const Arguments& args) {
  const std::vector<int32_t> v = args.integers(0, 7, 0, MAX_SIZE);
  const int64_t batchA = v[0], batchB = v[1];
  if (batchA != batchB && batchA != 1 && batchB != 1) args.fail(0, "has batches that do not match");
  const int64_t left = product(args.env(), {v[2], v[3]}), right = product(args.env(), {v[3], v[4]});
  MatMulShape s{};
  s.batch = batchA == 0 || batchB == 0 ? 0 : batchA > batchB ? batchA : batchB;
  s.rows = v[2];
  s.inner = v[3];
  s.columns = v[4];
  s.batchStrideA = batchA == 1 ? 0 : left;
  s.batchStrideB = batchB == 1 ? 0 : right;
  s.transposeA = v[5] != 0;
  s.transposeB = v[6] != 0;
  const float* a = args.floats(1, product(args.env(), {batchA, left}));
  const float* b = args.floats(2, product(args.env(), {batchB, right}));
  const int64_t size = product(args.env(), {s.batch, s.rows, s.columns});
  float* c = args.floats(3, size);
  const Epilogue finish = epilogue(args, 4, s.columns);
  if (size > 0) in_precision(args, 8, [&](const auto& kernels) { kernels.matMul(s, a, b, c, finish); });
}

void bind_unary(const Arguments& args) {
  const auto f = static_cast<Unary>(args.integer(0, 0, static_cast<int>(Unary::count) - 1));
  int64_t n = 0;
  const float* x = args.any_floats(1, &n);
  kernels().unary(f, n, x, args.floats(2, n), args.real(3), args.real(4));
}

// An operand's extent: what its strides can reach must lie inside its array.
Broadcast broadcast(const Arguments& args, int64_t* sizeA, int64_t* sizeB, int64_t* sizeY) {
  const std::vector<int32_t> v = args.integers(1, -1, 0, MAX_SIZE);
  if (v.size() % 3 != 0 || v.size() / 3 > kMaxRank) args.fail(1, "must hold sizes and two sets of strides");
  Broadcast s{};
  s.rank = static_cast<int>(v.size() / 3);
  *sizeA = *sizeB = *sizeY = 1;
  for (int i = 0; i < s.rank; ++i) {
    s.size[i] = v[i];
    s.strideA[i] = v[s.rank + i];
    s.strideB[i] = v[2 * s.rank + i];
    *sizeY = product(args.env(), {*sizeY, s.size[i]});
    const int64_t last = s.size[i] > 0 ? s.size[i] - 1 : 0;
    *sizeA += product(args.env(), {last, s.strideA[i]});
    *sizeB += product(args.env(), {last, s.strideB[i]});
  }
  if (s.rank > 0 && (s.strideA[s.rank - 1] > 1 || s.strideB[s.rank - 1] > 1))
    args.fail(1, "must have last strides of 0 or 1");
  return s;
}

void bind_binary(const Arguments& args) {
  const auto f = static_cast<Binary>(args.integer(0, 0, static_cast<int>(Binary::greater) - 1));
  int64_t sizeA, sizeB, sizeY, foundA = 0, foundB = 0;
  const Broadcast s = broadcast(args, &sizeA, &sizeB, &sizeY);
  const float* a = args.any_floats(2, &foundA);
  const float* b = args.any_floats(3, &foundB);
  float* y = args.floats(4, sizeY);
  if (sizeY == 0) return;
  if (foundA < sizeA) args.fail(2, "is shorter than its strides reach");
  if (foundB < sizeB) args.fail(3, "is shorter than its strides reach");
  kernels().binary(f, s, a, b, y, args.real(5));
}

void bind_compare(const Arguments& args) {
  const auto f = static_cast<Binary>(
      args.integer(0, static_cast<int>(Binary::greater), static_cast<int>(Binary::count) - 1));
  int64_t sizeA, sizeB, sizeY, foundA = 0, foundB = 0;
  const Broadcast s = broadcast(args, &sizeA, &sizeB, &sizeY);
  const float* a = args.any_floats(2, &foundA);
  const float* b = args.any_floats(3, &foundB);
  uint8_t* y = args.bytes(4, sizeY);
  if (sizeY == 0) return;
  if (foundA < sizeA) args.fail(2, "is shorter than its strides reach");
  if (foundB < sizeB) args.fail(3, "is shorter than its strides reach");
  kernels().compare(f, s, a, b, y);
}

void bind_select(const Arguments& args) {
  int64_t n = 0;
  const float* a = args.any_floats(1, &n);
  const float* b = args.floats(2, n);
  const uint8_t* condition = args.bytes(0, n);
  kernels().select(n, condition, a, b, args.floats(3, n));
}

// coefficients, in the order of the struct's; x, gradient, first, second, and where the next ones of all but the gradient go
void bind_adam(const Arguments& args) {
  const float* c = args.floats(0, 7);
  int64_t n = 0;
  const float* x = args.any_floats(1, &n);
  kernels().adam({c[0], c[1], c[2], c[3], c[4], c[5], c[6]}, n, x, args.floats(2, n), args.floats(3, n),
                 args.floats(4, n), args.floats(5, n), args.floats(6, n), args.floats(7, n));
}

void bind_reduce(const Arguments& args) {
  const auto r = static_cast<Reduction>(args.integer(0, 0, static_cast<int>(Reduction::count) - 1));
  const std::vector<int32_t> v = args.integers(1, 3, 0, MAX_SIZE);
  const float* x = args.floats(2, product(args.env(), {v[0], v[1], v[2]}));
  float* y = args.floats(3, product(args.env(), {v[0], v[2]}));
  kernels().reduce(r, {v[0], v[1], v[2], args.real(4)}, x, y);
}

// key word 0, key word 1, first chain, step, chains, event size, output
template <void (*Kernels::* draw)(const RandomStream&, float*)>
void bind_random(const Arguments& args) {
  RandomStream s{};
  s.key[0] = args.word(0);
  s.key[1] = args.word(1);
  s.firstChain = args.word(2);
  s.step = args.word(3);
  s.chains = args.integer(4, 0, MAX_SIZE);
  s.event = args.integer(5, 0, MAX_SIZE);
  if (s.chains > 0 && s.firstChain + s.chains - 1 > UINT32_MAX) args.fail(2, "leaves no numbers for the chains");
  (kernels().*draw)(s, args.floats(6, product(args.env(), {s.chains, s.event})));
}

/// One block of Philox4x32-10, for the published test vectors: counter[4], key[2] -> [4].
Napi::Value bind_philox(const Napi::CallbackInfo& info) {
  const Arguments args(info, "philox4x32");
  uint32_t counter[4], key[2], out[4];
  for (size_t i = 0; i < 4; ++i) counter[i] = args.word(i);
  for (size_t i = 0; i < 2; ++i) key[i] = args.word(4 + i);
  kernels().philox(counter, key, out);
  Napi::Array result = Napi::Array::New(info.Env(), 4);
  for (uint32_t i = 0; i < 4; ++i) result.Set(i, Napi::Number::New(info.Env(), out[i]));
  return result;
}

void bind_set_threads(const Arguments& args) {
  set_thread_count(static_cast<int>(args.integer(0, 1, kMaxThreads)));
}

Napi::Value bind_threads(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), thread_count()); }

/// Billions of operations a second, the best of a few runs of all threads together.
template <class Loop>
double peak(int64_t operations, Loop&& loop) {
  const int threads = thread_count();
  std::vector<float> sink(static_cast<size_t>(threads));
  double best = 0;
  for (int run = 0; run < 8; ++run) {
    const auto start = std::chrono::steady_clock::now();
    loop(threads, sink.data());
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    best = std::max(best, static_cast<double>(operations) * threads / elapsed.count() * 1e-9);
  }
  return best;
}

/// Of single precision: multiply-adds in registers.
Napi::Value bind_peak(const Napi::CallbackInfo& info) {
  constexpr int64_t ITERATIONS = 2'000'000, OPERATIONS = 2 * 12;
  return Napi::Number::New(info.Env(), peak(ITERATIONS * OPERATIONS * kernels().lanes, [](int tasks, float* sink) {
                             kernels().fmaLoop(tasks, ITERATIONS, sink);
                           }));
}

/// Of bfloat16: products of tiles in the first-level cache.
Napi::Value bind_bf16_peak(const Napi::CallbackInfo& info) {
  constexpr int64_t ITERATIONS = 2000;
  return Napi::Number::New(info.Env(), peak(ITERATIONS * Bf16Kernels::kLoopOperations, [](int tasks, float* sink) {
                             bf16_kernels().productLoop(tasks, ITERATIONS, sink);
                           }));
}

template <Body body>
void add(Napi::Object exports, const char* name) {
  exports.Set(name, Napi::Function::New<guarded<body>>(exports.Env(), name, const_cast<char*>(name)));
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  exports.Set("instructionSet", Napi::String::New(env, kernels().name));
  exports.Set("threads", Napi::Function::New<bind_threads>(env, "threads"));
  exports.Set("philox4x32", Napi::Function::New<bind_philox>(env, "philox4x32"));
  exports.Set("peakGflops", Napi::Function::New<bind_peak>(env, "peakGflops"));
  exports.Set("peakBf16Gflops", Napi::Function::New<bind_bf16_peak>(env, "peakBf16Gflops"));
  add<bind_set_threads>(exports, "setThreads");
  add<bind_conv2d>(exports, "conv2d");
  add<bind_conv2d_input_gradient>(exports, "conv2dInputGradient");
  add<bind_conv2d_filter_gradient>(exports, "conv2dFilterGradient");
  add<bind_mat_mul>(exports, "matMul");
  add<bind_unary>(exports, "unary");
  add<bind_binary>(exports, "binary");
  add<bind_compare>(exports, "compare");
  add<bind_select>(exports, "select");
  add<bind_adam>(exports, "adam");
  add<bind_reduce>(exports, "reduce");
  add<bind_random<&Kernels::normal>>(exports, "normal");
  add<bind_random<&Kernels::uniform>>(exports, "uniform");
  add_image_functions(exports);
  add_network_functions(env, exports);
  add_short_run_functions(env, exports);
  return exports;
}

}  // namespace
}  // namespace srmcmc

static Napi::Object init_addon(Napi::Env env, Napi::Object exports) { return srmcmc::init(env, exports); }
NODE_API_MODULE(srmcmc_native, init_addon)
