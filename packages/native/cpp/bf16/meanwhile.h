// What is done while tiles are multiplied, by other units of the processor: the sums before these become activations,
// and memory comes into a cache.
#pragma once
#include "ahead.h"
#include "tiles.h"

namespace {

// Of a tile of sums, that one unit of work sees to.
constexpr int ROWS_AT_ONCE = 4, UNITS_OF_A_TILE = CHAINS / ROWS_AT_ONCE;

/// Work in units, unit(0), unit(1) and so on, of which a few are done with each product, and memory fetched likewise.
template <class Unit>
class Meanwhile {
 public:
  explicit Meanwhile(Unit unit) : unit_(unit) {}

  /// Fetched over all products that follow.
  void fetch(const Ahead& ahead) { ahead_ = ahead; }

  /// Before so many products: `units` of work.
  INLINE void begin(int units, int64_t products) {
    next_ = 0;
    units_ = units;
    products_ = static_cast<int>(products);
    each_ = products_ >= units ? 1 : (units + products_ - 1) / (products_ > 0 ? products_ : 1);
  }

  /// With each product, where the engine can; then, or at once, what is left.
  INLINE void slice() {
    const int end = next_ + each_ < units_ ? next_ + each_ : units_;
    for (; next_ < end; ++next_) unit_(next_);
    fetch_slice();
  }
  INLINE void rest() {
    for (; next_ < units_; ++next_) unit_(next_);
    while (products_ > 0) fetch_slice();
  }

 private:
  INLINE void fetch_slice() {
    --products_;
    ahead_.fetch_slice();
  }

  Unit unit_;
  int next_ = 0, units_ = 0, each_ = 1, products_ = 0;
  Ahead ahead_;
};

}  // namespace
