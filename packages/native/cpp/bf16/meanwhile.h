// What is done while tiles are multiplied, by other units of the processor: the sums before these become activations,
// and memory comes into a cache.
#pragma once
#include "../ahead.h"
#include "tiles.h"

namespace {

/// Work in units, unit(0), unit(1) and so on, of which a few are done with each product, and memory fetched likewise.
template <class Unit>
class Meanwhile {
 public:
  explicit Meanwhile(Unit unit) : unit_(unit) {}

  /// Fetched over all products that follow.
  void fetch(const Ahead& ahead) { steady_ = ahead; }

  /// Before so many products: `units` of work, and memory that will be wanted right after these products.
  void begin(int units, int64_t products, const Ahead& first = {}, const Ahead& second = {}) {
    next_ = 0;
    units_ = units;
    each_ = static_cast<int>(divide_up(units, larger(1, products)));
    products_ = products;
    soon_[0] = first;
    soon_[1] = second;
  }

  /// With each product, where the engine can; then, or at once, what is left.
  INLINE void slice() {
    for (int i = 0; i < each_ && next_ < units_; ++i) unit_(next_++);
    fetch_slice();
  }
  void rest() {
    while (next_ < units_) unit_(next_++);
    while (products_ > 0) fetch_slice();
  }

 private:
  INLINE void fetch_slice() {
    --products_;
    steady_.fetch_slice();
    soon_[0].fetch_slice();
    soon_[1].fetch_slice();
  }

  Unit unit_;
  int next_ = 0, units_ = 0, each_ = 1;
  int64_t products_ = 0;
  Ahead steady_, soon_[2];
};

}  // namespace
