// Working memory, of one call or kept by a thread.
#pragma once
#include <cstddef>
#include <cstdint>

namespace srmcmc {

struct Block {
  void* data;
  size_t bytes;
};

/// At least so many bytes of any contents, on a line of the cache. A large block lies in huge pages, where the system has
/// them to give: weights and activations span more small pages than the processor can look up at once. Large ones that
/// were given back are kept and taken again, 128 MB of them at most, for new ones would be cleared by the system. Any
/// thread may call either. Throws std::bad_alloc.
Block take_block(size_t bytes);
void give_block(Block block) noexcept;

}  // namespace srmcmc

namespace {

template <class T>
class Memory {
 public:
  explicit Memory(int64_t size) : block_(srmcmc::take_block(static_cast<size_t>(size > 0 ? size : 1) * sizeof(T))) {}
  ~Memory() { srmcmc::give_block(block_); }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  T* data() const { return static_cast<T*>(block_.data); }

 private:
  srmcmc::Block block_;
};

}  // namespace
