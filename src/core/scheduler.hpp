// Scheduler: everything that moves tasks between states. One per runtime; all CPUs.
//
// Bodies: schedule-inl.hpp (schedule, switch, accounting), budget-inl.hpp (throttling,
// replenishing, admission of deadline tasks), proxy-inl.hpp (find_proxy_task), park-inl.hpp
// (waiters of owners that are off the runqueue or run elsewhere), balance-inl.hpp (push and pull),
// fair_balance-inl.hpp, hotplug-inl.hpp, wakeup-inl.hpp, change-inl.hpp (affinity, parameters,
// yield, exit, join), boost-inl.hpp (parameters raised by locks), deadlock-inl.hpp, timer-inl.hpp,
// mutex-inl.hpp.
#pragma once

#include <algorithm>
#include <atomic>
#include <utility>

#include "core/checked.hpp"
#include "core/runqueue.hpp"
#include "policy/admission.hpp"

namespace px::core {

enum class ScheduleMode : std::uint8_t {
  kBlock,    // the task may have stopped being runnable (state)
  kPreempt,  // it was interrupted: it stays runnable whatever its state says
  kYield,
};

// What find_proxy_task found; the rows are those of the table above it.
enum class ProxyOutcome : std::uint8_t {
  kRunOwner,     // the chain's end is runnable here: run it
  kRunWaiter,    // the lock is free (or the wait is over): the waiter itself goes on
  kPickAgain,    // the chain changed under the walk
  kDeactivated,  // the waiter left the runqueue; its wakeup is owed
  kParked,       // the owner is asleep: the waiter hangs on it
  kLinked,       // the owner runs elsewhere and is not outranked: the waiter hangs on it
  kMigrated,     // the chain up to the remote owner is on its way there
  kIdle,         // nothing can be decided before this CPU has switched away, or a move has ended
  kCycle,        // a deadlock: the donor left the runqueue until one of the waits ends
};

// What became of a request to take a CPU offline or bring it online.
enum class Hotplug : std::uint8_t {
  kDone,
  kNoChange,  // it is so already
  kLastCpu,   // refused: no other CPU is online
};

struct SchedulerOptions {
  int cpus = 1;
  bool proxy_exec = true;  // run-time switch; off = proxy locks act as `none`
  policy::Tunables tunables;
  // The fair class: who ran less than this ago stays where it is; CPUs i and j with the same
  // i / llc_cpus share a cache (0: all do).
  Nanos migration_cost_ns = 0;
  int llc_cpus = 0;
  bool deadline_admission = true;  // off: every deadline task is admitted
};

template <Platform P>
class Scheduler {
 public:
  using Task = core::Task<P>;
  using Runqueue = core::Runqueue<P>;
  using Waitable = core::Waitable<P>;
  using SchedContext = policy::SchedContext;

  // `runqueues` points to options.cpus of them; they and the array outlive the scheduler. The world
  // allocates them (the simulator and the checker from their arena).
  Scheduler(P& platform, const SchedulerOptions& options, Runqueue* const* runqueues);

  // --- Setting up. One thread, before any CPU runs.

  // The idle task of a CPU: curr and donor from the start. The world runs its loop, idle_loop().
  void set_idle(int cpu, Task& idle);

  // --- Called by tasks (and by interrupts on their stack), preemption off unless said otherwise.

  // Lets the CPU choose what to run. Returns when the caller is chosen again. No lock held.
  void schedule(ScheduleMode mode);
  // Preemption on; no lock held: lets a pending reschedule happen now.
  void preempt_point() {
    if (need_resched()) [[unlikely]]
      preempt_now();
  }
  void preempt_now();
  [[nodiscard]] bool need_resched();
  // Ends a preempt-off region: the last one out looks at need_resched.
  void preempt_enable();
  // First thing on a new task's stack.
  void first_run();
  // The body of a CPU's idle task. Returns when `stop` is set.
  void idle_loop(const typename P::template Atomic<bool>& stop);

