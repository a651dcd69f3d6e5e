#include "network_binding.h"

#include "bf16/bf16_kernels.h"
#include "job.h"
#include "network_arguments.h"

namespace srmcmc {
namespace {

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
  exports.Set("bfloat16IsFaster", Napi::Boolean::New(env, bf16_is_faster()));
  exports.Set("parameterGradient", Napi::Function::New<parameter_gradient>(env, "parameterGradient"));
  exports.Set("startParameterGradient", Napi::Function::New<start_parameter_gradient>(env, "startParameterGradient"));
  exports.Set("valueAndGradient", Napi::Function::New<value_and_gradient>(env, "valueAndGradient"));
}

}  // namespace srmcmc
