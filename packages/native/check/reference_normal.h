// Philox4x32-10 and the numbers made of it, as they are published, one number at a time in double precision.
#pragma once
#include <cmath>
#include <cstdint>

namespace check {

/// Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011), section 4.3.
inline void philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t words[4]) {
  uint32_t c[4] = {counter[0], counter[1], counter[2], counter[3]}, k[2] = {key[0], key[1]};
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = uint64_t{0xD2511F53} * c[0], p1 = uint64_t{0xCD9E8D57} * c[2];
    const uint32_t next[4] = {static_cast<uint32_t>(p1 >> 32) ^ c[1] ^ k[0], static_cast<uint32_t>(p1),
                              static_cast<uint32_t>(p0 >> 32) ^ c[3] ^ k[1], static_cast<uint32_t>(p0)};
    for (int i = 0; i < 4; ++i) c[i] = next[i];
    k[0] += 0x9E3779B9;
    k[1] += 0xBB67AE85;
  }
  for (int i = 0; i < 4; ++i) words[i] = c[i];
}

/// Element `index` of a chain's normals at one step: Box and Muller's transform of the words of block index / 4, whose
/// counter is (block, step, chain, 0).
inline double normal_element(const uint32_t key[2], uint32_t chain, uint32_t step, int64_t index) {
  const uint32_t counter[4] = {static_cast<uint32_t>(index / 4), step, chain, 0};
  uint32_t words[4];
  philox4x32(counter, key, words);
  const int pair = index % 4 < 2 ? 0 : 2;
  const double radius = std::sqrt(-2 * std::log(((words[pair] >> 8) + 1) * 0x1p-24));
  const double angle = 2 * 3.14159265358979323846 * ((words[pair + 1] >> 8) * 0x1p-24);
  return radius * (index % 2 == 0 ? std::cos(angle) : std::sin(angle));
}

/// The same of its uniforms in [0, 1), whose counter is (block, step, chain, 1).
inline double uniform_element(const uint32_t key[2], uint32_t chain, uint32_t step, int64_t index) {
  const uint32_t counter[4] = {static_cast<uint32_t>(index / 4), step, chain, 1};
  uint32_t words[4];
  philox4x32(counter, key, words);
  return (words[index % 4] >> 8) * 0x1p-24;
}

}  // namespace check
