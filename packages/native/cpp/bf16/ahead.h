// Memory on its way into the second-level cache before it is wanted.
#pragma once
#include "../vector.h"

namespace {

/// Fetches `bytes` bytes in `slices` slices, one each time that work which does not wait for them is begun.
class Ahead {
 public:
  Ahead() = default;
  Ahead(const void* from, int64_t bytes, int64_t slices)
      : next_(static_cast<const char*>(from)),
        end_(next_ + bytes),
        slice_(divide_up(divide_up(bytes, CACHE_LINE), larger(1, slices)) * CACHE_LINE) {}

  void fetch_slice() {
    const char* const end = next_ + smaller(slice_, end_ - next_);
    for (; next_ < end; next_ += CACHE_LINE) __builtin_prefetch(next_, 0, 2);
  }

 private:
  static constexpr int64_t CACHE_LINE = 64;
  const char *next_ = nullptr, *end_ = nullptr;
  int64_t slice_ = 0;
};

}  // namespace