  // Preemption on.
  void yield();
  // Until `when_ns`. kTimedOut, or kStopped.
  WaitEnd sleep_until(Nanos when_ns);
  // Waits until `task` has ended. kNotified, kTimedOut, kStopped or kDeadlock.
  WaitEnd join(Task& task, Nanos deadline_ns = kNever);
  // Ends the calling task: publishes its exit and never returns.
  [[noreturn]] void exit();

  // --- Any thread that has a this_cpu(), no lock held.

  // A task starts: placed on an allowed CPU (`cpu` if it is one), enqueued.
  void start(Task& task, int cpu = -1);
  // Makes a sleeping task runnable. False: it was not asleep. Spurious wakeups are harmless: every
  // wait re-checks what it waits for.
  bool wake(Task& task);
  // Ends a wait for `why` unless it has ended already. Then the task's wakeup has been issued.
  bool end_wait(Task& task, WaitEnd why);
  // The same without the wakeup, which must follow: for callers that hold a wait_lock.
  bool claim(Task& task, WaitEnd why);
  // False: none of these CPUs is online; nothing was changed.
  bool set_affinity(Task& task, const CpuMask& mask);
  // Nothing starts to run on the CPU any more and nothing arrives there. What waits there has left
  // when the call returns; what runs there leaves at its next schedule() (see is_drained).
  Hotplug offline(int cpu);
  // The reverse. The CPU looks for work at once.
  Hotplug online(int cpu);
  // Not granted: too much bandwidth for a deadline task is asked for; then nothing was changed.
  policy::Admitted set_params(Task& task, const policy::Params& params);
  // For a task that has not been started: may it start with the parameters that it has? It must
  // not if not. Preemption off.
  [[nodiscard]] policy::Admitted admit(Task& task);
  // The CPU's timer fired or an interrupt arrived: expires timers, charges, decides whether to
  // reschedule. On that CPU, preemption off.
  void tick();
  // Expires the first timer of a CPU if it is due. False: none was.
  bool expire_first(int cpu, Nanos now_ns);
  // The second half of tick(): charges the running context; sets need_resched if its slice is over.
  void tick_slice();
  // Puts `task` on a list of wakeups to be issued once no lock is held, unless one is pending.
  static void defer_wake(Task*& list, Task& task);
  void deliver_wakes(Task* list);

  // --- Waiting, for the lock family. Preemption off.

  // The caller, which has queued itself on `on` and holds its wait_lock, declares that it waits.
  void begin_wait(Task& me, Waitable& on, Edge edge);
  // Blocks, having begun to wait and dropped the wait_lock; returns when woken, for any reason.
  // kDeadlock: this wait closed a cycle and was chosen to end it; then it did not block.
  WaitEnd block(Task& me);
  // The caller is awake again: no link, runnable. True: somebody else had taken the link away.
  bool end_link(Task& me);
  // Takes another task's link to `on` away; its wakeup must follow. `why` other than kNone also
  // ends its wait so. wait_lock of `on` held. False: the task does not wait for `on` any more, or
  // its wait had ended in another way already; then nothing was changed.
  bool satisfy(Task& waiter, const Waitable& on, WaitEnd why);
  // Opens a wait: kNone, with or without a limit. It has ended already if the task's stop token
  // says so.
  void open_wait(Task& me, bool may_end);
  void arm_timer(Task& task, Nanos when_ns);
  void cancel_timer(Task& task);
  // The running task has handed a lock to the donor it ran for: this CPU chooses again.
  void resched_current();
  // What the locks of `task` give it has changed: its parameters, and along the chain those of the
  // owners of what it waits for, follow. No lock held.
  void propagate_boost(Task& task);
  // Somebody is about to wait for a lock under `inherit`.
  void note_inherit() {
    if (!inherit_in_use()) inherit_in_use_.store(true, std::memory_order_seq_cst);
  }
  // Waiters that hang on `owner` are put on its CPU's runqueue and walk again. No lock held.
  void activate_parked(Task& owner);

  // --- Reading. Any thread; exact only where the world stands still.

