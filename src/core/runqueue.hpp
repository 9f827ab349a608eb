// Runqueue: one CPU's scheduling state.
//
// Lock order, everywhere in the core, outermost first:
//   task_lock -> runqueue lock -> wait_lock -> blocked_lock
// timer_lock is a leaf; blocked_lock may be taken under it. Two runqueue locks are never held
// together, by balancing neither: what moves is carried from one to the other in between, in state
// kMigrating, and is looked at anew where it arrives. No wakeup is issued under a runqueue lock, a
// wait_lock or a blocked_lock: what must be woken or moved goes to the deferred lists here and is
// delivered after the lock is dropped.
#pragma once

#include "core/task.hpp"
#include "policy/class_stack.hpp"

namespace px::core {

template <typename P>
struct TimerBefore {
  bool operator()(const TimerNode<P>& a, const TimerNode<P>& b) const {
    return a.when_ns != b.when_ns ? a.when_ns < b.when_ns : a.task->id < b.task->id;
  }
};

// Counters of what proxy execution did on this CPU; statistics, never decisions.
struct ProxyCounters {
  std::uint64_t walks = 0;          // picks whose donor was blocked
  std::uint64_t hops = 0;           // chain members passed
  std::uint64_t parks = 0;          // owner asleep
  std::uint64_t links = 0;          // owner running elsewhere, not outranked
  std::uint64_t migrations = 0;     // contexts moved towards their owner
  std::uint64_t deactivations = 0;  // waiters dequeued with their wakeup owed
  std::uint64_t cycles = 0;
  std::uint64_t pushes = 0;    // chains moved because they waited while another CPU ran less
  std::uint64_t handoffs = 0;  // locks handed to the paying donor
  std::uint64_t starvation_handoffs = 0;
};

template <typename P>
struct Runqueue {
  using Task = core::Task<P>;

  explicit Runqueue(const policy::Tunables& tunables) : classes(tunables) {}

  typename P::SpinLock lock;
  int cpu = 0;
  int llc = 0;           // CPUs with the same number share a cache; constant after start
  Task* idle = nullptr;  // constant after start

  // lock held to write; `curr` and `donor` may be read by anyone, and by their own CPU with
  // preemption off without any lock (only that CPU changes curr).
  typename P::template Atomic<Task*> curr;   // execution context on the CPU
  typename P::template Atomic<Task*> donor;  // scheduling context in use; queued here, or idle
  typename P::template Atomic<std::int64_t> donor_rank;  // of donor, for other CPUs
  // Of the contexts above the fair class that are queued here, do not pay, and may concern other
  // CPUs (see Task::counted): the best one's rank, 0 if there is none, and how many are blocked.
  // Written under `lock`; for the balancing of all CPUs.
  typename P::template Atomic<std::int64_t> waiting_rank;
  typename P::template Atomic<int> waiting_lenders;

  policy::ClassStack classes;
  Nanos clock_ns = 0;       // now, as of the last charge under this lock
  Nanos exec_start_ns = 0;  // time before this is charged
  Nanos idle_ns = 0;
  int movable = 0;  // contexts with Task::counted set, and those of them that lend
  int lenders = 0;
  std::int64_t noted_rank = 0;  // as waiting_rank and waiting_lenders
  int noted_lenders = 0;
  std::uint64_t walk_epoch = 0;
  std::uint64_t switches = 0;
  std::uint64_t fair_moves = 0;  // fair tasks that balancing sent away
  Nanos balanced_ns = 0;         // when this CPU last looked around for its fair tasks
  ProxyCounters proxy;

  // Set by anyone under `lock`, cleared by this CPU's schedule(); polled without the lock.
  typename P::template Atomic<std::uint32_t> need_resched;  // 0 or 1
  typename P::template Atomic<bool> offline;                // written under `lock`
  typename P::template Atomic<int> nr_queued;               // classes.ready(), for placement
  typename P::template Atomic<std::int64_t> fair_load;      // weight of the fair contexts queued

  Task* switched_from = nullptr;  // handed across the switch
  Task* deferred_wakes = nullptr;
  Task* deferred_moves = nullptr;
  Task* deferred_boosts = nullptr;

  typename P::SpinLock timer_lock;
  PairingHeap<TimerNode<P>, TimerBefore<P>> timers;
  typename P::template Atomic<Nanos> timer_at;  // first timer
  typename P::template Atomic<Nanos> slice_at;  // end of the paying context's slice
};

}  // namespace px::core
