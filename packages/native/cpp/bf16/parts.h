// Gradients that are used, part by part, while others are computed.
#pragma once
#include "../chain_run.h"

namespace {

/// The gradients of chains, a part of each in turn; use(i, begin, end) is told of elements begin .. end - 1 of chain i.
template <class Use>
class Parts {
 public:
  Parts(int64_t chains, int64_t event, Use use) : chains_(chains), event_(event), use_(use) {}

  /// How many can be used, now that of each chain the first `elements` are there.
  int64_t ready(int64_t elements) const {
    return (elements < event_ ? elements / SIZE : divide_up(event_, SIZE)) * chains_ - used_;
  }
  INLINE void use_one() {
    use_(chain_, begin_, smaller(begin_ + SIZE, event_));
    ++used_;
    if (++chain_ < chains_) return;
    chain_ = 0;
    begin_ += SIZE;
  }
  void use_rest() {
    while (ready(event_) > 0) use_one();
  }

 private:
  // Small where they fit between products.
  static constexpr int64_t SIZE = Engine::HIDES_WORK ? 4 * L : PIECE;
  static_assert(PIECE % SIZE == 0, "no multiple of PIECE inside a part");
  const int64_t chains_, event_;
  int64_t used_ = 0, chain_ = 0, begin_ = 0;
  Use use_;
};

}  // namespace