  [[nodiscard]] P& platform() { return platform_; }
  // The counter of block sequence numbers, for the checker: only their order matters.
  [[nodiscard]] const void* sequence_address() const { return &next_block_seq_; }
  [[nodiscard]] int cpus() const { return cpus_; }
  [[nodiscard]] Runqueue& rq(int cpu) const { return *runqueues_[cpu]; }
  [[nodiscard]] Runqueue& this_rq() { return rq(platform_.this_cpu()); }
  [[nodiscard]] bool is_online(int cpu) const {
    return !rq(cpu).offline.load(std::memory_order_seq_cst);
  }
  // Offline, and the last task has left it.
  [[nodiscard]] bool is_drained(int cpu) const;
  // Where may the task execute now? One of its CPUs that is online; any, if none of them is.
  [[nodiscard]] bool may_use(const Task& task, int cpu) const;
  [[nodiscard]] bool proxy_enabled() const { return P::kProxyExec && proxy_enabled_; }
  // Deadline bandwidth reserved, in 1 / policy::kBandwidthOne of a CPU.
  [[nodiscard]] std::int64_t admitted_bandwidth();
  // The earliest instant at which tick() must run on that CPU.
  [[nodiscard]] Nanos next_expiry(int cpu) const;
  // May push or pull take `task` from this queue to another CPU? Not what
  // runs or pays here: owner and donor are one while one runs for the other. Not a blocked context:
  // that moves with the end of its chain only (invariants 24, 25). Derived anew each time, so
  // nothing is left off a list when proxying ends (E67). rq.lock held.
  [[nodiscard]] bool pushable(const Runqueue& rq, const Task& task) const;
  // CPUs where somebody waits who might run elsewhere, for the checker.
  [[nodiscard]] const typename P::template Atomic<int>& overloaded() const { return overloaded_; }
  [[nodiscard]] const typename P::template Atomic<int>& offline_count() const { return offline_; }
  [[nodiscard]] bool inherit_in_use() const {
    return inherit_in_use_.load(std::memory_order_relaxed);
  }
  // Will a task blocked on `on` stay queued and lend?
  [[nodiscard]] bool lends(const Waitable* on) const {
    return on != nullptr && proxy_enabled() && on->protocol == Protocol::kProxy;
  }

 private:
  // Contexts that move together at most; those nearest the owner first.
  static constexpr int kMigrationBatch = 64;
  // Between two looks of a busy CPU for one that has less to do.
  static constexpr Nanos kBalanceInterval = 4 * kMillisecond;

  struct Walk {
    ProxyOutcome outcome;
    Task* run = nullptr;
  };
  struct RqRef;

  // schedule-inl.hpp
  void charge(Runqueue& rq);
  void publish_queued(Runqueue& rq);
  [[gnu::always_inline]] inline void set_donor(Runqueue& rq, Task& donor);
  void try_to_block(Runqueue& rq, Task& prev);
  [[nodiscard]] Task* pick_next(Runqueue& rq);
  void set_aside(Runqueue& rq, Task& task);
  void switch_to(Runqueue& rq, Task& prev, Task& next);
  void finish_switch();
  void update_slice(Runqueue& rq);

  // budget-inl.hpp; kept out of the way of who has no budgets
  [[gnu::cold, gnu::noinline]] void settle_budgets(Runqueue& rq, bool proxy_yields);
  [[gnu::cold, gnu::noinline]] void replenish_due(Runqueue& rq);
  [[gnu::cold, gnu::noinline]] void rerank(Task& task);
  void forget_lingering(Task& task);
  void release_bandwidth(const Runqueue& rq, Task& task);

  void activate(Runqueue& rq, Task& task, policy::Enqueue why);
  void deactivate(Runqueue& rq, Task& task, policy::Dequeue why, OnRq to);
  // `task` leaves for `cpu`, where deliver_moves() takes it; `context_only`: its execution context
  // stays. rq.lock held.
  void depart(Runqueue& rq, Task& task, int cpu, bool context_only) {
    task.migrate_to = cpu;
    task.proxy_move = context_only;
    deactivate(rq, task, policy::Dequeue::kMigrate, OnRq::kMigrating);
  }
  void resched(Runqueue& rq);
  void preempt_check(Runqueue& rq, Task& woken);
  void change_params(Task& task, const policy::Params& params);
  void leave_if_not_allowed(Runqueue& rq, Task& prev);

