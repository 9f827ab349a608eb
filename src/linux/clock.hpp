// The two clocks of the linux world: wall time and the calling thread's CPU time.
#pragma once

#include <time.h>

#include "base/time.hpp"

namespace px::linux_world {

// CLOCK_MONOTONIC in nanoseconds: no system call, some 25 ns.
[[nodiscard]] inline Nanos monotonic_now() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<Nanos>(time.tv_sec) * kSecond + time.tv_nsec;
}

// What the calling thread has executed. A system call: some 400 ns.
[[nodiscard]] inline Nanos thread_cpu_now() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<Nanos>(time.tv_sec) * kSecond + time.tv_nsec;
}

[[nodiscard]] inline timespec to_timespec(Nanos time) {
  timespec result{};
  result.tv_sec = static_cast<time_t>(time / kSecond);
  result.tv_nsec = static_cast<decltype(result.tv_nsec)>(time % kSecond);
  return result;
}

}  // namespace px::linux_world
