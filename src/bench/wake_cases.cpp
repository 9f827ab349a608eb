// Wakeups: of a better task on the waker's own CPU, of a CPU that is asleep; beside a condition
// variable.
#include <atomic>
#include <condition_variable>
#include <mutex>

#include "bench/meter.hpp"
#include "bench/relay.hpp"

namespace px::bench {
namespace {

// The waker is of the fair class, so that the woken task takes its CPU at once.
Measurement same_cpu() {
  Runtime runtime(runtime_options(1));
  RelayOptions options;
  options.turns = 20'000;
  return relay(runtime, options);
}

Measurement parked_cpu() {
  Runtime runtime(runtime_options(2));
  RelayOptions options;
  options.woken_cpu = 1;
  options.turns = 1'000;
  options.pause_ns = 200'000;
  return relay(runtime, options);
}

// From before the notification to after the wait, on two CPUs.
Measurement std_condition_variable() {
  constexpr int kTurns = 1'000;
  constexpr double kPause = 200'000;
  std::mutex mutex;
  std::condition_variable changed;
  int turn = 0;
  std::atomic<std::uint64_t> sent{0};
  Latencies latencies(kTurns);
  on_two_threads([&](int index) {
    for (int i = 1; i <= kTurns; ++i) {
      if (index == 0) {
        const double start = wall_ns();
        while (wall_ns() - start < kPause) {
        }
        const std::lock_guard guard(mutex);
        turn = i;
        sent.store(ticks());
        changed.notify_one();
      } else {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return turn >= i; });
        if (turn == i) latencies.add(ticks_to_ns(sent.load(), ticks()));
      }
    }
  });
  return latencies.summary();
}

}  // namespace

std::vector<Case> wake_cases() {
  return {
      {"wake/same_cpu", "unlock until the woken, better task of the same CPU runs; p50", &same_cpu},
      {"wake/parked_cpu", "unlock until the task of a sleeping CPU runs; p50", &parked_cpu,
       "wake/std_condvar"},
      {"wake/std_condvar", "std::condition_variable, 2 threads on 2 CPUs; p50",
       &std_condition_variable},
  };
}

}  // namespace px::bench
