// Durations as nanoseconds, without overflow.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>

namespace px {
inline namespace v0 {
namespace detail {

// The duration of a wait without a time limit.
inline constexpr std::int64_t kForEver = std::numeric_limits<std::int64_t>::max();

// The duration in nanoseconds, rounded down; what does not fit is the longest (or most negative)
// that does, which every wait takes for "for ever" (or "not at all").
template <typename Rep, typename Period>
[[nodiscard]] constexpr std::int64_t saturated_ns(
    const std::chrono::duration<Rep, Period>& duration) {
  using Limits = std::numeric_limits<std::int64_t>;
  const auto ns = std::chrono::duration<long double, std::nano>(duration).count();
  if (ns >= static_cast<long double>(Limits::max())) return Limits::max();
  if (ns <= static_cast<long double>(Limits::min())) return Limits::min();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(duration).count();
}

// From now to an instant of any clock.
template <typename Clock, typename Duration>
[[nodiscard]] std::int64_t ns_until(const std::chrono::time_point<Clock, Duration>& time) {
  const std::int64_t then = saturated_ns(time.time_since_epoch());
  const std::int64_t now = saturated_ns(Clock::now().time_since_epoch());
  std::int64_t left = 0;
  if (__builtin_sub_overflow(then, now, &left)) {
    return then > 0 ? std::numeric_limits<std::int64_t>::max()
                    : std::numeric_limits<std::int64_t>::min();
  }
  return left;
}

}  // namespace detail
}  // namespace v0
}  // namespace px
