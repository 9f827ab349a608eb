#include "bench/relay.hpp"

#include <array>
#include <atomic>

namespace px::bench {
namespace {

// Two locks that nobody lends through, held in turn: while the woken task waits for the one, the
// waker takes the other, and then lets go of the first.
struct Baton {
  std::array<px::Mutex, 2> locks{px::Mutex("baton-0", Protocol::none),
                                 px::Mutex("baton-1", Protocol::none)};
  std::atomic<std::uint64_t> sent{0};
  std::atomic<int> waiting{-1};  // the turn that the woken task is about to wait for

  px::Mutex& of(int turn) { return locks[static_cast<std::size_t>(turn % 2)]; }
};

void wake_turns(Baton& baton, const RelayOptions& options, Latencies& costs) {
  for (int turn = 0; turn < options.turns; ++turn) {
    // Then the woken task has let go of the other lock.
    while (baton.waiting.load(std::memory_order_relaxed) != turn) this_task::yield();
    if (turn + 1 < options.turns) baton.of(turn + 1).lock();
    const double start = wall_ns();
    while (wall_ns() - start < options.pause_ns) {
    }
    const std::uint64_t before = ticks();
    baton.sent.store(before, std::memory_order_relaxed);
    baton.of(turn).unlock();
    // Where the woken task takes this CPU, the unlock lasts until that one waits again.
    if (options.waker_cpu != options.woken_cpu) costs.add(ticks_to_ns(before, ticks()));
  }
}

}  // namespace

Measurement relay(Runtime& runtime, const RelayOptions& options) {
  Baton baton;
  Latencies latencies(static_cast<std::size_t>(options.turns));
  Latencies costs(static_cast<std::size_t>(options.turns));
  std::atomic<bool> held{false};
  TaskOptions waker;
  waker.affinity = CpuSet{options.waker_cpu};
  auto sender = runtime.spawn(waker, [&] {
    baton.of(0).lock();
    held = true;
    wake_turns(baton, options, costs);
  });
  TaskOptions woken;
  woken.affinity = CpuSet{options.woken_cpu};
  woken.params = Realtime{50};
  auto receiver = runtime.spawn(woken, [&] {
    while (!held) this_task::sleep_for(std::chrono::microseconds(100));
    for (int turn = 0; turn < options.turns; ++turn) {
      baton.waiting.store(turn, std::memory_order_relaxed);
      baton.of(turn).lock();
      latencies.add(ticks_to_ns(baton.sent.load(std::memory_order_relaxed), ticks()));
      baton.of(turn).unlock();
    }
  });
  receiver.join();
  sender.join();
  Measurement result = latencies.summary();
  if (options.waker_cpu != options.woken_cpu)
    result.figures.push_back({"waker", costs.summary().ns});
  return result;
}

}  // namespace px::bench
