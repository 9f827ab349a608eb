// Prints how many instructions lock, unlock and yield (with its schedule and the switch to another
// task) execute, with proxy execution switched off at run time. For switched_off_test.cpp, which
// runs two builds of this program.
//
// The CPU's trap flag makes one signal of each instruction; its handler counts. Counts are the
// least of many turns, for a turn may meet an interrupt. A turn of yields counts only if the other
// task ran once in it, and slices are so long that none ends in spite of the single steps: so every
// turn that counts goes the same way, in both builds.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <climits>
#include <csignal>
#include <cstdio>

#include "px/px.hpp"

namespace {

std::atomic<long> traps{0};

void count_trap(int /*signal*/) { traps.fetch_add(1, std::memory_order_relaxed); }

// The caller's red zone is stepped over.
[[gnu::always_inline]] inline void start_counting() {
  traps.store(0, std::memory_order_relaxed);
  asm volatile(
      "leaq -128(%%rsp), %%rsp\n\tpushfq\n\torq $0x100, (%%rsp)\n\tpopfq\n\t"
      "leaq 128(%%rsp), %%rsp" ::
          : "memory", "cc");
}

[[gnu::always_inline]] inline void stop_counting() {
  asm volatile(
      "leaq -128(%%rsp), %%rsp\n\tpushfq\n\tandq $-257, (%%rsp)\n\tpopfq\n\t"
      "leaq 128(%%rsp), %%rsp" ::
          : "memory", "cc");
}

struct Counts {
  long lock = LONG_MAX;
  long unlock = LONG_MAX;
  long yield = LONG_MAX;
};

constexpr int kTurns = 50;

void count_locks(Counts& counts) {
  px::Mutex mutex;
  for (int i = 0; i < kTurns; ++i) {
    start_counting();
    mutex.lock();
    stop_counting();
    counts.lock = std::min(counts.lock, traps.load());
    start_counting();
    mutex.unlock();
    stop_counting();
    counts.unlock = std::min(counts.unlock, traps.load());
  }
}

// There and back: the flag stays set across the switches.
void count_yields(Counts& counts) {
  const px::Fair long_slice{0, std::chrono::seconds(10)};
  px::this_task::set_params(long_slice);
  std::atomic<bool> stop{false};
  std::atomic<int> turns_of_other{0};
  px::TaskOptions options;
  options.params = long_slice;
  auto other = px::spawn(options, [&stop, &turns_of_other] {
    while (!stop.load(std::memory_order_relaxed)) {
      turns_of_other.fetch_add(1, std::memory_order_relaxed);
      px::this_task::yield();
    }
    stop_counting();
  });
  for (int i = 0; i < kTurns; ++i) px::this_task::yield();
  for (int i = 0; i < kTurns; ++i) {
    const int before = turns_of_other.load(std::memory_order_relaxed);
    start_counting();
    px::this_task::yield();
    stop_counting();
    if (turns_of_other.load(std::memory_order_relaxed) - before != 1) continue;
    counts.yield = std::min(counts.yield, traps.load());
  }
  stop = true;
  other.join();
}

}  // namespace

int main() {
  struct sigaction action {};
  action.sa_handler = &count_trap;
  sigaction(SIGTRAP, &action, nullptr);
  px::RuntimeOptions options;
  options.cpus = 1;
  options.preempt = false;
  options.proxy_exec = false;
  px::Runtime runtime(options);
  const Counts counts = runtime.run([] {
    Counts result;
    count_locks(result);
    count_yields(result);
    return result;
  });
  std::printf("%ld %ld %ld\n", counts.lock, counts.unlock, counts.yield);
  return 0;
}
