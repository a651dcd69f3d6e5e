// Pooling, resizing and joining of images, by their definitions.
#include <cmath>

#include "check.h"
#include "data.h"

namespace check {
namespace {

using srmcmc::PoolShape;
using srmcmc::ResizeShape;

/// The largest error, relative to the largest input, which is 1.
double pool_error(const Kernels& kernels, bool average, const PoolShape& s) {
  Random random(91);
  const int64_t channels = s.channels;
  const Floats x = uniform(random, int64_t{s.batch} * s.inHeight * s.inWidth * channels);
  Floats y(int64_t{s.batch} * s.outHeight * s.outWidth * channels);
  kernels.pool(average, s, x.data(), y.data());
  double worst = 0;
  for (int64_t i = 0; i < y.size(); ++i) {
    const int64_t c = i % channels, ox = i / channels % s.outWidth, oy = i / channels / s.outWidth % s.outHeight;
    const int64_t image = i / channels / s.outWidth / s.outHeight;
    double sum = 0, largest = -INFINITY, count = 0;
    for (int64_t ky = 0; ky < s.filterHeight; ++ky)
      for (int64_t kx = 0; kx < s.filterWidth; ++kx) {
        const int64_t iy = oy * s.strideHeight - s.padTop + ky * s.dilationHeight;
        const int64_t ix = ox * s.strideWidth - s.padLeft + kx * s.dilationWidth;
        if (iy < 0 || iy >= s.inHeight || ix < 0 || ix >= s.inWidth) continue;
        const double v = x[((image * s.inHeight + iy) * s.inWidth + ix) * channels + c];
        sum += v;
        largest = std::fmax(largest, v);
        ++count;
      }
    const double error = std::fabs(y[i] - (average ? sum / count : largest));
    worst = worse(worst, error);
  }
  return worst;
}

double resize_error(const Kernels& kernels, const ResizeShape& s) {
  Random random(92);
  const int64_t channels = s.channels;
  const Floats x = uniform(random, int64_t{s.batch} * s.inHeight * s.inWidth * channels);
  Floats y(int64_t{s.batch} * s.outHeight * s.outWidth * channels);
  kernels.resizeBilinear(s, x.data(), y.data());
  const auto position = [&](int64_t i, int size, int outSize) {
    const bool aligned = s.alignCorners && outSize > 1;
    const double scale = aligned ? (size - 1.0) / (outSize - 1.0) : static_cast<double>(size) / outSize;
    return std::fmax(0, s.halfPixelCenters ? scale * (static_cast<double>(i) + 0.5) - 0.5 : scale * static_cast<double>(i));
  };
  double worst = 0;
  for (int64_t i = 0; i < y.size(); ++i) {
    const int64_t c = i % channels, image = i / channels / s.outWidth / s.outHeight;
    const double atY = position(i / channels / s.outWidth % s.outHeight, s.inHeight, s.outHeight);
    const double atX = position(i / channels % s.outWidth, s.inWidth, s.outWidth);
    // A tent over each pixel; beyond the last one, that one.
    double truth = 0;
    for (int64_t iy = 0; iy < s.inHeight; ++iy)
      for (int64_t ix = 0; ix < s.inWidth; ++ix) {
        const double tentY = 1 - std::fabs(std::fmin(atY, s.inHeight - 1) - static_cast<double>(iy));
        const double tentX = 1 - std::fabs(std::fmin(atX, s.inWidth - 1) - static_cast<double>(ix));
        truth += std::fmax(0, tentY) * std::fmax(0, tentX) * x[((image * s.inHeight + iy) * s.inWidth + ix) * channels + c];
      }
    const double error = std::fabs(y[i] - truth);
    worst = worse(worst, error);
  }
  return worst;
}

/// Elements of joined rows that are not where they belong.
double concat_error(const Kernels& kernels) {
  Random random(93);
  const int64_t rows = 37, lengths[] = {3, 0, 17, 1};
  std::vector<Floats> parts;
  std::vector<const float*> data;
  int64_t width = 0;
  for (const int64_t length : lengths) {
    parts.push_back(uniform(random, rows * length));
    data.push_back(parts.back().data());
    width += length;
  }
  Floats y(rows * width);
  kernels.concat(rows, 4, lengths, data.data(), y.data());
  double wrong = 0;
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t part = 0, column = 0; part < 4; column += lengths[part++])
      for (int64_t i = 0; i < lengths[part]; ++i)
        wrong += y[row * width + column + i] != parts[static_cast<size_t>(part)][row * lengths[part] + i];
  return wrong;
}

}  // namespace

void add_image_functions(Checks& checks, const Options&, const Kernels& kernels) {
  const PoolShape pools[] = {{3, 9, 7, 5, 5, 4, 2, 2, 2, 2, 1, 1, 1, 1},
                             {2, 10, 10, 67, 10, 10, 3, 3, 1, 1, 1, 1, 1, 1},
                             {1, 8, 8, 32, 4, 4, 2, 2, 1, 1, 4, 3, 0, 0}};
  for (const bool average : {false, true})
    checks.push_back({average ? "pool: mean" : "pool: maximum", [=, &kernels] {
                        double worst = 0;
                        for (const PoolShape& s : pools) worst = worse(worst, pool_error(kernels, average, s));
                        return Figure{worst, average ? 4 * ROUNDING : 0};
                      }});
  for (const bool aligned : {false, true})
    for (const bool half : {false, true})
      checks.push_back({std::string("resizeBilinear") + (aligned ? ", aligned corners" : "") + (half ? ", half pixels" : ""),
                        [=, &kernels] {
                          double worst = 0;
                          for (const auto& [height, width] : {std::pair(3, 17), std::pair(12, 1), std::pair(8, 8)})
                            worst = worse(worst, resize_error(kernels, {2, 8, 7, 5, height, width, aligned, half}));
                          return Figure{worst, 8 * ROUNDING};
                        }});
  checks.push_back({"concat: misplaced elements", [&kernels] { return Figure{concat_error(kernels), 0}; }});
}

}  // namespace check