  // proxy-inl.hpp; the walk stays out of line: who does not lend pays nothing for it
  // The mark of the last walk on this CPU; rq.lock held.
  [[nodiscard]] static std::uint64_t walk_mark_of(const Runqueue& rq) {
    return rq.walk_epoch * kMaxCpus + static_cast<std::uint64_t>(rq.cpu);
  }
  // Does `task` lend rather than run? It does once it has gone to sleep with a link; one that was
  // woken with its link still set runs itself, and looks again (E12).
  [[nodiscard]] bool waits(const Task& task) const {
    if (mutant(platform_, Mutant::kE12)) {
      return task.blocked_on.load(std::memory_order_relaxed) != nullptr;
    }
    return task.is_blocked.get();
  }
  [[nodiscard, gnu::cold, gnu::noinline]] Walk find_proxy_task(Runqueue& rq,
                                                               Task& donor) requires(P::kProxyExec);
  [[nodiscard]] Walk proxy_idle(Runqueue& rq);
  [[nodiscard]] Walk run_waiter(Runqueue& rq, Task& p);
  [[nodiscard]] Walk proxy_deactivate(Runqueue& rq, Task& p, ProxyOutcome outcome);
  [[nodiscard]] Walk proxy_migrate(Runqueue& rq, Task& donor, Task& p, int cpu);

  // balance-inl.hpp
  enum class FairLook : std::uint8_t { kNone, kPull, kPush };
  // The end of each schedule(): `rq` is the caller's. Preemption off, no lock held.
  void balance_point(Runqueue& rq, FairLook look) {
    if (cpus_ == 1) return;
    if (overloaded_.load(std::memory_order_seq_cst) != 0) [[unlikely]]
      balance(rq.cpu);
    if (look != FairLook::kNone) look_around(rq.cpu, look);
  }
  // What the fair class has to balance after this schedule(). rq.lock held.
  [[nodiscard]] FairLook fair_look(Runqueue& rq) {
    if (cpus_ == 1) return FairLook::kNone;
    if (rq.classes.queued() == 0) return is_online(rq.cpu) ? FairLook::kPull : FairLook::kNone;
    if (rq.classes.queued() == 1 || rq.clock_ns - rq.balanced_ns < kBalanceInterval) {
      return FairLook::kNone;
    }
    rq.balanced_ns = rq.clock_ns;
    return FairLook::kPush;
  }
  void balance(int cpu);
  [[nodiscard]] bool tied(const Runqueue& rq, const Task& task) const;
  // Brings the counts of `rq` up to date with what `task` is now: after it came or went, blocked or
  // woke, or changed its class or affinity. rq.lock held.
  void count(Runqueue& rq, Task& task) {
    if (cpus_ > 1) count_slow(rq, task);
  }
  void count_slow(Runqueue& rq, Task& task);
  // Publishes what waits here, if that has changed. After count(), and after the donor has changed.
  // rq.lock held.
  void note_waiting(Runqueue& rq) {
    if (rq.movable != 0 || rq.noted_rank != 0) [[unlikely]]
      note_waiting_slow(rq);
  }
  void note_waiting_slow(Runqueue& rq);
  [[nodiscard]] std::int64_t running_rank(int cpu) const;
  [[nodiscard]] int lowest_cpu(const CpuMask& allowed, std::int64_t below, int preferred,
                               int except) const;
  [[nodiscard]] bool out_of_balance(const Runqueue& rq, const Task& queued) const;
  struct ChainHere;
  [[nodiscard]] ChainHere chain_here(Runqueue& rq, Task& from);
  [[nodiscard]] bool extend_chain(Runqueue& rq, ChainHere& chain, Task& member);
  [[nodiscard]] Task* owner_for(Task& waiter);
  [[nodiscard]] int chain_target(const Runqueue& rq, const Task& from, const ChainHere& chain,
                                 int to) const;
  [[nodiscard]] Task* take_waiting(Runqueue& rq, int to);
  void take_chain(Runqueue& rq, Task* list, int cpu);
  bool move_waiting(int from, int to);

