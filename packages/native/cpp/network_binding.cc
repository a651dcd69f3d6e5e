#include "network_binding.h"

#include <algorithm>

#include "arguments.h"
#include "bf16/bf16_kernels.h"
#include "job.h"
#include "kernels.h"

namespace srmcmc {
namespace {

constexpr int64_t MAX_SIZE = INT32_MAX;

/// The first arguments of every function here: shape, activation, slope, precision (0: float32, 1: bfloat16). The shape
/// is the number of images, height, width, channels, then kernel, stride, padding and output channels of each layer.
constexpr size_t NETWORK_ARGUMENTS = 4;

struct NetworkCall {
  Network network;
  bool bfloat16;
  int64_t images;
  int64_t event;  // numbers in an image
  int64_t size;   // numbers in all images
  int weights() const { return 2 * network.layers; }
};

/// Everything of a network but its weights.
NetworkCall network_call(const Arguments& args) {
  constexpr int64_t HEADER = 4, A_LAYER = 4, MAX_SIDE = 1 << 16;
  const std::vector<int32_t> v = args.integers(0, -1, 0, MAX_SIZE);
  const int64_t layers = (static_cast<int64_t>(v.size()) - HEADER) / A_LAYER;
  if (static_cast<int64_t>(v.size()) != HEADER + A_LAYER * layers || layers < 1 || layers > Network::kMaxLayers)
    args.fail(0, "must hold 4 sizes and 4 for each of 1 to " + std::to_string(Network::kMaxLayers) + " layers");
  NetworkCall call{};
  call.images = v[0];
  call.network.layers = static_cast<int>(layers);
  int height = v[1], width = v[2], channels = v[3];
  if (height > MAX_SIDE || width > MAX_SIDE) args.fail(0, "has images that are too large");
  for (int64_t l = 0; l < layers; ++l) {
    const int32_t* layer = &v[static_cast<size_t>(HEADER + A_LAYER * l)];
    const int kernel = layer[0], stride = layer[1], pad = layer[2], outChannels = layer[3];
    const int64_t outHeight = height + 2 * int64_t{pad} - kernel, outWidth = width + 2 * int64_t{pad} - kernel;
    if (height < 1 || width < 1 || channels < 1 || kernel < 1 || stride < 1 || outChannels < 1 ||
        kernel > MAX_SIDE || stride > MAX_SIDE || pad >= kernel || outHeight < 0 || outWidth < 0)
      args.fail(0, "has an empty layer, one larger than its input, or one that sees padding alone");
    ConvShape& s = call.network.shapes[l];
    s = {1, height, width, channels, static_cast<int>(outHeight / stride + 1), static_cast<int>(outWidth / stride + 1),
         outChannels, kernel, kernel, stride, stride, 1, 1, pad, pad};
    product(args.env(), {height, width, channels});
    product(args.env(), {s.outHeight, s.outWidth, outChannels});
    product(args.env(), {kernel, kernel, channels, outChannels});
    height = s.outHeight;
    width = s.outWidth;
    channels = outChannels;
  }
  if (height != 1 || width != 1 || channels != 1) args.fail(0, "must end in one number");
  const auto activation = static_cast<Activation>(args.integer(1, 0, static_cast<int>(Activation::tanh)));
  if (activation == Activation::linear || activation == Activation::relu6 || activation == Activation::prelu ||
      activation == Activation::sigmoid)
    args.fail(1, "must be relu, elu, leakyRelu, softplus, swish, gelu or tanh");
  call.network.activation = activation;
  call.network.slope = activation == Activation::leakyRelu ? args.real(2) : 0.f;
  call.bfloat16 = args.integer(3, 0, 1) == 1;
  const ConvShape& first = call.network.shapes[0];
  call.event = product(args.env(), {first.inHeight, first.inWidth, first.inChannels});
  call.size = product(args.env(), {call.images, call.event});
  return call;
}

int64_t filter_size(const ConvShape& s) {
  return int64_t{s.filterHeight} * s.filterWidth * s.inChannels * s.outChannels;
}

/// Each layer's filter and bias, from argument `first` on.
void read_weights(const Arguments& args, size_t first, Network* network) {
  for (int l = 0; l < network->layers; ++l, first += 2) {
    network->filters[l] = args.input(first, filter_size(network->shapes[l]));
    network->biases[l] = args.input(first + 1, network->shapes[l].outChannels);
  }
}

/// A call of shortRun or startShortRun as it goes to the kernel.
struct ShortRunCall {
  ShortRun run;
  bool bfloat16;
  const float* x;
  int64_t size;
  std::vector<int64_t> snapshotSteps;
  size_t arguments;  // read so far: results follow
};

// After the network: clamp of the gradient, low, high, key word 0, key word 1, first chain, drift, noise, the steps
// after which to keep snapshots, x, and each layer's filter and bias. Then, of shortRun, the results.
void read_short_run(const Arguments& args, ShortRunCall* call) {
  const NetworkCall given = network_call(args);
  size_t at = NETWORK_ARGUMENTS;
  ShortRun& run = call->run;
  run.network = given.network;
  call->bfloat16 = given.bfloat16;
  run.chains = given.images;
  run.clampGradient = args.real(at++);
  run.low = args.real(at++);
  run.high = args.real(at++);
  run.key[0] = args.word(at++);
  run.key[1] = args.word(at++);
  run.firstChain = args.word(at++);
  if (run.chains > 0 && run.firstChain + run.chains - 1 > UINT32_MAX)
    args.fail(at - 1, "leaves no numbers for the chains");
  args.any_floats(at, &run.steps);
  if (run.steps < 1) args.fail(at, "has no steps");
  product(args.env(), {run.chains, run.steps});
  run.drift = args.input(at++, run.steps);
  run.noise = args.input(at++, run.steps);
  const int64_t mostSteps = std::min(run.steps, MAX_SIZE);
  for (const int32_t step : args.integers(at, -1, 1, mostSteps)) {
    if (!call->snapshotSteps.empty() && call->snapshotSteps.back() >= step) args.fail(at, "must increase");
    call->snapshotSteps.push_back(step);
  }
  ++at;
  run.snapshots = static_cast<int64_t>(call->snapshotSteps.size());
  run.snapshotSteps = call->snapshotSteps.data();
  call->size = given.size;
  call->x = args.input(at++, given.size);
  read_weights(args, at, &run.network);
  call->arguments = at + static_cast<size_t>(given.weights());
}

/// The results, from wherever `next(size)` has them.
template <class Next>
ShortRunResult short_run_results(const ShortRunCall& call, std::vector<float*>* snapshots, Next&& next) {
  ShortRunResult result{};
  result.x = next(call.size);
  result.value = next(call.run.steps);
  result.gradientNorm = next(call.run.steps);
  for (int64_t i = 0; i < call.run.snapshots; ++i) snapshots->push_back(next(call.size));
  result.snapshots = snapshots->data();
  return result;
}

void run(const ShortRunCall& call, const ShortRunResult& result, Progress* progress) {
  (call.bfloat16 ? bf16_kernels().shortRun : kernels().shortRun)(call.run, call.x, result, progress);
}

Napi::Value short_run(const Napi::CallbackInfo& info) {
  const Arguments args(info, "shortRun");
  return within_memory(args, [&] {
    ShortRunCall call{};
    read_short_run(args, &call);
    std::vector<float*> snapshots;
    size_t at = call.arguments;
    const ShortRunResult result =
        short_run_results(call, &snapshots, [&](int64_t size) { return args.floats(at++, size); });
    run(call, result, nullptr);
  });
}

Napi::Value start_short_run(const Napi::CallbackInfo& info) {
  auto job = std::make_unique<Job>(info.Env());
  const Arguments args(info, "startShortRun", &job->copies);
  Napi::Value handle;
  within_memory(args, [&] {
    const auto call = std::make_shared<ShortRunCall>();
    read_short_run(args, call.get());
    const auto snapshots = std::make_shared<std::vector<float*>>();
    const ShortRunResult result =
        short_run_results(*call, snapshots.get(), [&](int64_t size) { return job->result(size); });
    handle = job->start([call, snapshots, result](Progress& progress) { run(*call, result, &progress); });
    job.release();
  });
  return handle;
}

// After the network: x, each layer's filter and bias, and then the results: value, gradient.
Napi::Value value_and_gradient(const Napi::CallbackInfo& info) {
  const Arguments args(info, "valueAndGradient");
  return within_memory(args, [&] {
    NetworkCall call = network_call(args);
    const float* x = args.input(NETWORK_ARGUMENTS, call.size);
    read_weights(args, NETWORK_ARGUMENTS + 1, &call.network);
    const size_t at = NETWORK_ARGUMENTS + 1 + static_cast<size_t>(call.weights());
    float* value = args.floats(at, call.images);
    float* gradient = args.floats(at + 1, call.size);
    (call.bfloat16 ? bf16_kernels().valueAndGradient : kernels().valueAndGradient)(call.network, call.images, x, value,
                                                                                  gradient);
  });
}

/// A call of parameterGradient or startParameterGradient as it goes to the kernel.
struct ParameterGradientCall {
  NetworkCall given;
  const float *x, *weights;
  size_t arguments;  // read so far: results follow
};

// After the network: x, the weights of the images, and each layer's filter and bias. Then, of parameterGradient, the
// results.
void read_parameter_gradient(const Arguments& args, ParameterGradientCall* call) {
  call->given = network_call(args);
  call->x = args.input(NETWORK_ARGUMENTS, call->given.size);
  call->weights = args.input(NETWORK_ARGUMENTS + 1, call->given.images);
  read_weights(args, NETWORK_ARGUMENTS + 2, &call->given.network);
  call->arguments = NETWORK_ARGUMENTS + 2 + static_cast<size_t>(call->given.weights());
}

/// The value, and the gradient of each layer's filter and bias, from wherever `next(size)` has them.
template <class Next>
std::vector<float*> parameter_gradient_results(const NetworkCall& given, Next&& next) {
  std::vector<float*> results{next(given.images)};
  for (int l = 0; l < given.network.layers; ++l) {
    results.push_back(next(filter_size(given.network.shapes[l])));
    results.push_back(next(given.network.shapes[l].outChannels));
  }
  return results;
}

void run(const ParameterGradientCall& call, const std::vector<float*>& results, Progress* progress) {
  const auto gradient = call.given.bfloat16 ? bf16_kernels().parameterGradient : kernels().parameterGradient;
  gradient(call.given.network, call.given.images, call.x, call.weights, results[0], results.data() + 1, progress);
}

Napi::Value parameter_gradient(const Napi::CallbackInfo& info) {
  const Arguments args(info, "parameterGradient");
  return within_memory(args, [&] {
    ParameterGradientCall call{};
    read_parameter_gradient(args, &call);
    size_t at = call.arguments;
    run(call, parameter_gradient_results(call.given, [&](int64_t size) { return args.floats(at++, size); }), nullptr);
  });
}

Napi::Value start_parameter_gradient(const Napi::CallbackInfo& info) {
  auto job = std::make_unique<Job>(info.Env());
  const Arguments args(info, "startParameterGradient", &job->copies);
  Napi::Value handle;
  within_memory(args, [&] {
    ParameterGradientCall call{};
    read_parameter_gradient(args, &call);
    const std::vector<float*> results =
        parameter_gradient_results(call.given, [&](int64_t size) { return job->result(size); });
    handle = job->start([call, results](Progress& progress) { run(call, results, &progress); });
    job.release();
  });
  return handle;
}

}  // namespace

void add_network_functions(Napi::Env env, Napi::Object exports) {
  exports.Set("bfloat16", Napi::String::New(env, bf16_kernels().name));
  exports.Set("shortRun", Napi::Function::New<short_run>(env, "shortRun"));
  exports.Set("startShortRun", Napi::Function::New<start_short_run>(env, "startShortRun"));
  exports.Set("parameterGradient", Napi::Function::New<parameter_gradient>(env, "parameterGradient"));
  exports.Set("startParameterGradient", Napi::Function::New<start_parameter_gradient>(env, "startParameterGradient"));
  exports.Set("valueAndGradient", Napi::Function::New<value_and_gradient>(env, "valueAndGradient"));
}

}  // namespace srmcmc
