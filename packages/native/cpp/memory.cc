#include "memory.h"

#include <cstdlib>
#include <cstring>
#include <mutex>
#include <new>
#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace srmcmc {
namespace {

constexpr size_t LINE = 64, HUGE_PAGE = size_t{1} << 21;
#if defined(__SANITIZE_ADDRESS__)
constexpr size_t MOST_KEPT = 0;  // so that what is used after it was given back is found
#else
constexpr size_t MOST_KEPT = size_t{128} << 20;
#endif

/// Large blocks that wait to be used again, the oldest first.
class KeptBlocks {
 public:
  /// The smallest one that is large enough and not far too large; null where there is none.
  Block take(size_t bytes) {
    const std::lock_guard<std::mutex> lock(mutex_);
    size_t best = count_;
    for (size_t i = 0; i < count_; ++i) {
      const bool fits = blocks_[i].bytes >= bytes && blocks_[i].bytes / 2 <= bytes;
      if (fits && (best == count_ || blocks_[i].bytes < blocks_[best].bytes)) best = i;
    }
    return best < count_ ? remove(best) : Block{nullptr, 0};
  }

  Block take_oldest() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return count_ > 0 ? remove(0) : Block{nullptr, 0};
  }

  /// False where there is no room.
  bool keep(Block block) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (bytes_ + block.bytes > MOST_KEPT) return false;
    blocks_[count_++] = block;
    bytes_ += block.bytes;
    return true;
  }

 private:
  Block remove(size_t index) {
    const Block block = blocks_[index];
    bytes_ -= block.bytes;
    --count_;
    std::memmove(blocks_ + index, blocks_ + index + 1, (count_ - index) * sizeof(Block));
    return block;
  }

  std::mutex mutex_;
  Block blocks_[MOST_KEPT / HUGE_PAGE + 1];
  size_t count_ = 0, bytes_ = 0;
};

/// Never destroyed: a thread may still work when the program ends.
KeptBlocks& kept() {
  static auto* blocks = new KeptBlocks;
  return *blocks;
}

bool is_large(size_t bytes) { return bytes >= HUGE_PAGE / 2; }

Block new_block(size_t bytes) {
  const bool large = is_large(bytes);
  const size_t rounded = large ? (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE : bytes;
  void* data = nullptr;
  while (posix_memalign(&data, large ? HUGE_PAGE : LINE, rounded) != 0) {
    const Block other = kept().take_oldest();
    if (other.data == nullptr) throw std::bad_alloc();
    std::free(other.data);
  }
#if defined(__linux__)
  if (large) madvise(data, rounded, MADV_HUGEPAGE);
#endif
  return {data, rounded};
}

}  // namespace

Block take_block(size_t bytes) {
  Block block = is_large(bytes) ? kept().take(bytes) : Block{nullptr, 0};
  if (block.data == nullptr) block = new_block(bytes);
#if defined(__SANITIZE_ADDRESS__)
  std::memset(block.data, 0xff, block.bytes);  // NaN: whoever reads before writing shows it
#endif
  return block;
}

void give_block(Block block) noexcept {
  if (is_large(block.bytes) && block.bytes <= MOST_KEPT) {
    while (!kept().keep(block)) std::free(kept().take_oldest().data);
  } else {
    std::free(block.data);
  }
}

}  // namespace srmcmc
