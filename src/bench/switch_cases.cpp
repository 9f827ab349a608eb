// Switches: the bare one, and a yield with its scheduling decision, beside Boost.Fiber's and the
// kernel's.
#include <sched.h>

#include <atomic>
#include <boost/fiber/all.hpp>
#include <thread>

#include "bench/meter.hpp"
#include "fiber/context.hpp"
#include "fiber/stack.hpp"

namespace px::bench {
namespace {

constexpr int kYields = 200'000;

struct Pair {
  fiber::Context here;
  fiber::Context there;
};

// Both sides switch at one place, as tasks do in a scheduler.
[[gnu::noinline]] void alternate(fiber::Context& self, fiber::Context& other) {
  for (int i = 0; i < kYields; ++i) fiber::switch_to(self, other);
}

void answer(void* argument) noexcept {
  auto& pair = *static_cast<Pair*>(argument);
  for (;;) alternate(pair.there, pair.here);
}

Measurement raw_fiber() {
  fiber::StackPool pool;
  const fiber::Stack stack = pool.acquire();
  Pair pair;
  fiber::adopt_thread(pair.here);
  fiber::make(pair.there, stack, &answer, &pair);
  alternate(pair.here, pair.there);
  const double start = thread_cpu_ns();
  alternate(pair.here, pair.there);
  const double ns = (thread_cpu_ns() - start) / (2.0 * kYields);
  fiber::discard(pair.there);
  pool.release(stack);
  return {ns};
}

// Tasks that wait for each other to exist, then yield `kYields` times among them.
template <int kTasks>
Measurement yield() {
  Runtime runtime(runtime_options(1));
  return runtime.run([] {
    constexpr int kEach = kYields / kTasks;
    std::atomic<bool> go{false};
    std::vector<Task<void>> tasks;
    for (int i = 0; i < kTasks; ++i) {
      tasks.push_back(px::spawn([&go] {
        while (!go.load(std::memory_order_relaxed)) this_task::yield();
        for (int n = 0; n < kEach; ++n) this_task::yield();
      }));
    }
    this_task::sleep_for(std::chrono::milliseconds(2));
    go = true;
    const double start = thread_cpu_ns();
    for (auto& task : tasks) task.join();
    return Measurement{(thread_cpu_ns() - start) / (static_cast<double>(kEach) * kTasks)};
  });
}

template <int kFibers>
Measurement boost_yield() {
  double ns = 0;
  std::thread thread([&ns] {
    constexpr int kEach = kYields / kFibers;
    std::vector<boost::fibers::fiber> fibers;
    for (int i = 0; i < kFibers; ++i) {
      fibers.emplace_back([] {
        for (int n = 0; n < kEach; ++n) boost::this_fiber::yield();
      });
    }
    const double start = thread_cpu_ns();
    for (auto& one : fibers) one.join();
    ns = (thread_cpu_ns() - start) / (static_cast<double>(kEach) * kFibers);
  });
  thread.join();
  return {ns};
}

// Two threads on one CPU. Their CPU times add up to that of all switches.
Measurement thread_yield() {
  constexpr int kEach = 20'000;
  std::atomic<double> total{0};
  const auto body = [&total] {
    pin_to(0);
    const double start = thread_cpu_ns();
    for (int n = 0; n < kEach; ++n) sched_yield();
    total = total + (thread_cpu_ns() - start);
  };
  std::thread first(body);
  std::thread second(body);
  first.join();
  second.join();
  return {total / (2.0 * kEach)};
}

}  // namespace

std::vector<Case> switch_cases() {
  return {
      {"switch/raw_fiber", "a switch between two fibers, no scheduler", &raw_fiber},
      {"switch/yield_2", "a yield between 2 tasks", &yield<2>, "switch/boost_yield_2"},
      {"switch/yield_100", "a yield among 100 tasks", &yield<100>, "switch/boost_yield_100"},
      {"switch/yield_1000", "a yield among 1000 tasks", &yield<1000>, "switch/boost_yield_1000"},
      {"switch/boost_yield_2", "Boost.Fiber, round robin, 2 fibers", &boost_yield<2>},
      {"switch/boost_yield_100", "Boost.Fiber, 100 fibers", &boost_yield<100>},
      {"switch/boost_yield_1000", "Boost.Fiber, 1000 fibers", &boost_yield<1000>},
      {"switch/thread_yield_2", "sched_yield between 2 threads on a CPU", &thread_yield},
  };
}

}  // namespace px::bench
