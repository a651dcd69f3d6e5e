#include "memory.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <new>
#include <vector>
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
    auto best = blocks_.end();
    for (auto block = blocks_.begin(); block != blocks_.end(); ++block) {
      const bool fits = block->bytes >= bytes && block->bytes / 2 <= bytes;
      if (fits && (best == blocks_.end() || block->bytes < best->bytes)) best = block;
    }
    if (best == blocks_.end()) return {nullptr, 0};
    const Block found = *best;
    blocks_.erase(best);
    bytes_ -= found.bytes;
    return found;
  }

  void keep(Block block) {
    const std::lock_guard<std::mutex> lock(mutex_);
    blocks_.push_back(block);
    bytes_ += block.bytes;
    while (bytes_ > MOST_KEPT) {
      std::free(blocks_.front().data);
      bytes_ -= blocks_.front().bytes;
      blocks_.erase(blocks_.begin());
    }
  }

 private:
  std::mutex mutex_;
  std::vector<Block> blocks_;
  size_t bytes_ = 0;
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
  if (posix_memalign(&data, large ? HUGE_PAGE : LINE, rounded) != 0) throw std::bad_alloc();
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

void give_block(Block block) {
  if (is_large(block.bytes)) kept().keep(block);
  else std::free(block.data);
}

}  // namespace srmcmc
