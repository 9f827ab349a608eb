// Machine: the CPUs of a live runtime and the OS threads that play them.
//
// A *CPU* is the scheduler's: a runqueue, an idle task, a timer expiry. A *carrier* is an OS
// thread. Each CPU has exactly one active carrier; one more carrier is spare. Tasks are fibers and
// run on whatever carrier plays their CPU, except that a task preempted by a signal is bound to the
// carrier on which that happened until its next voluntary switch. Running a task that is bound
// elsewhere is a *carrier exchange*: the CPU's carrier parks, the bound one is pinned to the CPU
// and goes on.
//
//   carrier state   active  cpu      meaning
//   parked          false   null     waits for a directive; anyone may claim it
//   claimed         true    null     a directive is on its way to it
//   playing         true    the CPU  runs that CPU's tasks
//
// A carrier that a task waits for while it plays another CPU is *wanted*: at the next switch there
// that can do without it, the spare one takes over, and the waiting task is woken. A task bound to
// it that computes on and on gives way after kCarrierTurn, unless it runs on a higher rank than all
// that wait: two tasks that one thread has interrupted cannot run at a time, and the lower waits.
//
// Locks: a carrier's lock is a leaf below the runqueue lock.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "live/clock.hpp"
#include "live/platform.hpp"
#include "live/preempt_signal.hpp"
#include "live/preempt_text.hpp"
#include "live/signal_timer.hpp"
#include "live/stack_fault.hpp"

namespace px::live {

// How long a bound task may keep a carrier that another task waits for.
inline constexpr Nanos kCarrierTurn = 3 * kMillisecond;
// How soon a preemption that had to be refused is tried again.
inline constexpr Nanos kRefusedRetry = 50 * kMicrosecond;
// The same where preemption was off: who turns it on looks for itself. Longer than a signal takes
// on the slowest machine, or the signals that re-arm the timer would hold up the code that they
// hit.
inline constexpr Nanos kGuardedRetry = kMillisecond;
// A fair task that ran less than this ago has its data in the caches of its CPU.
inline constexpr Nanos kMigrationCost = 500 * kMicrosecond;
// A computing target of a fair wakeup is interrupted after this at the latest.
inline constexpr Nanos kFairKickDelay = 20 * kMicrosecond;
// How long a realtime wakeup waits for the CPU to answer by itself before it sends a signal; where
// that was in vain, only one in so many waits again.
inline constexpr Nanos kAnswerTime = 2 * kMicrosecond;
inline constexpr std::uint32_t kAnswerTries = 16;

struct MachineOptions {
  std::vector<int> os_cpus;  // one for each CPU; pinned to it if `pin`
  bool pin = true;
  bool preempt = true;     // false: no signals, tasks are preempted at library calls only
  int preempt_signal = 0;  // 0 = the first unused realtime signal
  bool proxy_exec = true;
  policy::Tunables tunables;
  bool deadline_admission = true;
  std::size_t stack_size = 256 * 1024;
  bool guard_pages = true;
  std::size_t trace_capacity = 0;  // events per CPU; 0 = no tracing
  Notice notice = nullptr;
};

// One CPU. The runqueue's hot fields start it; what other CPUs write (kicks, timers) is apart.
struct alignas(64) Cpu {
  explicit Cpu(const policy::Tunables& tunables) : rq(tunables) {}

  Runqueue rq;
  Task idle;
  int index = 0;
  int os_cpu = 0;
  std::atomic<Carrier*> carrier{nullptr};
  std::atomic<bool> tick_pending{false};            // a refused signal: timers may be due
  alignas(64) std::atomic<Nanos> armed_at{kNever};  // what the carrier's timer is set to
  std::atomic<std::uint32_t> asleep{0};             // futex: 1 while the idle task waits in it
  std::atomic<std::uint32_t> waits_in_vain{0};      // for an answer to a kick, in a row; a hint
  std::vector<trace::Event> events;                 // reserved, never grown; this CPU only
  std::uint64_t events_lost = 0;
};

class Carrier {
 public:
  [[nodiscard]] const Machine& machine() const { return machine_; }
  explicit Carrier(Machine& machine) : machine_(machine) {}

  // The thread's body.
  void main();

  struct Directive {
    Carrier* carrier = nullptr;
    Cpu* cpu = nullptr;
    Task* run = nullptr;
    bool rq_locked = false;  // in the middle of a switch: the runqueue lock goes along
  };
  // Tells a claimed carrier to play a CPU, starting with a task. Any thread.
  void post(Cpu& cpu, Task& run);
  void post_quit();
  void park_at_start() { active_ = false; }

