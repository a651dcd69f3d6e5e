#include "image_binding.h"

#include <limits>
#include <vector>

#include "arguments.h"
#include "kernels.h"

namespace srmcmc {
namespace {

constexpr int64_t MAX_SIZE = std::numeric_limits<int32_t>::max();
constexpr int64_t MAX_STEP = 1 << 20;  // of strides, dilations and padding: far from overflow in any offset

// average, shape, x, y
void bind_pool(const Arguments& args) {
  const bool average = args.integer(0, 0, 1) == 1;
  const std::vector<int32_t> v = args.integers(1, 14, -MAX_STEP, MAX_SIZE);
  const PoolShape s{v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7], v[8], v[9], v[10], v[11], v[12], v[13]};
  if (v[0] < 0) args.fail(1, "has a negative size");
  for (int i = 1; i < 8; ++i)
    if (v[i] < 1) args.fail(1, "has an empty or a negative size");
  for (int i = 8; i < 12; ++i)
    if (v[i] < 1 || v[i] > MAX_STEP) args.fail(1, "has a stride or a dilation out of range");
  if (v[12] > MAX_STEP || v[13] > MAX_STEP) args.fail(1, "has a padding out of range");
  const float* x = args.floats(2, product(args.env(), {s.batch, s.inHeight, s.inWidth, s.channels}));
  float* y = args.floats(3, product(args.env(), {s.batch, s.outHeight, s.outWidth, s.channels}));
  kernels().pool(average, s, x, y);
}

// shape, x, y
void bind_resize_bilinear(const Arguments& args) {
  const std::vector<int32_t> v = args.integers(0, 8, 0, MAX_SIZE);
  const ResizeShape s{v[0], v[1], v[2], v[3], v[4], v[5], v[6] != 0, v[7] != 0};
  for (int i = 1; i < 6; ++i)
    if (v[i] < 1) args.fail(0, "has an empty size");
  const float* x = args.floats(1, product(args.env(), {s.batch, s.inHeight, s.inWidth, s.channels}));
  kernels().resizeBilinear(s, x, args.floats(2, product(args.env(), {s.batch, s.outHeight, s.outWidth, s.channels})));
}

// lengths of the parts' rows, y, parts
void bind_concat(const Arguments& args) {
  const std::vector<int32_t> given = args.integers(0, -1, 0, MAX_SIZE);
  const std::vector<int64_t> lengths(given.begin(), given.end());
  int64_t length = 0, size = 0;
  for (const int64_t part : lengths) length += part;
  float* y = const_cast<float*>(args.any_floats(1, &size));
  if (length == 0 || size % length != 0) args.fail(0, "must hold lengths whose sum divides the output");
  std::vector<const float*> parts;
  for (size_t i = 0; i < lengths.size(); ++i)
    parts.push_back(args.floats(2 + i, product(args.env(), {size / length, lengths[i]})));
  kernels().concat(size / length, static_cast<int64_t>(parts.size()), lengths.data(), parts.data(), y);
}

using Body = void (*)(const Arguments&);

template <Body body>
Napi::Value guarded(const Napi::CallbackInfo& info) {
  const Arguments args(info, static_cast<const char*>(info.Data()));
  return within_memory(args, [&] { body(args); });
}

template <Body body>
void add(Napi::Object exports, const char* name) {
  exports.Set(name, Napi::Function::New<guarded<body>>(exports.Env(), name, const_cast<char*>(name)));
}

}  // namespace

void add_image_functions(Napi::Object exports) {
  add<bind_pool>(exports, "pool");
  add<bind_resize_bilinear>(exports, "resizeBilinear");
  add<bind_concat>(exports, "concat");
}

}  // namespace srmcmc
