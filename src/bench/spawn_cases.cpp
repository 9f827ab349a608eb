// A task from its start to the end of its join.
#include <boost/fiber/all.hpp>
#include <thread>

#include "bench/meter.hpp"

namespace px::bench {
namespace {

constexpr int kTasks = 50'000;

Measurement join() {
  Runtime runtime(runtime_options(1));
  return runtime.run([] {
    const double start = thread_cpu_ns();
    for (int i = 0; i < kTasks; ++i) px::spawn([] {}).join();
    return Measurement{(thread_cpu_ns() - start) / kTasks};
  });
}

Measurement boost_join() {
  double ns = 0;
  std::thread thread([&ns] {
    boost::fibers::pooled_fixedsize_stack stacks;
    const double start = thread_cpu_ns();
    for (int i = 0; i < kTasks; ++i) {
      boost::fibers::fiber(boost::fibers::launch::post, std::allocator_arg, stacks, [] {}).join();
    }
    ns = (thread_cpu_ns() - start) / kTasks;
  });
  thread.join();
  return {ns};
}

// By the wall: half of it happens on the new thread.
Measurement thread_join() {
  constexpr int kThreads = 500;
  const double start = wall_ns();
  for (int i = 0; i < kThreads; ++i) std::thread([] {}).join();
  return {(wall_ns() - start) / kThreads};
}

}  // namespace

std::vector<Case> spawn_cases() {
  return {
      {"spawn/join", "spawn and join of an empty task", &join, "spawn/boost_join"},
      {"spawn/boost_join", "Boost.Fiber, pooled stacks", &boost_join},
      {"spawn/thread_join", "std::thread", &thread_join},
  };
}

}  // namespace px::bench
