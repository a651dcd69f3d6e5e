// A negative energy on a group of images, on one thread: its value, and back to the gradient in the images or in any
// layer's sums. A group's activations stay in the thread's caches; an image's numbers are the same in any group.
#pragma once
#include "input_gradient.h"
#include "memory.h"

namespace {

using srmcmc::Network;

INLINE int64_t input_of(const ConvShape& s) { return static_cast<int64_t>(s.inHeight) * s.inWidth * s.inChannels; }

/// Floats from one image to the next. A tile reads the same place of every image: were images a power of two apart,
/// those places would compete for the same few lines of the first-level cache.
INLINE int64_t image_stride(int64_t floats) {
  constexpr int64_t SETS = 64, SPREAD = 11;
  const int64_t lines = divide_up(floats + L, LINE);
  return (lines + ((SPREAD - lines) % SETS + SETS) % SETS) * LINE;
}

INLINE int64_t take_lines(int64_t& total, int64_t size) {
  const int64_t at = total;
  total += divide_up(size, LINE) * LINE;
  return at;
}

/// A group goes through the first `layers` layers `images` at a time, and through the others all together.
struct Depth {
  int layers;
  int64_t images;
};

/// What all threads read: packed weights, and where a group's numbers lie in its working space.
struct NetworkPlan {
  const Network* network;
  int64_t event;
  bool bySigns;  // derivatives of the activation, which are stored otherwise
  int64_t packedSize, workSize;
  int64_t forward[Network::kMaxLayers], backward[Network::kMaxLayers], bias[Network::kMaxLayers];  // in packed
  int64_t stride[Network::kMaxLayers + 1];  // of layer l's input
  int64_t activation[Network::kMaxLayers + 1], derivative[Network::kMaxLayers + 1];
  int64_t gradient[Network::kMaxLayers + 1];  // in layer l's input
  int64_t productWork;
  Depth depth;
};

/// Whether the gradient in a layer's input may take the input's place while the derivative is made of that.
bool replaces_input(const ConvShape& s) {
  bool all = true;
  each_phase(s, [&](const Grid& g, auto&&) {
    all = all && with_product(g, [](auto product) { return decltype(product)::STORES_IN_PLACE; });
  });
  return all;
}

/// Of AMD, whose cores are few to a third-level cache: weights come from it as fast as they are multiplied.
bool has_near_cache() {
#if defined(__x86_64__)
  return __builtin_cpu_is("amd");
#else
  return false;
#endif
}

/// As many of the first layers as have no more weights together than can be read for each few images, whose activations
/// stay in the second-level cache then.
Depth depth_of(const NetworkPlan& p) {
  constexpr int64_t WEIGHTS = int64_t{5} << 20, ACTIVATIONS = int64_t{256} << 10;  // in floats
  if (!has_near_cache()) return {};
  const int layers = p.network->layers;
  Depth depth{};
  int64_t activations = p.stride[0];
  while (depth.layers < layers) {
    const int next = depth.layers + 1;
    if ((next < layers ? p.forward[next] : p.packedSize) > WEIGHTS) break;
    depth.layers = next;
    activations += p.stride[next] * (p.bySigns ? 1 : 2);
  }
  depth.images = larger(1, smaller(ROWS, ACTIVATIONS / activations));
  return depth;
}

NetworkPlan network_plan(const Network& f, int64_t group) {
  NetworkPlan p{};
  p.network = &f;
  p.event = input_of(f.shapes[0]);
  p.bySigns = f.sign_tells_derivative();
  for (int l = 0; l <= f.layers; ++l) {
    p.stride[l] = image_stride(l < f.layers ? input_of(f.shapes[l]) : 1);
    p.activation[l] = take_lines(p.workSize, group * p.stride[l]);
    const bool activated = l > 0 && l < f.layers;
    p.derivative[l] = take_lines(p.workSize, activated && !p.bySigns ? group * p.stride[l] : 0);
    // Two areas in turns would not do for others: what some images have may not be written over by others' next layer.
    const bool inPlace = activated && replaces_input(f.shapes[l]);
    p.gradient[l] = inPlace ? p.activation[l] : take_lines(p.workSize, group * p.stride[l]);
  }
  int64_t productWork = 0;
  const auto take_product = [&](Grid g) {
    g.batch = group;
    productWork = larger(productWork, alone_work_size(g));
    return take_lines(p.packedSize, packed_size(g));
  };
  for (int l = 0; l < f.layers; ++l) {
    const ConvShape& s = f.shapes[l];
    p.forward[l] = take_product(forward_grid(s));
    p.bias[l] = take_lines(p.packedSize, panels_of(s.outChannels) * PANEL);
    p.backward[l] = p.packedSize;
    each_phase(s, [&](const Grid& g, auto&&) { take_product(g); });
  }
  p.productWork = take_lines(p.workSize, productWork);
  p.depth = depth_of(p);
  return p;
}

void pack_weights(const NetworkPlan& p, float* packed) {
  for (int l = 0; l < p.network->layers; ++l) {
    const ConvShape& s = p.network->shapes[l];
    const float* filter = p.network->filters[l];
    pack_forward(s, forward_grid(s), filter, packed + p.forward[l]);
    float* bias = packed + p.bias[l];
    memset(bias, 0, static_cast<size_t>(panels_of(s.outChannels) * PANEL) * 4);
    memcpy(bias, p.network->biases[l], static_cast<size_t>(s.outChannels) * 4);
    float* to = packed + p.backward[l];
    each_phase(s, [&](const Grid& g, auto&& pack) {
      pack(filter, to);
      to += divide_up(packed_size(g), LINE) * LINE;
    });
  }
}

/// Images of `event` floats into the first activation, and out of it.
void load_images(const NetworkPlan& p, const float* x, int images, float* work) {
  for (int i = 0; i < images; ++i)
    memcpy(work + p.activation[0] + i * p.stride[0], x + i * p.event, static_cast<size_t>(p.event) * 4);
}
void store_images(const NetworkPlan& p, const float* from, int images, float* x) {
  for (int i = 0; i < images; ++i) memcpy(x + i * p.event, from + i * p.stride[0], static_cast<size_t>(p.event) * 4);
}

/// Calls body(first, count) for the images that go through the first layers at a time.
template <class Body>
INLINE void each_part(const Depth& depth, int images, Body&& body) {
  const int64_t parts = depth.layers > 0 ? divide_up(images, depth.images) : 0;
  for (int64_t part = 0; part < parts; ++part) {
    const int64_t first = part * images / parts;
    body(first, (part + 1) * images / parts - first);
  }
}

/// f of each image, into the last activation.
void forward_pass(const NetworkPlan& p, const float* packed, float* work, int images) {
  const Network& f = *p.network;
  const auto layer = [&](int l, int64_t first, int64_t count) {
    Grid g = forward_grid(f.shapes[l]);
    g.batch = count;
    g.sourceImage = p.stride[l];
    g.outImage = p.stride[l + 1];
    Epilogue e;
    e.bias = packed + p.bias[l];
    if (l < f.layers - 1) {
      e.activation = f.activation;
      e.alpha = f.slope;
      if (!p.bySigns) e.derivative = work + p.derivative[l + 1] + first * p.stride[l + 1];
    }
    multiply_alone(g, work + p.activation[l] + first * p.stride[l], packed + p.forward[l],
                   work + p.activation[l + 1] + first * p.stride[l + 1], e, work + p.productWork);
  };
  each_part(p.depth, images, [&](int64_t first, int64_t count) {
    for (int l = 0; l < p.depth.layers; ++l) layer(l, first, count);
  });
  for (int l = p.depth.layers; l < f.layers; ++l) layer(l, 0, images);
}
INLINE float value_of(const NetworkPlan& p, const float* work, int image) {
  return work[p.activation[p.network->layers] + image * p.stride[p.network->layers]];
}

/// For those who want nothing but the gradient in the images.
constexpr auto NO_VISIT = [](int, const float*, int64_t, int64_t) {};

/// After a forward pass: visit(l, dy, first, count) sees the gradient of the sum over images of weight * f in layer l's
/// sums of some images of the group, p.stride[l + 1] apart, for each of them last layer first; layer l's input is lost
/// after it. Returns that in the images, p.stride[0] apart, or null if it is not wanted. Weights are 1 where there are
/// none.
template <class Visit>
const float* backward_pass(const NetworkPlan& p, const float* packed, float* work, int images, const float* weights,
                           bool inImages, Visit&& visit) {
  const Network& f = *p.network;
  for (int i = 0; i < images; ++i)
    work[p.gradient[f.layers] + i * p.stride[f.layers]] = weights ? weights[i] : 1.f;
  const auto layer = [&](int l, int64_t first, int64_t count) {
    const float* dy = work + p.gradient[l + 1] + first * p.stride[l + 1];
    visit(l, dy, first, count);
    if (l == 0 && !inImages) return;
    const float* filter = packed + p.backward[l];
    Epilogue e;
    if (l > 0) {
      e.activation = p.bySigns ? Activation::leakyReluGradient : Activation::timesStored;
      e.alpha = f.slope;
      e.stored = work + (p.bySigns ? p.activation[l] : p.derivative[l]) + first * p.stride[l];
    }
    each_phase(f.shapes[l], [&](Grid g, auto&&) {
      g.batch = count;
      g.sourceImage = p.stride[l + 1];
      g.outImage = p.stride[l];
      multiply_alone(g, dy, filter, work + p.gradient[l] + first * p.stride[l], e, work + p.productWork);
      filter += divide_up(packed_size(g), LINE) * LINE;
    });
  };
  for (int l = f.layers - 1; l >= p.depth.layers; --l) layer(l, 0, images);
  each_part(p.depth, images, [&](int64_t first, int64_t count) {
    for (int l = p.depth.layers - 1; l >= 0; --l) layer(l, first, count);
  });
  return inImages ? work + p.gradient[0] : nullptr;
}

/// Images in groups, as many as keep every thread busy to the end.
struct Groups {
  int64_t images, count;
  int64_t first(int64_t group) const { return group * images / count; }
  int64_t largest() const { return divide_up(images, count); }
};

Groups groups_of(const Network& f, int64_t images, int64_t threads) {
  // More where weights come from afar, for each group reads them. Tiles of narrow vectors have fewer rows to a weight.
  constexpr int64_t FAR = int64_t{L < 16 ? 3 : 12} << 19;
  const NetworkPlan one = network_plan(f, 1);
  const bool isFar = one.depth.layers > 0 || one.packedSize > FAR;
  const int64_t most = one.depth.layers == f.layers ? one.depth.images : isFar ? 2 * ROWS : ROWS;
  return {images, smaller(images, divide_up(divide_up(images, most), threads) * threads)};
}

/// f(x) and f'(x) of n images.
void value_and_gradient(const Network& f, int64_t n, const float* x, float* value, float* gradient) {
  if (n <= 0) return;
  const int64_t threads = srmcmc::thread_count();
  const Groups groups = groups_of(f, n, threads);
  const int slots = static_cast<int>(smaller(threads, groups.count));
  const NetworkPlan plan = network_plan(f, groups.largest());
  const Memory<float> packed(plan.packedSize), workspace(plan.workSize * slots);
  pack_weights(plan, packed.data());
  auto group = [&](int64_t index, int slot) {
    const int64_t first = groups.first(index);
    const int images = static_cast<int>(groups.first(index + 1) - first);
    float* work = workspace.data() + slot * plan.workSize;
    load_images(plan, x + first * plan.event, images, work);
    forward_pass(plan, packed.data(), work, images);
    for (int i = 0; i < images; ++i) value[first + i] = value_of(plan, work, i);
    const float* dx = backward_pass(plan, packed.data(), work, images, nullptr, true, NO_VISIT);
    store_images(plan, dx, images, gradient + first * plan.event);
  };
  parallel(groups.count, group, slots);
}

}  // namespace
