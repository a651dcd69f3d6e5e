// Reads JavaScript arguments for the kernels and refuses whatever would read or write outside a buffer.
#pragma once
#include <napi.h>

#include <deque>
#include <new>
#include <string>
#include <vector>

#include "kernels.h"

namespace srmcmc {

[[noreturn]] inline void refuse(Napi::Env env, const std::string& what) { throw Napi::TypeError::New(env, what); }

/// Products of sizes, refused once they leave what any buffer can hold.
inline int64_t product(Napi::Env env, std::initializer_list<int64_t> sizes) {
  constexpr int64_t LIMIT = int64_t{1} << 40;
  int64_t result = 1;
  for (const int64_t size : sizes)
    if (size == 0) return 0;
  for (const int64_t size : sizes) {
    if (size < 0 || result > LIMIT / size) refuse(env, "the sizes are negative or too large");
    result *= size;
  }
  return result;
}

/// Copies of JavaScript's arrays, for work that goes on after the call: what it copied may be changed or freed meanwhile.
using Copies = std::deque<std::vector<float>>;

class Arguments {
 public:
  /// Where `copies` is given, `input` makes them.
  Arguments(const Napi::CallbackInfo& info, const char* function, Copies* copies = nullptr)
      : info_(info), function_(function), copies_(copies) {}

  Napi::Env env() const { return info_.Env(); }

  double number(size_t i) const {
    if (i >= info_.Length() || !info_[i].IsNumber()) fail(i, "must be a number");
    return info_[i].As<Napi::Number>().DoubleValue();
  }
  float real(size_t i) const { return static_cast<float>(number(i)); }

  uint32_t word(size_t i) const { return static_cast<uint32_t>(integer(i, 0, UINT32_MAX)); }

  int64_t integer(size_t i, int64_t low, int64_t high) const {
    const double value = number(i);
    if (!(value >= static_cast<double>(low) && value <= static_cast<double>(high)) ||
        value != static_cast<double>(static_cast<int64_t>(value)))
      fail(i, "must be an integer from " + std::to_string(low) + " to " + std::to_string(high));
    return static_cast<int64_t>(value);
  }

  /// A Float32Array of exactly `size` elements.
  float* floats(size_t i, int64_t size) const { return array<float>(i, size, napi_float32_array, "a Float32Array"); }
  /// The same, to read from: JavaScript's memory or a copy of it.
  const float* input(size_t i, int64_t size) const {
    const float* values = floats(i, size);
    return copies_ ? copies_->emplace_back(values, values + size).data() : values;
  }
  /// A Float32Array of any size, which is written to *size.
  const float* any_floats(size_t i, int64_t* size) const {
    return array<float>(i, -1, napi_float32_array, "a Float32Array", size);
  }
  const float* optional_floats(size_t i, int64_t size) const { return absent(i) ? nullptr : floats(i, size); }
  uint8_t* bytes(size_t i, int64_t size) const { return array<uint8_t>(i, size, napi_uint8_array, "a Uint8Array"); }

  /// The numbers of an Int32Array of `size` elements (any number of them if size < 0), each within [low, high].
  std::vector<int32_t> integers(size_t i, int64_t size, int64_t low, int64_t high) const {
    int64_t length = size;
    const int32_t* data = array<int32_t>(i, size, napi_int32_array, "an Int32Array", &length);
    std::vector<int32_t> values(data, data + length);
    for (const int32_t value : values)
      if (value < low || value > high)
        fail(i, "must hold integers from " + std::to_string(low) + " to " + std::to_string(high));
    return values;
  }

  bool absent(size_t i) const { return i >= info_.Length() || info_[i].IsNull() || info_[i].IsUndefined(); }

  [[noreturn]] void fail(size_t i, const std::string& what) const {
    refuse(env(), std::string(function_) + ": argument " + std::to_string(i) + " " + what);
  }

 private:
  template <class T>
  T* array(size_t i, int64_t size, napi_typedarray_type wanted, const char* name, int64_t* found = nullptr) const {
    if (i >= info_.Length() || !info_[i].IsTypedArray()) fail(i, std::string("must be ") + name);
    napi_typedarray_type type;
    size_t length;
    void* data;
    if (napi_get_typedarray_info(env(), info_[i], &type, &length, &data, nullptr, nullptr) != napi_ok || type != wanted)
      fail(i, std::string("must be ") + name);
    if (size >= 0 && static_cast<int64_t>(length) != size)
      fail(i, "must have " + std::to_string(size) + " elements, not " + std::to_string(length));
    if (found) *found = static_cast<int64_t>(length);
    return static_cast<T*>(data);
  }

  const Napi::CallbackInfo& info_;
  const char* function_;
  Copies* copies_;
};

/// Calls body(); what it cannot allocate becomes a RangeError, as an array that is too large is in JavaScript.
template <class Body>
Napi::Value within_memory(const Arguments& args, Body&& body) {
  try {
    body();
  } catch (const std::bad_alloc&) {
    throw Napi::RangeError::New(args.env(), "out of memory for a kernel's working space");
  }
  return args.env().Undefined();
}

}  // namespace srmcmc
