// The live world's Platform: CPUs played by pinned OS threads, real locks, real time.
#pragma once

#include <immintrin.h>
#include <sched.h>

#include <atomic>

#include "core/scheduler.hpp"
#include "fiber/context.hpp"
#include "fiber/stack.hpp"
#include "live/thread_state.hpp"

namespace px::live {

class Carrier;
class Machine;

// A test-and-test-and-set lock. Held for tens of nanoseconds with preemption off; but the host may
// take the CPU away from its holder, so a long wait gives the OS a chance to run that.
class SpinLock {
 public:
  constexpr SpinLock() = default;
  void lock() {
    if (!held_.exchange(1, std::memory_order_acquire)) [[likely]]
      return;
    lock_slow();
  }
  [[nodiscard]] bool try_lock() {
    return held_.load(std::memory_order_relaxed) == 0 &&
           held_.exchange(1, std::memory_order_acquire) == 0;
  }
  void unlock() { held_.store(0, std::memory_order_release); }

 private:
  [[gnu::noinline]] void lock_slow() {
    constexpr int kSpinsBeforeYield = 256;
    for (int spins = 0;; ++spins) {
      if (try_lock()) return;
      if (spins < kSpinsBeforeYield) {
        _mm_pause();
      } else {
        sched_yield();
      }
    }
  }
  std::atomic<std::uint32_t> held_{0};
};

template <typename T>
class Plain {
 public:
  constexpr Plain() = default;
  [[nodiscard]] T get() const { return value_; }
  void set(T value) { value_ = value; }

 private:
  T value_{};
};

// What the live world keeps of a task beside the core's state.
struct LiveContext {
  fiber::Context fiber;
  fiber::Stack stack;
  // The OS thread on which the task was preempted by a signal: compilers keep addresses of
  // thread-locals in registers, so it goes on there. Null after its next voluntary switch.
  Carrier* bound = nullptr;
  bool in_signal = false;  // its present switch is asynchronous
  bool preempt = true;     // by signal
  bool waits_for_carrier = false;
  core::Task<class Platform>* next_waiting = nullptr;  // guarded by the carrier's lock
};

class Platform {
 public:
  using SpinLock = live::SpinLock;
  template <typename T>
  using Atomic = std::atomic<T>;
  template <typename T>
  using Shared = Plain<T>;
  using Context = LiveContext;
  using Task = core::Task<Platform>;

  static constexpr bool kProxyExec = PX_PROXY_EXEC != 0;
  static constexpr bool kSpins = true;
  static constexpr bool kMutants = false;

  explicit Platform(Machine& machine) : machine_(machine) {}

  [[nodiscard]] Nanos now() const;
  // -1 on a thread that plays no CPU: a foreign one, a parked carrier.
  [[nodiscard]] int this_cpu() const;
  [[nodiscard]] Task* current() const;
  void preempt_disable() { live::preempt_disable(); }
  void preempt_enable_no_resched() {
    deliver_kick();
    live::preempt_enable_no_check();
  }
  [[nodiscard]] bool preemptible() const { return preempt_count() == 0 && this_cpu() >= 0; }
  void before_pick();
  void switch_context(Task& from, Task& to);
  void arrive();
  [[nodiscard]] bool can_run(const Task& task);
  [[nodiscard]] bool await_turn(Task& task);
  [[nodiscard]] bool moves_freely(const Task& task) const { return task.context.bound == nullptr; }
  void retire(Task& task);
  // Put off until deliver_kick(): the caller holds the runqueue's lock, which the CPU needs to
  // answer, and a signal takes its sender longer than all else that is done under the lock.
  void kick(int cpu, bool urgent);
  // Sends the kick that was put off, if there is one and its CPU has not answered. Preemption off.
  void deliver_kick() {
    if (own::load<offsetof(ThreadState, kick_later)>() != 0) [[unlikely]]
      deliver_kick_slow();
  }
  void arm(int cpu, Nanos when);
  void idle_wait();
  void relax() { _mm_pause(); }
  void trace(trace::EventKind kind, std::uint32_t task, std::uint32_t other, std::uint32_t lock);

 private:
  void move_to_spare();
  void deliver_kick_slow();
  void send_kick(int cpu, bool urgent);

  Machine& machine_;
};

static_assert(core::Platform<Platform>);

using Task = core::Task<Platform>;
using Runqueue = core::Runqueue<Platform>;
using Scheduler = core::Scheduler<Platform>;

}  // namespace px::live

extern template class px::core::Scheduler<px::live::Platform>;
extern template class px::core::Mutex<px::live::Platform>;
