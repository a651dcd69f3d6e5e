// Matrix products, transposed or not, in batches or repeated.
#include <cmath>

#include "check.h"
#include "data.h"

namespace check {
namespace {

struct Product {
  int64_t batchA, batchB, rows, inner, columns;
  bool transposeA, transposeB;
};

/// The largest error, in ROUNDING times the sum of the terms' magnitudes.
double error_of(const Multiplier& multiplier, const Product& p) {
  Random random(21);
  const int64_t batch = std::max(p.batchA, p.batchB);
  Floats a = uniform(random, p.batchA * p.rows * p.inner), b = uniform(random, p.batchB * p.inner * p.columns);
  Floats c = uniform(random, batch * p.rows * p.columns);
  const int64_t strideA = p.batchA == 1 ? 0 : p.rows * p.inner, strideB = p.batchB == 1 ? 0 : p.inner * p.columns;
  multiplier.matMul({batch, p.rows, p.inner, p.columns, strideA, strideB, p.transposeA, p.transposeB}, a.data(), b.data(),
                 c.data(), srmcmc::Epilogue{});
  if (rounds(multiplier, p.inner, p.columns)) {
    a = to_bfloat16(a);
    b = to_bfloat16(b);
  }
  double worst = 0;
  for (int64_t i = 0; i < batch; ++i)
    for (int64_t row = 0; row < p.rows; ++row)
      for (int64_t column = 0; column < p.columns; ++column) {
        double sum = 0, magnitude = 0;
        for (int64_t k = 0; k < p.inner; ++k) {
          const double left = a[i * strideA + (p.transposeA ? k * p.rows + row : row * p.inner + k)];
          const double right = b[i * strideB + (p.transposeB ? column * p.inner + k : k * p.columns + column)];
          sum += left * right;
          magnitude += std::fabs(left * right);
        }
        const double error = std::fabs(c[(i * p.rows + row) * p.columns + column] - sum);
        const double units = error == 0 ? 0 : error / (ROUNDING * magnitude);
        worst = worse(worst, units);
      }
  return worst;
}

}  // namespace

void add_matrix_product(Checks& checks, const Options& options, const Multiplier& multiplier) {
  const Product products[] = {{1, 1, 1, 1, 1, false, false},  {1, 1, 64, 300, 129, false, false},
                              {3, 3, 17, 33, 9, true, true},  {5, 1, 7, 70, 1, false, true},
                              {1, 4, 13, 5, 33, true, false}, {1, 1, 1, 1000, 31, false, false},
                              {2, 2, 39, 50, 70, true, true}, {1, 3, 15, 16, 17, false, false},
                             
                              {2, 2, 5, 0, 6, false, false}};
  for (const Product& p : products) {
    const std::string name = "matMul: [" + std::to_string(p.batchA) + ", " + std::to_string(p.rows) + ", " +
                             std::to_string(p.inner) + (p.transposeA ? "]' [" : "] [") + std::to_string(p.batchB) +
                             ", " + std::to_string(p.inner) + ", " + std::to_string(p.columns) +
                             (p.transposeB ? "]'" : "]");
    checks.push_back({name, [=] {
                        return Figure{error_of(multiplier, p), 4 + std::sqrt(static_cast<double>(p.inner)) / 4};
                      }});
  }
  if (options.quick) return;
  checks.push_back({"matMul: [1, 257, 1025] [1, 1025, 513]", [=] {
                      return Figure{error_of(multiplier, {1, 1, 257, 1025, 513, false, false}), 12};
                    }});
}

}  // namespace check