  // Makes a parked carrier the caller's to direct. False: it is active already.
  [[nodiscard]] bool claim();
  // Puts a task that needs this carrier on its list. True: the carrier is parked, nothing was done.
  [[nodiscard]] bool await(Task& task, Nanos now);
  [[nodiscard]] bool wanted() const { return wanted_.load(std::memory_order_relaxed); }
  // A bound task that runs on a context of that rank has kept it from others for its turn.
  [[nodiscard]] bool turn_is_over(Nanos now, std::int64_t rank) const {
    return wanted() && wanted_rank_.load(std::memory_order_relaxed) >= rank &&
           now - wanted_since_.load(std::memory_order_relaxed) >= kCarrierTurn;
  }

  // Only touched by the thread itself (and by whoever directs it before it starts).
  Cpu* cpu = nullptr;
  std::atomic<Cpu*> plays{nullptr};  // the same, for others
  Task* current = nullptr;
  fiber::Context native;
  Directive out;  // what to tell another carrier once this one is back on its own stack

  std::optional<SignalTimer> timer;
  std::atomic<ThreadState*> thread{nullptr};  // set once, before it is active for the first time
  Machine& machine() { return machine_; }

 private:
  void wait_for_directive();
  void take_cpu();
  void leave_cpu();
  void release(const Directive& next);

  Machine& machine_;
  std::atomic<std::uint32_t> parked_flag_{0};  // its need_resched while it plays no CPU
  std::atomic<std::uint32_t> directed_{0};     // futex: 1 = next_ is valid
  Cpu* next_cpu_ = nullptr;
  Task* next_task_ = nullptr;
  bool quit_ = false;

  SpinLock lock_;       // guards all below
  bool active_ = true;  // claimed from the start by the machine
  Task* waiting_ = nullptr;
  std::atomic<bool> wanted_{false};
  std::atomic<Nanos> wanted_since_{0};
  std::atomic<std::int64_t> wanted_rank_{0};  // the highest that waits, as of when it came
};

class Machine {
 public:
  // `retire`: a task has ended and its stack is free; called on a CPU, preemption off.
  Machine(const MachineOptions& options, void (*retire)(Task&));
  // All tasks must have ended.
  ~Machine();
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  [[nodiscard]] int cpus() const { return static_cast<int>(cpus_.size()); }
  [[nodiscard]] Cpu& cpu(int index) { return *cpus_[static_cast<std::size_t>(index)]; }
  [[nodiscard]] Scheduler& scheduler() { return *scheduler_; }
  [[nodiscard]] TscClock& clock() { return clock_; }
  [[nodiscard]] const MachineOptions& options() const { return options_; }
  // Nothing if tasks are preempted at library calls only.
  [[nodiscard]] const std::optional<PreemptSignal>& preempt_signal() const { return signal_; }
  [[nodiscard]] bool traces() const { return options_.trace_capacity > 0; }

  // Everything traced so far in order of time. The CPUs must be quiet.
  [[nodiscard]] std::vector<trace::Event> take_events();
  [[nodiscard]] std::uint64_t events_lost() const;
  // Signals by outcome, over all carriers.
  struct PreemptionCounts {
    std::uint64_t asynchronous = 0;  // tasks switched away by a signal
    std::uint64_t refused = 0;
    std::uint64_t retried = 0;
    std::uint64_t exchanges = 0;  // carriers exchanged
  };
  [[nodiscard]] PreemptionCounts preemptions() const;

  // The spare carrier, claimed; nullptr: none is parked.
  [[nodiscard]] Carrier* claim_spare();
  void wake_idle(Cpu& cpu);
  void on_signal(bool may_preempt) noexcept;
  void count_exchange() { exchanges_.fetch_add(1, std::memory_order_relaxed); }
  void record(trace::EventKind kind, std::uint32_t task, std::uint32_t other, std::uint32_t lock);

  void (*const retire)(Task&);

 private:
  friend class Carrier;
  friend class Platform;

  static void idle_entry(void* cpu) noexcept;
  void start_carriers();
  void look_at_turn(Carrier& carrier);
  [[nodiscard]] bool goes_off_early(const Carrier& carrier) const noexcept;

  const MachineOptions options_;
  TscClock clock_;
  std::shared_ptr<StackFaultHandler> stack_faults_;  // one for all machines of the process
  std::unique_ptr<PreemptText> text_;
  std::optional<PreemptSignal> signal_;
  Platform platform_;
  std::vector<std::unique_ptr<Cpu>> cpus_;
  std::vector<Runqueue*> runqueues_;
  std::unique_ptr<Scheduler> scheduler_;
  fiber::StackPool idle_stacks_;
  std::vector<std::unique_ptr<Carrier>> carriers_;
  std::vector<std::thread> threads_;
  std::atomic<bool> stop_{false};
  std::atomic<std::uint64_t> asynchronous_{0};
  std::atomic<std::uint64_t> refused_{0};
  std::atomic<std::uint64_t> retried_{0};
  std::atomic<std::uint64_t> exchanges_{0};
  SpinLock foreign_events_lock_;
  std::vector<trace::Event> foreign_events_;  // wakeups by foreign threads
};

}  // namespace px::live
