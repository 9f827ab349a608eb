// The simulator's Platform: virtual CPUs, virtual time, one OS thread. Nothing here is concurrent:
// each CPU's code runs to the next gate, one CPU after the other in a fixed order (simulator.hpp).
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "base/check.hpp"
#include "base/time.hpp"
#include "core/scheduler.hpp"
#include "fiber/context.hpp"

namespace px::sim {

// std::atomic's interface on plain memory: one thread needs no more.
template <typename T>
class PlainAtomic {
 public:
  constexpr PlainAtomic() = default;
  [[nodiscard]] T load(std::memory_order /*order*/) const { return value_; }
  void store(T value, std::memory_order /*order*/) { value_ = value; }
  T exchange(T value, std::memory_order /*order*/) {
    const T before = value_;
    value_ = value;
    return before;
  }
  bool compare_exchange_strong(T& expected, T desired, std::memory_order /*success*/,
                               std::memory_order /*failure*/) {
    if (value_ != expected) {
      expected = value_;
      return false;
    }
    value_ = desired;
    return true;
  }
  T fetch_add(T by, std::memory_order /*order*/) { return exchange_with(value_ + by); }
  T fetch_or(T bits, std::memory_order /*order*/) { return exchange_with(value_ | bits); }
  T fetch_and(T bits, std::memory_order /*order*/) { return exchange_with(value_ & bits); }

 private:
  T exchange_with(T value) {
    const T before = value_;
    value_ = value;
    return before;
  }
  T value_{};
};

template <typename T>
class PlainShared {
 public:
  constexpr PlainShared() = default;
  [[nodiscard]] T get() const { return value_; }
  void set(T value) { value_ = value; }

 private:
  T value_{};
};

class SimSpinLock {
 public:
  constexpr SimSpinLock() = default;
  void lock() {
    // Nobody runs between a lock and its unlock, so a held lock here means a self-deadlock.
    PX_CHECK(!held_, "a core lock was taken twice");
    held_ = true;
  }
  [[nodiscard]] bool try_lock() {
    if (held_) return false;
    held_ = true;
    return true;
  }
  void unlock() { held_ = false; }

 private:
  bool held_ = false;
};

class Simulator;

#if PX_SIM_MUTANTS
// The fault that PX_SIM_MUTANT in the environment names, by its number in core::Mutant.
[[nodiscard]] core::Mutant seeded_mutant();
#endif

class Platform {
 public:
  using SpinLock = SimSpinLock;
  template <typename T>
  using Atomic = PlainAtomic<T>;
  template <typename T>
  using Shared = PlainShared<T>;
  using Context = fiber::Context;
  using Task = core::Task<Platform>;

  static constexpr bool kProxyExec = PX_PROXY_EXEC != 0;
  static constexpr bool kSpins = false;  // operations cost nothing, so spinning gains nothing
  // Only in the build that measures which faults the tests would not find (scripts/mutants-in-sim).
  static constexpr bool kMutants = PX_SIM_MUTANTS != 0;

  explicit Platform(Simulator& simulator) : simulator_(simulator) {}

  [[nodiscard]] Nanos now() const { return now_ns; }
  [[nodiscard]] int this_cpu() const { return cpu; }
  [[nodiscard]] Task* current() const { return running[static_cast<std::size_t>(cpu)]; }
  void preempt_disable() {}
  void preempt_enable_no_resched() {}
  // Rescheduling waits for the instant's decision phase, so nothing preempts inside the core.
  [[nodiscard]] bool preemptible() const { return false; }
  void before_pick();
  void switch_context(Task& from, Task& to);
  [[nodiscard]] bool can_run(const Task& /*task*/) const { return true; }
  [[nodiscard]] bool await_turn(Task& /*task*/) { return true; }
  [[nodiscard]] bool moves_freely(const Task& /*task*/) const { return true; }
  void retire(Task& task);
  void kick(int /*cpu*/, bool /*urgent*/) {}  // the decision phase looks at every need_resched
  void arm(int /*cpu*/, Nanos /*when*/) {}    // the simulator reads next_expiry()
  void idle_wait();
  void relax() { PX_CHECK(false, "nobody else can run: waiting here would never end"); }
  void trace(trace::EventKind kind, std::uint32_t task, std::uint32_t other, std::uint32_t lock);

#if PX_SIM_MUTANTS
  [[nodiscard]] bool mutant(core::Mutant which) const { return which == seeded_mutant(); }
#endif

  // Owned by the simulator's loop.
  Nanos now_ns = 0;
  int cpu = 0;                 // the CPU that executes right now
  std::vector<Task*> running;  // by CPU

 private:
  Simulator& simulator_;
};

static_assert(core::Platform<Platform>);

}  // namespace px::sim

extern template class px::core::Scheduler<px::sim::Platform>;
extern template class px::core::Mutex<px::sim::Platform>;
