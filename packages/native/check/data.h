// Inputs drawn from a seed, and buffers whose ends are guarded: a kernel that reads or writes past one is killed.
#pragma once
#include <sys/mman.h>
#include <unistd.h>

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

namespace check {

/// SplitMix64 (Steele, Lea and Flood 2014).
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t bits() {
    uint64_t z = state_ += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  /// Uniform on [low, high).
  double between(double low, double high) { return low + (high - low) * static_cast<double>(bits() >> 11) * 0x1p-53; }
  /// Uniform on low .. high, both included.
  int integer(int low, int high) { return low + static_cast<int>(bits() % static_cast<uint64_t>(high - low + 1)); }

 private:
  uint64_t state_;
};

/// Zeroed numbers that end where memory ends: the next page may not be touched. CHECK_ON_HEAP leaves them to malloc,
/// whose memory AddressSanitizer guards more finely.
template <class T>
class Buffer {
 public:
  explicit Buffer(int64_t size) : size_(size) {
    const size_t bytes = static_cast<size_t>(size) * sizeof(T);
#if defined(CHECK_ON_HEAP)
    memory_ = data_ = static_cast<T*>(std::calloc(bytes > 0 ? bytes : 1, 1));
    if (!memory_) throw std::bad_alloc();
#else
    const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    const size_t usable = (bytes + page - 1) / page * page;
    mapped_ = usable + page;
    memory_ = mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory_ == MAP_FAILED) throw std::bad_alloc();
    char* guard = static_cast<char*>(memory_) + usable;
    mprotect(guard, page, PROT_NONE);
    data_ = reinterpret_cast<T*>(guard - bytes);
#endif
  }
  Buffer(Buffer&& other) noexcept { swap(other); }
  Buffer& operator=(Buffer&& other) noexcept {
    swap(other);
    return *this;
  }
  Buffer(const Buffer& other) : Buffer(other.size_) {
    if (size_ > 0) memcpy(data_, other.data_, static_cast<size_t>(size_) * sizeof(T));
  }
  ~Buffer() {
#if defined(CHECK_ON_HEAP)
    std::free(memory_);
#else
    if (memory_) munmap(memory_, mapped_);
#endif
  }

  T* data() const { return data_; }
  int64_t size() const { return size_; }
  T& operator[](int64_t i) const { return data_[i]; }
  T* begin() const { return data_; }
  T* end() const { return data_ + size_; }
  /// The same bits.
  bool operator==(const Buffer& other) const {
    return size_ == other.size_ && (size_ == 0 || !memcmp(data_, other.data_, static_cast<size_t>(size_) * sizeof(T)));
  }

 private:
  void swap(Buffer& other) {
    std::swap(memory_, other.memory_);
    std::swap(mapped_, other.mapped_);
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
  }
  void* memory_ = nullptr;
  size_t mapped_ = 0;
  T* data_ = nullptr;
  int64_t size_ = 0;
};

using Floats = Buffer<float>;

inline Floats uniform(Random& random, int64_t size, double low = -1, double high = 1) {
  Floats values(size);
  for (float& value : values) value = static_cast<float>(random.between(low, high));
  return values;
}

/// To the nearest number of 8 significant bits, ties to even.
inline double to_bfloat16(double v) {
  int exponent;
  const double fraction = std::frexp(v, &exponent);
  return std::ldexp(std::nearbyint(std::ldexp(fraction, 8)), exponent - 8);
}
inline Floats to_bfloat16(Floats x) {
  for (int64_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(to_bfloat16(double{x[i]}));
  return x;
}

}  // namespace check
