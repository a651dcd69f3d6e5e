// Where the time of a Langevin step in bfloat16 goes: each layer of the paper's nets on one thread, best of many.
//
//   bash timing/layers.sh amx 32 64        (or avx512)
//
// "step" is the layer's time inside a step, "alone" repeated by itself, with its memory in the caches, and "bare" without
// what becomes of its sums. Microseconds for 16 chains, and nanoseconds for a product of tiles, which may be of few
// terms. The last row is the first layer's gradient, beside which the chains move.
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <vector>

#define LANES 16
#include ENGINE
#include "bf16/table.h"

namespace {

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

template <class Body>
double time_of(Body&& body) {
  const double start = now();
  body();
  return now() - start;
}

template <class Body>
double best_of(Body&& body) {
  double best = HUGE_VAL;
  for (const double end = now() + 0.02; now() < end;) best = std::min(best, time_of(body));
  return best;
}

struct Net {
  std::vector<std::vector<float>> filters, biases;
  Network network{};

  explicit Net(int n) {
    const int sides[] = {32, 32, 16, 8, 4, 1}, channels[] = {3, n, 2 * n, 4 * n, 8 * n, 1};
    network.layers = 5;
    network.activation = Activation::leakyRelu;
    network.slope = 0.2f;
    uint32_t state = 1;
    for (int l = 0; l < 5; ++l) {
      ConvShape& s = network.shapes[l];
      const int filter = l == 0 ? 3 : 4, stride = l == 0 || l == 4 ? 1 : 2, pad = l == 4 ? 0 : 1;
      s = {1, sides[l], sides[l], channels[l], sides[l + 1], sides[l + 1], channels[l + 1], filter, filter, stride, stride,
           1, 1, pad, pad};
      const float scale = 1.7f / std::sqrt(static_cast<float>(filter * filter * channels[l]));
      filters.emplace_back(filter * filter * channels[l] * channels[l + 1]);
      for (float& weight : filters.back()) {
        state = state * 1664525u + 1013904223u;
        weight = scale * static_cast<float>(static_cast<int32_t>(state)) * 0x1p-31f;
      }
      biases.emplace_back(channels[l + 1], 0.01f);
    }
    for (int l = 0; l < 5; ++l) {
      network.filters[l] = filters[l].data();
      network.biases[l] = biases[l].data();
    }
  }
};

int64_t taps_of(const Axis& axis) {
  int64_t taps = 0;
  for (int64_t i = 0; i < axis.count; ++i) taps += taps_inside(axis, i).end - taps_inside(axis, i).first;
  return taps;
}
int64_t products_of(const Grid& g) { return taps_of(g.y) * taps_of(g.x) * g.sourceBlocks * g.outBlocks * g.columnTiles; }

struct Row {
  const char* name;
  int64_t products;
  double step, alone, bare;
};

void time_layers(int n) {
  const Net net(n);
  const Network& f = net.network;
  const float drift = 5e-5f, noise = 0.01f, infinity = __builtin_inff();
  const srmcmc::Langevin langevin{&drift, &noise, infinity, -infinity, infinity};
  const Plan p = plan_of(f, LangevinMove::scratch_of(langevin, first_layer(f.shapes[0]).event, CHAINS));
  const Memory<char> packedWeights(p.packedSize), workspace(p.workSize);
  char *packed = packedWeights.data(), *work = workspace.data();
  memset(work, 0, static_cast<size_t>(p.workSize));
  pack_weights(p, packed);
  Engine::begin(CHAINS);
  load_group(p, std::vector<float>(CHAINS * p.first.event, 0.5f).data(), CHAINS, work);

  ShortRun run{};
  run.network = f;
  run.steps = 1;
  run.chains = CHAINS;
  const Reports reports(run, LangevinMove::REPORTS);
  LangevinMove move(run, langevin, p.first.event, CHAINS, at<float>(work, p.scratch));
  Bf16Group group(p, packed, work, 0, CHAINS);
  float values[CHAINS];

  constexpr int STEPS = 100;
  Row rows[16];
  double best = HUGE_VAL;
  for (int step = 0; step <= STEPS; ++step) {
    Row* row = rows;
    const auto layer = [&](const char* name, int64_t products, auto&& body, auto&& bare) {
      if (step == 0) *row = {name, products, HUGE_VAL, 0, 0};
      if (step < STEPS) row->step = std::min(row->step, time_of(body));
      else *row = {name, products, row->step, best_of(body), best_of(bare)};
      ++row;
    };
    const auto nothing = [] {};
    const double start = now();
    layer("first", 0, [&] { first_layer_forward(p, packed, work); }, nothing);
    for (int l = 1; l < p.hidden; ++l) {
      const Grid g = forward_grid(f.shapes[l]);
      layer("forward", products_of(g), [&] { layer_forward(p, l, packed, work); },
            [&] {
              multiply(Multiplication{g, CHAINS, tiles_source(g, at<bf16>(work, p.activations[l - 1])),
                                      at<bf16>(packed, p.forward[l]), nullptr, at<Segment>(work, p.segments),
                                      at<float>(work, p.sums)},
                       [](const Block&, int, int, int) {});
            });
    }
    layer("last", 0, [&] { last_layer(p, packed, work, nullptr, values); }, nothing);
    for (int l = p.hidden - 1; l > 0; --l) {
      int64_t products = 0;
      each_phase(f.shapes[l], [&](const Grid& g) { products += products_of(g); });
      const MinimalGrid& m = p.minimal[l];
      if (m.is_used())
        products = m.PHASES * m.PLANES * m.squaresY * m.squaresX * m.sourceBlocks * m.outBlocks * m.columnTiles;
      layer("backward", products, [&] { layer_backward(p, l, packed, work); },
            [&] { multiply_backward(p, l, packed, work, [](int64_t, vec, vec) {}); });
    }
    const auto first_backward = [&](auto&& use) {
      Parts parts(CHAINS, p.first.event, use);
      first_layer_backward(p, packed, work, parts);
      return true;
    };
    layer("and move", 0, [&] { move.step(group, first_backward, 0, reports); }, [&] { first_backward(NO_USE); });
    if (step < STEPS) best = std::min(best, now() - start);
    if (step < STEPS) continue;
    printf("n = %d: %.0f us a step\n%-9s %8s %8s %8s %9s %8s %8s\n", n, best * 1e6, "", "step", "alone", "bare", "products",
           "ns each", "bare");
    for (const Row* r = rows; r < row; ++r) {
      printf("%-9s %8.1f %8.1f %8.1f", r->name, r->step * 1e6, r->alone * 1e6, r->bare * 1e6);
      const double each = 1e9 / static_cast<double>(r->products);
      if (r->products > 0)
        printf(" %9ld %8.2f %8.2f", static_cast<long>(r->products), r->step * each, r->bare * each);
      puts("");
    }
  }
  Engine::end();
}

}  // namespace

int main(int count, char** words) {
  constexpr long REQUEST_PERMISSION = 0x1023, TILE_DATA = 18;  // as bf16/choose.cc does, where there are tile registers
  syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA);
  srmcmc::set_thread_count(1);
  for (int i = 1; i < count; ++i) time_layers(std::atoi(words[i]));
}
