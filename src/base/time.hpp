// Time in nanoseconds. `now` is always an argument or a platform call, never ambient.
#pragma once

#include <cstdint>
#include <limits>

namespace px {

// A duration or an instant in nanoseconds; instants count from the start of the runtime or run.
using Nanos = std::int64_t;

inline constexpr Nanos kNever = std::numeric_limits<Nanos>::max();
inline constexpr Nanos kMicrosecond = 1'000;
inline constexpr Nanos kMillisecond = 1'000'000;
inline constexpr Nanos kSecond = 1'000'000'000;

}  // namespace px
