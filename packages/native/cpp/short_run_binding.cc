// Short runs, by each move: a function that returns when all steps are made, and one that starts a job.
#include <algorithm>

#include "bf16/bf16_kernels.h"
#include "job.h"
#include "network_arguments.h"
#include "network_binding.h"

namespace srmcmc {
namespace {

/// One move's arguments and the kernels that make it.
struct LangevinCall {
  static constexpr const char *NAME = "shortRun", *START = "startShortRun";
  Langevin langevin;

  // Clamp of the gradient, low, high.
  void read_options(const Arguments& args, size_t* at) {
    langevin.clampGradient = args.real((*at)++);
    langevin.low = args.real((*at)++);
    langevin.high = args.real((*at)++);
  }
  // Drift and noise, which have a number for each step.
  void read_schedules(const Arguments& args, size_t* at, int64_t* steps, int64_t) {
    args.any_floats(*at, steps);
    langevin.drift = args.input((*at)++, *steps);
    langevin.noise = args.input((*at)++, *steps);
  }
  template <class Next>
  void add_results(ShortRunResult*, int64_t, Next&&) const {}

  void run(const ShortRun& run, bool bfloat16, const float* x, const ShortRunResult& result, Progress* progress) const {
    (bfloat16 ? bf16_kernels().shortRunLangevin : kernels().shortRunLangevin)(run, langevin, x, result, progress);
  }
};

struct HmcCall {
  static constexpr const char *NAME = "shortRunHmc", *START = "startShortRunHmc";
  Hmc hmc;

  // Leapfrog steps; whether there is a Metropolis test; whether anything is drawn; temperature, jitter, persistence.
  void read_options(const Arguments& args, size_t* at) {
    hmc.leapfrogSteps = args.integer((*at)++, 1, MAX_SIZE);
    hmc.metropolis = args.integer((*at)++, 0, 1) == 1;
    hmc.draws = args.integer((*at)++, 0, 1) == 1;
    hmc.temperature = args.real((*at)++);
    if (!(hmc.temperature > 0)) args.fail(*at - 1, "must be positive");
    for (float* fraction : {&hmc.jitter, &hmc.persistence}) {
      *fraction = args.real((*at)++);
      if (!(*fraction >= 0 && *fraction < 1)) args.fail(*at - 1, "must be in [0, 1)");
    }
  }
  // Step sizes; square roots of the inverse mass' diagonal, or null.
  void read_schedules(const Arguments& args, size_t* at, int64_t* steps, int64_t event) {
    args.any_floats(*at, steps);
    hmc.stepSize = args.input((*at)++, *steps);
    hmc.massRoots = args.absent(*at) ? nullptr : args.input(*at, event);
    ++*at;
  }
  // The acceptance where there is a test, and the energy error.
  template <class Next>
  void add_results(ShortRunResult* result, int64_t steps, Next&& next) const {
    if (hmc.metropolis) result->acceptance = next(steps);
    result->energyError = next(steps);
  }

  void run(const ShortRun& run, bool bfloat16, const float* x, const ShortRunResult& result, Progress* progress) const {
    (bfloat16 ? bf16_kernels().shortRunHmc : kernels().shortRunHmc)(run, hmc, x, result, progress);
  }
};

/// A call as it goes to the kernel.
template <class Move>
struct ShortRunCall {
  ShortRun run;
  Move move;
  bool bfloat16;
  const float* x;
  int64_t size;
  std::vector<int64_t> snapshotSteps;
  size_t arguments;  // read so far: results follow

  void operator()(const ShortRunResult& result, Progress* progress) const {
    move.run(run, bfloat16, x, result, progress);
  }
};

// After the network: the move's options, key word 0, key word 1, first chain, the move's schedules, the steps after which
// to keep snapshots, x, and each layer's filter and bias. Then, of a call that returns when all is done, the results.
template <class Move>
void read_short_run(const Arguments& args, ShortRunCall<Move>* call) {
  const NetworkCall given = network_call(args);
  size_t at = NETWORK_ARGUMENTS;
  ShortRun& run = call->run;
  run.network = given.network;
  call->bfloat16 = given.bfloat16;
  run.chains = given.images;
  call->move.read_options(args, &at);
  run.key[0] = args.word(at++);
  run.key[1] = args.word(at++);
  run.firstChain = args.word(at++);
  if (run.chains > 0 && run.firstChain + run.chains - 1 > UINT32_MAX)
    args.fail(at - 1, "leaves no numbers for the chains");
  const size_t schedules = at;
  call->move.read_schedules(args, &at, &run.steps, given.event);
  if (run.steps < 1) args.fail(schedules, "has no steps");
  product(args.env(), {run.chains, run.steps});
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

/// The results, from wherever `next(size)` has them: x, value, gradient norm, the move's own, and each snapshot.
template <class Move, class Next>
ShortRunResult results_of(const ShortRunCall<Move>& call, std::vector<float*>* snapshots, Next&& next) {
  ShortRunResult result{};
  result.x = next(call.size);
  result.value = next(call.run.steps);
  result.gradientNorm = next(call.run.steps);
  call.move.add_results(&result, call.run.steps, next);
  for (int64_t i = 0; i < call.run.snapshots; ++i) snapshots->push_back(next(call.size));
  result.snapshots = snapshots->data();
  return result;
}

template <class Move>
Napi::Value short_run(const Napi::CallbackInfo& info) {
  const Arguments args(info, Move::NAME);
  return within_memory(args, [&] {
    ShortRunCall<Move> call{};
    read_short_run(args, &call);
    std::vector<float*> snapshots;
    size_t at = call.arguments;
    const ShortRunResult result = results_of(call, &snapshots, [&](int64_t size) { return args.floats(at++, size); });
    call(result, nullptr);
  });
}

template <class Move>
Napi::Value start_short_run(const Napi::CallbackInfo& info) {
  auto job = std::make_unique<Job>(info.Env());
  const Arguments args(info, Move::START, &job->copies);
  Napi::Value handle;
  within_memory(args, [&] {
    const auto call = std::make_shared<ShortRunCall<Move>>();
    read_short_run(args, call.get());
    const auto snapshots = std::make_shared<std::vector<float*>>();
    const ShortRunResult result = results_of(*call, snapshots.get(), [&](int64_t size) { return job->result(size); });
    handle = job->start([call, snapshots, result](Progress& progress) { (*call)(result, &progress); });
    job.release();
  });
  return handle;
}

template <class Move>
void add_move(Napi::Env env, Napi::Object exports) {
  exports.Set(Move::NAME, Napi::Function::New<short_run<Move>>(env, Move::NAME));
  exports.Set(Move::START, Napi::Function::New<start_short_run<Move>>(env, Move::START));
}

}  // namespace

void add_short_run_functions(Napi::Env env, Napi::Object exports) {
  add_move<LangevinCall>(env, exports);
  add_move<HmcCall>(env, exports);
}

}  // namespace srmcmc
