// Counter-based numbers: Philox4x32-10 (Salmon et al., SC 2011), and the Box-Muller transform for normals. Block b of a
// chain has the counter (b, step, chain, 0), or 1 in the end for uniforms, and gives its elements 4b .. 4b + 3, so that
// a number depends on nothing but the key, the chain, the step and its place.
#pragma once
#include "elementary.h"
#include "kernels.h"
#include "parallel.h"

namespace {

constexpr uint32_t MULTIPLIER0 = 0xD2511F53u, MULTIPLIER1 = 0xCD9E8D57u;
constexpr uint32_t WEYL0 = 0x9E3779B9u, WEYL1 = 0xBB67AE85u;
constexpr int ROUNDS = 10;

struct Philox {
  uvec w[4];
};

INLINE void multiply(uvec a, uint32_t m, uvec* high, uvec* low) {
  const lvec factor = reinterpret_cast<lvec>(splat_uint(m));
  const lvec even = multiply_low_halves(reinterpret_cast<lvec>(a), factor);
  const lvec odd = multiply_low_halves(reinterpret_cast<lvec>(odd_to_even(a)), factor);
  *low = low_halves(even, odd);
  *high = high_halves(even, odd);
}

/// The keys of all rounds.
struct PhiloxKeys {
  uint32_t key0[ROUNDS], key1[ROUNDS];

  explicit PhiloxKeys(const uint32_t key[2]) {
    for (uint32_t round = 0; round < ROUNDS; ++round) {
      key0[round] = key[0] + round * WEYL0;
      key1[round] = key[1] + round * WEYL1;
    }
  }
};

INLINE Philox philox4x32(Philox c, const PhiloxKeys& keys) {
  for (int round = 0; round < ROUNDS; ++round) {
    uvec high0, low0, high1, low1;
    multiply(c.w[0], MULTIPLIER0, &high0, &low0);
    multiply(c.w[2], MULTIPLIER1, &high1, &low1);
    c = {{high1 ^ c.w[1] ^ keys.key0[round], low1, high0 ^ c.w[3] ^ keys.key1[round], low0}};
  }
  return c;
}

// Two normals from two words: radius sqrt(-2 ln u) with u in (0, 1], angle 2 pi v / 2^24.
INLINE void box_muller(uvec w0, uvec w1, vec* z0, vec* z1) {
  const vec u = __builtin_convertvector(reinterpret_cast<ivec>((w0 >> 8) + 1), vec) * 0x1p-24f;
  const vec radius = vsqrt(vabs(-2.f * log_normal(u, splat_int(0))));

  // The nearest quarter turn is taken off in integers, so that the angle left is exact and within pi / 4.
  const ivec v = reinterpret_cast<ivec>(w1 >> 8);
  const ivec quarter = (v + (1 << 21)) >> 22;
  const vec angle = __builtin_convertvector(v - (quarter << 22), vec) * (6.28318530717958647692f * 0x1p-24f);
  const vec s = angle * angle;
  vec sine = splat(-1.9515295891e-4f);
  sine = sine * s + 8.3321608736e-3f;
  sine = sine * s - 1.6666654611e-1f;
  sine = sine * s * angle + angle;
  vec cosine = splat(2.443315711809948e-5f);
  cosine = cosine * s - 1.388731625493765e-3f;
  cosine = cosine * s + 4.166664568298827e-2f;
  cosine = cosine * s * s - 0.5f * s + 1.f;
  const auto swapped = (quarter & 1) != 0;
  const vec c = swapped ? sine : cosine;
  const vec d = swapped ? cosine : sine;
  const ivec negativeCosine = ((quarter + 1) & 2) << 30, negativeSine = (quarter & 2) << 30;
  *z0 = radius * reinterpret_cast<vec>(reinterpret_cast<ivec>(c) ^ negativeCosine);
  *z1 = radius * reinterpret_cast<vec>(reinterpret_cast<ivec>(d) ^ negativeSine);
}

/// What becomes of the four words of a block; the counter's last word keeps distributions apart.
struct Normals {
  static constexpr uint32_t STREAM = 0;
  INLINE static void from(const Philox& bits, vec (&z)[4]) {
    box_muller(bits.w[0], bits.w[1], &z[0], &z[1]);
    box_muller(bits.w[2], bits.w[3], &z[2], &z[3]);
  }
};
struct Uniforms {
  static constexpr uint32_t STREAM = 1;
  INLINE static void from(const Philox& bits, vec (&u)[4]) {
    for (int i = 0; i < 4; ++i) u[i] = __builtin_convertvector(reinterpret_cast<ivec>(bits.w[i] >> 8), vec) * 0x1p-24f;
  }
};

/// The elements of blocks begin .. end - 1 of a row of `event` numbers; `out` is where the first of them goes.
template <class Distribution>
void random_blocks(const srmcmc::RandomStream& s, int64_t chain, int64_t begin, int64_t end, float* out) {
  uvec lane;
  for (int i = 0; i < L; ++i) lane[i] = static_cast<uint32_t>(i);
  const PhiloxKeys keys(s.key);
  for (int64_t block = begin; block < end; block += L, out += 4 * L) {
    const Philox counter = {{lane + static_cast<uint32_t>(block), splat_uint(s.step),
                             splat_uint(s.firstChain + static_cast<uint32_t>(chain)), splat_uint(Distribution::STREAM)}};
    vec words[4], pairs[4], z[4];
    Distribution::from(philox4x32(counter, keys), words);
    // Each lane's four numbers, one lane after the other.
    interleave(words[0], words[2], pairs[0], pairs[1]);
    interleave(words[1], words[3], pairs[2], pairs[3]);
    interleave(pairs[0], pairs[2], z[0], z[1]);
    interleave(pairs[1], pairs[3], z[2], z[3]);
    const int64_t n = smaller(4 * L, smaller(s.event, end * 4) - block * 4);
    for (int i = 0; i < 4; ++i)
      if (n >= (i + 1) * L) store(out + i * L, z[i]);
      else if (n > i * L) store_some(out + i * L, z[i], n - i * L);
  }
}

template <class Distribution>
void random(const srmcmc::RandomStream& s, float* y) {
  if (s.chains == 0 || s.event == 0) return;
  constexpr int64_t BLOCKS = 1024;  // Philox blocks a task
  const int64_t blocks = divide_up(s.event, 4), parts = divide_up(blocks, BLOCKS);
  auto task = [&](int64_t index, int) {
    const int64_t chain = index / parts, begin = index % parts * BLOCKS;
    random_blocks<Distribution>(s, chain, begin, smaller(blocks, begin + BLOCKS), y + chain * s.event + begin * 4);
  };
  parallel(s.chains * parts, task);
}

inline void philox_block(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]) {
  Philox c;
  for (int i = 0; i < 4; ++i) c.w[i] = splat_uint(counter[i]);
  const Philox bits = philox4x32(c, PhiloxKeys(key));
  for (int i = 0; i < 4; ++i) out[i] = bits.w[i][L - 1];
}

}  // namespace