  // fair_balance-inl.hpp
  void look_around(int cpu, FairLook look);
  void pull_fair(int cpu);
  void push_fair(int cpu);
  bool move_fair(int from, int to, std::int64_t limit);

  // hotplug-inl.hpp
  [[nodiscard]] bool strays(const Task& task) const;
  // `task` goes on where it is, and strays there if that is none of its CPUs. rq.lock held.
  void stay(Runqueue& rq, Task& task) {
    if (offline_.load(std::memory_order_relaxed) == 0 && !task.strayed) [[likely]]
      return;
    task.strayed = !task.affinity.has(rq.cpu);
    count(rq, task);
    note_waiting(rq);
  }
  [[nodiscard]] Runqueue& lock_online(const Task& task, int cpu);
  void take_away(Runqueue& rq, bool all, Task*& list);
  void call_home(int cpu);

  // park-inl.hpp
  enum class Hang : std::uint8_t { kPark, kLink, kCycle };
  [[nodiscard]] bool hang_on(Runqueue& rq, Task& p, Task& owner, Hang how);
  bool unhang(Task& task, Task& owner);
  Task* leave_tree(Task& task);
  void unlink_parked(Task& task, Task& owner);
  [[nodiscard]] bool bring_back(Task& waiter, Task& owner);
  [[nodiscard]] int count_parked(Task& owner);
  [[nodiscard]] int activate_one(Task& waiter, Task& owner);

  // wait-inl.hpp
  void end_deadlocked(Task& victim, std::uint64_t seq);
  void drop_link(Task& task);

  // boost-inl.hpp
  [[nodiscard]] BoostCode strongest_boost(Task& task);
  [[nodiscard]] bool note_hanging(Task& task);
  [[nodiscard]] bool apply_boost(Task& task);
  void change_params(Task& task, const policy::Params& params, bool by_user);
  [[nodiscard]] Task* follow_boost(Task& task, bool changed);
  [[nodiscard]] Task* requeue_waiter(Task& task, Waitable& on, Task* above);
  [[nodiscard]] std::int64_t rank_hanging_on(const Task& task) const;
  void defer_boost(Runqueue& rq, const Task& task, Task& owner);
  void deliver_boosts(Task* list);

  // wakeup-inl.hpp
  [[nodiscard]] RqRef lock_task_rq(Task& task);
  [[nodiscard]] bool in_running_chain(const Runqueue& rq, const Task& task) const;
  [[nodiscard]] bool wake_on_rq(Task& task);
  [[nodiscard]] Task* wake_off_rq(Task& task);
  [[nodiscard]] int select_cpu(const Task& task, int preferred) const;
  void deliver_moves(Task* list);

  // deadlock-inl.hpp
  struct CycleScan;
  [[nodiscard]] bool scan_cycle(Task& me, CycleScan& scan);
  [[nodiscard]] bool next_in_chain(Task& task, Task*& owner, std::uint64_t& seq, bool& may_end);
  [[nodiscard]] Task* find_deadlock_victim(Task& me, std::uint64_t& seq);

  P& platform_;
  bool proxy_enabled_;
  int cpus_;
  Runqueue* const* runqueues_;
  typename P::template Atomic<std::uint64_t> next_block_seq_;
  typename P::template Atomic<int> overloaded_;  // CPUs whose waiting_rank is not 0
  typename P::template Atomic<int> offline_;     // CPUs that are, or are about to be
  CpuMask all_;
  Nanos migration_cost_ns_;
  // Some lock under `inherit` has been waited for: from then on ranks of those who hang are kept.
  // Only ever set, so no operation of the model.
  std::atomic<bool> inherit_in_use_{false};
  typename P::SpinLock admission_lock_;  // a leaf
  policy::Admission admission_;
};

}  // namespace px::core
