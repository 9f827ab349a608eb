// Taking the CPU away from a task that computes: at a safepoint, by signal, by timer.
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <csignal>

#include "bench/meter.hpp"
#include "bench/relay.hpp"
#include "live/thread_state.hpp"

namespace px::bench {
namespace {

constexpr int kTurns = 1'000;
constexpr double kPause = 100'000;

// A FIFO task of CPU 1 is woken from CPU 0 while CPU 1 computes.
template <bool kSafepoints>
Measurement across() {
  Runtime runtime(runtime_options(2));
  std::atomic<bool> stop{false};
  TaskOptions there;
  there.affinity = CpuSet{1};
  auto hog = runtime.spawn(there, [&stop] {
    while (!stop.load(std::memory_order_relaxed)) {
      if constexpr (kSafepoints) this_task::checkpoint();
    }
  });
  RelayOptions options;
  options.woken_cpu = 1;
  options.turns = kTurns;
  options.pause_ns = kPause;
  const Measurement result = relay(runtime, options);
  stop = true;
  hog.join();
  return result;
}

// A FIFO task sleeps while its only CPU computes: how late it runs.
Measurement timer() {
  Runtime runtime(runtime_options(1));
  std::atomic<bool> stop{false};
  auto hog = runtime.spawn([&stop] {
    while (!stop.load(std::memory_order_relaxed)) {
    }
  });
  TaskOptions urgent;
  urgent.params = Realtime{50};
  auto sleeper = runtime.spawn(urgent, [] {
    constexpr double kSleep = 300'000;
    Latencies late(kTurns);
    for (int i = 0; i < kTurns; ++i) {
      const double due = wall_ns() + kSleep;
      this_task::sleep_for_ns(static_cast<std::int64_t>(kSleep));
      late.add(wall_ns() - due);
    }
    return late.summary();
  });
  const Measurement result = sleeper.join();
  stop = true;
  hog.join();
  return result;
}

// The system call without libc around it: the signal comes in at its return, in this program's
// code.
[[gnu::noinline]] void signal_myself(long process, long thread, long signal) {
  long result = SYS_tgkill;
  asm volatile("syscall"
               : "+a"(result)
               : "D"(process), "S"(thread), "d"(signal)
               : "rcx", "r11", "memory");
}

// A task that tells its CPU to reschedule and signals its thread: the whole way through the kernel,
// the handler and schedule(), which finds nobody better.
Measurement signal_cost() {
  constexpr int kSignals = 20'000;
  RuntimeOptions options = runtime_options(1);
  options.preempt_signal = SIGRTMIN + 9;
  Runtime runtime(options);
  const int signal = options.preempt_signal;
  Measurement result = runtime.run([signal] {
    const long process = getpid();
    const long thread = syscall(SYS_gettid);
    auto* const need_resched = static_cast<std::atomic<std::uint32_t>*>(
        live::own::load_pointer<offsetof(live::ThreadState, need_resched)>());
    const double start = thread_cpu_ns();
    for (int i = 0; i < kSignals; ++i) {
      need_resched->store(1, std::memory_order_relaxed);
      signal_myself(process, thread, signal);
    }
    return Measurement{(thread_cpu_ns() - start) / kSignals};
  });
  const auto counts = runtime.preemptions();
  result.figures.push_back({"preempted", static_cast<double>(counts.asynchronous) / kSignals});
  return result;
}

struct Throughput {
  double turns = 0;
  double signals = 0;
};

// Turns of a computing loop that `kTasks` tasks get done in 200 ms of one CPU's time.
Throughput computed(int tasks) {
  constexpr double kTime = 200e6;
  constexpr int kTurnsPerLook = 20'000;
  RuntimeOptions options = runtime_options(1);
  options.slice = std::chrono::milliseconds(1);
  Runtime runtime(options);
  std::atomic<double> turns{0};
  std::atomic<double> end{0};
  std::vector<Task<void>> all;
  for (int i = 0; i < tasks; ++i) {
    all.push_back(runtime.spawn([&] {
      if (end.load() == 0) end = thread_cpu_ns() + kTime;
      std::uint64_t value = 1;
      double mine = 0;
      while (thread_cpu_ns() < end.load()) {
        for (int n = 0; n < kTurnsPerLook; ++n) value = work(value);
        mine += kTurnsPerLook;
      }
      if (value != 0) turns = turns + mine;
    }));
  }
  for (auto& task : all) task.join();
  const auto counts = runtime.preemptions();
  return {turns, static_cast<double>(counts.asynchronous + counts.refused)};
}

Measurement tick() {
  const Throughput alone = computed(1);
  const Throughput shared = computed(2);
  const double lost = 1.0 - shared.turns / alone.turns;
  return {shared.signals > 0 ? lost * 200e6 / shared.signals : 0,
          {{"percent", 100 * lost}, {"signals_alone", alone.signals}}};
}

}  // namespace

std::vector<Case> preempt_cases() {
  return {
      {"preempt/safepoint", "FIFO task woken over code with safepoints on another CPU; p50",
       &across<true>},
      {"preempt/signal", "FIFO task woken over computing code on another CPU; p50", &across<false>},
      {"preempt/timer", "FIFO task's sleep over computing code, how late it ends; p50", &timer},
      {"preempt/signal_cost", "CPU time of one preemption by signal, and the return", &signal_cost},
      {"preempt/tick", "CPU time lost per tick, 2 computing tasks, 1 ms slices", &tick},
  };
}

}  // namespace px::bench
