// A matrix in memory of its own, turned.
#pragma once
#include "parallel.h"

namespace {

void transpose_into(const float* from, int64_t rows, int64_t columns, float* to) {  // to[column][row]
  constexpr int64_t B = 16;
  parallel_range(divide_up(columns, B), 4, [&](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block)
      for (int64_t r0 = 0; r0 < rows; r0 += B)
        for (int64_t c = block * B; c < smaller(columns, (block + 1) * B); ++c)
          for (int64_t r = r0; r < smaller(rows, r0 + B); ++r) to[c * rows + r] = from[r * columns + c];
  });
}

}  // namespace
