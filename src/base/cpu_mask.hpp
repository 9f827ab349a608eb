// A set of CPUs, at most kMaxCpus of them.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "base/check.hpp"

namespace px {

inline constexpr int kMaxCpus = 1024;

class CpuMask {
 public:
  constexpr CpuMask() = default;

  // The CPUs 0 .. count-1.
  static constexpr CpuMask first(int count) {
    CpuMask mask;
    for (int cpu = 0; cpu < count; ++cpu) mask.add(cpu);
    return mask;
  }
  static constexpr CpuMask only(int cpu) {
    CpuMask mask;
    mask.add(cpu);
    return mask;
  }

  constexpr void add(int cpu) {
    PX_CHECK(cpu >= 0 && cpu < kMaxCpus, "CPU number out of range");
    words_[static_cast<unsigned>(cpu) / 64] |= bit(cpu);
  }
  constexpr void remove(int cpu) {
    PX_CHECK(cpu >= 0 && cpu < kMaxCpus, "CPU number out of range");
    words_[static_cast<unsigned>(cpu) / 64] &= ~bit(cpu);
  }
  [[nodiscard]] constexpr bool has(int cpu) const {
    return cpu >= 0 && cpu < kMaxCpus && (words_[static_cast<unsigned>(cpu) / 64] & bit(cpu)) != 0;
  }
  [[nodiscard]] constexpr bool empty() const {
    for (const auto word : words_) {
      if (word != 0) return false;
    }
    return true;
  }
  [[nodiscard]] constexpr int count() const {
    int total = 0;
    for (const auto word : words_) total += std::popcount(word);
    return total;
  }
  // Whether it has just one member: without counting, for which the baseline CPU has no
  // instruction.
  [[nodiscard]] constexpr bool single() const {
    std::uint64_t seen = 0;
    for (const auto word : words_) {
      if (word == 0) continue;
      if (seen != 0 || !std::has_single_bit(word)) return false;
      seen = word;
    }
    return seen != 0;
  }
  // The lowest member above `cpu`, or -1; next(-1) is the lowest member.
  [[nodiscard]] constexpr int next(int cpu) const {
    for (int candidate = cpu + 1; candidate < kMaxCpus; ++candidate) {
      const auto word =
          words_[static_cast<unsigned>(candidate) / 64] >> (static_cast<unsigned>(candidate) % 64);
      if (word != 0) return candidate + std::countr_zero(word);
      candidate |= 63;
    }
    return -1;
  }
  [[nodiscard]] constexpr CpuMask operator&(const CpuMask& other) const {
    CpuMask result;
    for (unsigned i = 0; i < words_.size(); ++i) result.words_[i] = words_[i] & other.words_[i];
    return result;
  }
  constexpr bool operator==(const CpuMask&) const = default;

 private:
  static constexpr std::uint64_t bit(int cpu) {
    return std::uint64_t{1} << (static_cast<unsigned>(cpu) % 64);
  }
  std::array<std::uint64_t, kMaxCpus / 64> words_{};
};

}  // namespace px
