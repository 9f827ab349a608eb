// The clocks and threads of the measurements.
#pragma once

#include <x86intrin.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "bench/registry.hpp"
#include "px/px.hpp"

namespace px::bench {

// CPU time of the calling thread, ns: what others take away from it does not count. For what one
// thread does alone.
[[nodiscard]] double thread_cpu_ns();
// For what happens between threads.
[[nodiscard]] double wall_ns();

// The time-stamp counter, for single operations.
[[nodiscard]] inline std::uint64_t ticks() {
  unsigned cpu = 0;
  const std::uint64_t now = __rdtscp(&cpu);
  _mm_lfence();
  return now;
}
// Nanoseconds between two readings, less what a reading costs.
[[nodiscard]] double ticks_to_ns(std::uint64_t from, std::uint64_t to);

// Collects one latency per turn.
class Latencies {
 public:
  explicit Latencies(std::size_t expected) { ns_.reserve(expected); }
  void add(double ns) { ns_.push_back(ns); }
  // p50 as the measurement, p99 and count beside it.
  [[nodiscard]] Measurement summary();

 private:
  std::vector<double> ns_;
};

// A runtime of that many CPUs.
[[nodiscard]] RuntimeOptions runtime_options(int cpus);

// Runs on a thread pinned to the n-th CPU that the process may use; false if there is none or it
// cannot be pinned.
bool pin_to(int n);
// Two threads, pinned to the first and second CPU, that start together.
void on_two_threads(const std::function<void(int)>& body);

// One turn of a loop that computes and makes no call.
[[nodiscard]] inline std::uint64_t work(std::uint64_t value) {
  return value * 6364136223846793005ULL + 1442695040888963407ULL;
}

}  // namespace px::bench
