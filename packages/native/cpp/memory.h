// Working memory of one call.
#pragma once
#include <cstdint>
#include <cstdlib>
#include <new>
#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace {

/// A large block lies in huge pages, where the system has them to give: weights and activations span more small pages
/// than the processor can look up at once.
template <class T>
class Memory {
 public:
  explicit Memory(int64_t size) {
    constexpr size_t HUGE_PAGE = size_t{1} << 21;
    const size_t bytes = static_cast<size_t>(size > 0 ? size : 1) * sizeof(T);
    const bool large = bytes >= HUGE_PAGE / 2;
    const size_t rounded = large ? (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE : bytes;
    void* memory = nullptr;
    if (posix_memalign(&memory, large ? HUGE_PAGE : 64, rounded) != 0) throw std::bad_alloc();
#if defined(__linux__)
    if (large) madvise(memory, rounded, MADV_HUGEPAGE);
#endif
    data_ = static_cast<T*>(memory);
  }
  ~Memory() { std::free(data_); }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  T* data() const { return data_; }

 private:
  T* data_;
};

}  // namespace
