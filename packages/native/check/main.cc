// srmcmc-check: holds every kernel table that this processor can run against truth computed here in double
// precision. One line a check, with its figure and its bound; exits with 1 when one is over.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "bf16/bf16_kernels.h"
#include "check.h"
#include "thread_pool.h"

namespace {

const char* const USAGE =
    "usage: srmcmc-check [--quick] [--draws N] [--only TEXT] [--isa NAME] [--threads N] [--list]\n"
    "  --quick     small shapes and few draws, for slow machines\n"
    "  --draws N   normal variates to test, 100 million unless told (200 thousand with --quick)\n"
    "  --only TEXT checks whose name contains TEXT\n"
    "  --isa NAME  that instruction set alone; an error where the processor does not have it\n"
    "  --threads N threads of the pool\n"
    "  --list      names of the instruction sets and of the checks, without running any\n";

struct Arguments {
  check::Options options;
  std::string only, isa;
  bool list = false;
};

[[noreturn]] void refuse(const char* argument) {
  std::fprintf(stderr, "cannot use %s\n%s", argument, USAGE);
  std::exit(2);
}

Arguments parse(int count, char** words) {
  Arguments a;
  bool drawsGiven = false;
  for (int i = 1; i < count; ++i) {
    const std::string word = words[i];
    const auto value = [&] { return i + 1 < count ? words[++i] : (refuse(words[i]), nullptr); };
    const auto positive = [&] {
      const char* text = value();
      char* end;
      const long long number = std::strtoll(text, &end, 10);
      if (*end != '\0' || number < 1) refuse(text);
      return static_cast<int64_t>(number);
    };
    if (word == "--quick") a.options.quick = true;
    else if (word == "--list") a.list = true;
    else if (word == "--only") a.only = value();
    else if (word == "--isa") a.isa = value();
    else if (word == "--threads") srmcmc::set_thread_count(static_cast<int>(positive()));
    else if (word == "--draws") a.options.draws = positive(), drawsGiven = true;
    else if (word == "--help") std::fputs(USAGE, stdout), std::exit(0);
    else refuse(words[i]);
  }
  if (a.options.quick && !drawsGiven) a.options.draws = 200'000;
  return a;
}

template <class Table>
void add_products(check::Checks& checks, const check::Options& options, check::Sampler::Precision precision,
                  const Table& kernels) {
  const check::Multiplier multiplier{precision, kernels.conv2d, kernels.conv2dInputGradient,
                                     kernels.conv2dFilterGradient, kernels.matMul};
  check::add_convolution(checks, options, multiplier);
  check::add_matrix_product(checks, options, multiplier);
}

check::Checks checks_of(const srmcmc::Kernels& kernels, const check::Options& options) {
  check::Checks checks;
  add_products(checks, options, check::Sampler::float32, kernels);
  check::add_elementwise(checks, options, kernels);
  check::add_image_functions(checks, options, kernels);
  const check::Sampler float32{check::Sampler::float32, kernels.shortRunLangevin, kernels.shortRunHmc,
                               kernels.valueAndGradient, kernels.parameterGradient};
  check::add_network(checks, options, float32);
  check::add_parameter_gradient(checks, options, float32);
  check::add_langevin(checks, options, float32);
  check::add_hmc(checks, options, float32);
  check::add_random_normal(checks, options, kernels);
  return checks;
}

check::Checks checks_of(const srmcmc::Bf16Kernels& kernels, const check::Options& options) {
  check::Checks checks;
  add_products(checks, options, check::Sampler::bfloat16, kernels);
  const auto precision = kernels.minimalBackward ? check::Sampler::bfloat16Minimal : check::Sampler::bfloat16;
  const check::Sampler bfloat16{precision, kernels.shortRunLangevin, kernels.shortRunHmc, kernels.valueAndGradient,
                                kernels.parameterGradient};
  check::add_network(checks, options, bfloat16);
  check::add_parameter_gradient(checks, options, bfloat16);
  check::add_langevin(checks, options, bfloat16);
  check::add_hmc(checks, options, bfloat16);
  return checks;
}

/// Prints the name before measuring, so that a crash says whose it is.
bool passes(const char* instructionSet, const check::Check& check) {
  std::printf("%-10s  %-64s ", instructionSet, check.name.c_str());
  std::fflush(stdout);
  const auto start = std::chrono::steady_clock::now();
  const check::Figure figure = check.measure();
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  const bool holds = figure.value <= figure.bound;
  std::printf("%9.3g %s %-8.3g %s %6.2f s\n", figure.value, holds ? "<=" : "> ", figure.bound, holds ? "ok  " : "FAIL",
              seconds.count());
  std::fflush(stdout);
  return holds;
}

}  // namespace

int main(int count, char** words) {
  const Arguments arguments = parse(count, words);
  int run = 0, failed = 0;
  const auto run_table = [&](const auto& kernels) {
    if (!arguments.isa.empty() && arguments.isa != kernels.name) return;
    for (const check::Check& check : checks_of(kernels, arguments.options)) {
      if (check.name.find(arguments.only) == std::string::npos) continue;
      ++run;
      if (arguments.list) std::printf("%-10s  %s\n", kernels.name, check.name.c_str());
      else if (!passes(kernels.name, check)) ++failed;
    }
  };
  for (const srmcmc::Kernels* kernels : srmcmc::supported_kernels()) run_table(*kernels);
  for (const srmcmc::Bf16Kernels* kernels : srmcmc::supported_bf16_kernels()) run_table(*kernels);
  if (run == 0) refuse("--isa or --only: there is no such check on this processor;");
  if (!arguments.list) std::printf("%d checks, %d failed\n", run, failed);
  return failed > 0 ? 1 : 0;
}
