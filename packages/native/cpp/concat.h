// Joining tensors along an axis: copies of runs.
#pragma once
#include "parallel.h"

namespace {

/// Row r of y is row r of each part in turn; part i has rows of lengths[i] elements. Parts that overlap y are moved in
/// that order, too: no sense, but no harm.
void concat(int64_t rows, int64_t parts, const int64_t* lengths, const float* const* x, float* y) {
  int64_t length = 0;
  for (int64_t part = 0; part < parts; ++part) length += lengths[part];
  parallel_range(rows, larger(1, 65536 / larger(1, length)), [&](int64_t row, int64_t end) {
    for (; row < end; ++row) {
      float* out = y + row * length;
      for (int64_t part = 0; part < parts; ++part) {
        if (lengths[part] == 0) continue;  // of memory that is not there, too
        memmove(out, x[part] + row * lengths[part], static_cast<size_t>(lengths[part]) * 4);
        out += lengths[part];
      }
    }
  });
}

}  // namespace
