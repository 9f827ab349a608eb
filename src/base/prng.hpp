// A small seeded generator (SplitMix64; Steele, Lea and Flood, "Fast Splittable Pseudorandom Number
// Generators", OOPSLA 2014). The same seed gives the same numbers everywhere.
#pragma once

#include <cstdint>

#include "base/check.hpp"

namespace px {

class Prng {
 public:
  explicit constexpr Prng(std::uint64_t seed) : state_(seed) {}

  constexpr std::uint64_t next() {
    state_ += 0x9e3779b97f4a7c15ULL;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }
  // Uniform in [low, high], both included; the bias is below 2^-32 for ranges under 2^32.
  constexpr std::int64_t between(std::int64_t low, std::int64_t high) {
    PX_CHECK(low <= high, "empty range");
    // Unsigned: a range may be wider than a signed number.
    const auto first = static_cast<std::uint64_t>(low);
    const auto span = static_cast<std::uint64_t>(high) - first + 1;
    return static_cast<std::int64_t>(first + (span == 0 ? next() : next() % span));
  }
  constexpr bool chance(int percent) { return between(0, 99) < percent; }

 private:
  std::uint64_t state_;
};

}  // namespace px
