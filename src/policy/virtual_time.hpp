// Arithmetic on virtual time. It wraps (a SCHED_IDLE context alone on a CPU gets there within a
// year), so instants are compared by their signed difference, never directly.
#pragma once

#include <cstdint>

namespace px::policy {

// Wide enough for sums of weight times virtual time; fair.hpp argues the bounds.
__extension__ typedef __int128 Int128;

// `a` minus `b`; right while they are less than 2^63 apart.
[[nodiscard]] constexpr std::int64_t virtual_diff(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
}

[[nodiscard]] constexpr std::int64_t virtual_add(std::int64_t a, std::int64_t delta) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) +
                                   static_cast<std::uint64_t>(delta));
}

// The greatest integer not above dividend / divisor. `divisor` > 0; the quotient must fit.
[[nodiscard]] constexpr std::int64_t floor_div(Int128 dividend, std::int64_t divisor) {
  const auto low = static_cast<std::int64_t>(dividend);
  if (low == dividend) [[likely]] {  // the processor divides 64 bits much faster than 128
    return low / divisor - (low % divisor < 0 ? 1 : 0);
  }
  return static_cast<std::int64_t>(dividend / divisor - (dividend % divisor < 0 ? 1 : 0));
}

}  // namespace px::policy
