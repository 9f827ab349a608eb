// One task wakes another, again and again, and the other notes how long that took.
#pragma once

#include "bench/meter.hpp"

namespace px::bench {

struct RelayOptions {
  int waker_cpu = 0;
  int woken_cpu = 0;
  int turns = 1'000;
  double pause_ns = 0;  // before each wakeup, computing: the other CPU comes to rest
};

// The woken task is FIFO, the waker fair. p50 from before the unlock that wakes to the woken task's
// return from its lock; "p99"; "waker": p50 of the unlock itself.
[[nodiscard]] Measurement relay(Runtime& runtime, const RelayOptions& options);

}  // namespace px::bench
