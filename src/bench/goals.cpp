#include "bench/goals.hpp"

namespace px::bench {

const std::vector<Goal>& goals() {
  static const std::vector<Goal> all = {
      {1, "raw switch", "switch/raw_fiber", nullptr, 5},
      {2, "yield, 2 tasks", "switch/yield_2", nullptr, 35},
      {2, "yield, 100 tasks", "switch/yield_100", nullptr, 35},
      {3, "yield, 1000 tasks", "switch/yield_1000", nullptr, 60},
      {4, "spawn and join", "spawn/join", nullptr, 80},
      {5, "lock and unlock", "mutex/lock_unlock", nullptr, 12},
      {6, "contended hand-over, one CPU", "mutex/handoff", nullptr, 70},
      {7, "contended, two CPUs: not above std::mutex", "mutex/contended_2cpus", nullptr, 0,
       "mutex/std_contended_2cpus"},
      {8, "inversion bound, 1 hog", "mutex/inversion_1hog", nullptr, 5.1e6},
      {8, "inversion bound, 4 hogs", "mutex/inversion_4hogs", nullptr, 5.1e6},
      {10, "preemption on the waker's CPU", "wake/same_cpu", nullptr, 50},
      {11, "preemption across CPUs, safepoints", "preempt/safepoint", nullptr, 500},
      {12, "preemption across CPUs, signal", "preempt/signal", nullptr, 15'000},
      {12, "the same, p99 on an unloaded machine", "preempt/signal", "p99", 100'000},
      {13, "cost of a preemption by signal", "preempt/signal_cost", nullptr, 2'000},
      {14, "ticks with one task", "preempt/tick", "signals_alone", 0},
      {14, "tick overhead at 1 ms, percent", "preempt/tick", "percent", 2.5},
      {16, "wakeup of a sleeping CPU", "wake/parked_cpu", nullptr, 25'000},
      {21, "stateful transition, coarse (300,000/s)", "check/stateful_coarse", nullptr, 3'333},
      {21, "stateful transition, fine", "check/stateful_fine", nullptr, 3'333},
      {22, "stateless step, coarse (5 million/s)", "check/random_coarse", nullptr, 200},
      {22, "stateless step, fine", "check/random_fine", nullptr, 200},
  };
  return all;
}

}  // namespace px::bench
