// Task: one scheduling context + one execution context + the state that ties them.
//
// Who may touch which field when
//
//  field            written by                                        guard
//  state            the task itself (kSleeping before a wait,          own store; others under
//                   kRunnable when it gives the wait up);              task_lock and rq lock
//                   wakeups; the walk (kRunnable, rows 1 and 4)
//  blocked_on       set by the task itself only; cleared by itself,    blocked_lock
//                   an unlocker, a timer or stop, the walk (row 4)
//  is_blocked       set in schedule() when the task really blocks;     rq lock of `cpu`
//                   cleared by wakeups and the walk
//  on_rq, cpu       activate, deactivate, migration, wakeups           rq lock of its queue; off
//                                                                      rq: task_lock
//  wake_cpu         placement and affinity; a proxy migration          as `cpu`
//                   leaves it alone: cpu != wake_cpu <=> migrated
//  on_cpu           the switch                                         set under rq lock; cleared
//                                                                      on its other side
//  blocked_donor    the walk: the waiter this owner runs for;          rq lock; read by unlock with
//                   meaningful only while rq.donor != rq.curr           preemption off
//  parked tree      park, activation, wakeups                          blocked_lock of the owner
//  wait_end         one compare-exchange from kNone                    atomic
//  wait_node        the waitable's list                                its wait_lock
//  timer            arm, cancel, expiry                                timer_lock of timer.cpu
//  base_params      set_params(): what the task asked for; se holds    as se; the task itself
//                   that, raised by what its locks give (boosts)       under task_lock
//  boosts           the locks that it holds and that raise it          blocked_lock
//
// Legal combinations of the three flags (generation G3):
//
//  state      blocked_on  is_blocked  on_rq      when
//  kRunnable  null        0           yes        ordinary
//  kSleeping  M           0           yes        in the lock's slow path, before schedule()
//  kSleeping  M           1           yes        blocked and lending: the donor state
//  kSleeping  null        1           yes        wait ended by another; its wakeup is in flight
//  kSleeping  any         1           no         asleep, hanging or dequeued: a wakeup is owed
//  kWaking    any         1           no         inside try_to_wake_up, between the queues
//  kRunnable  M           0           yes        woken with its link set: runs itself, looks again
//  kRunnable  any         1           any        ILLEGAL
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/cpu_mask.hpp"
#include "base/pairing_heap.hpp"
#include "core/event.hpp"
#include "core/mutex.hpp"
#include "core/waitable.hpp"
#include "policy/sched_context.hpp"

namespace px::core {

enum class TaskState : std::uint8_t { kNew, kRunnable, kSleeping, kWaking, kDead };
enum class OnRq : std::uint8_t { kNo, kQueued, kMigrating };
enum class Counted : std::uint8_t { kNo, kMovable, kLender };

// What a task executed and what was paid for whom, in nanoseconds. Written by the charging CPU
// under its rq lock.
struct TaskTimes {
  Nanos executed_ns = 0;  // by this execution context
  Nanos donated_ns = 0;   // charged to this context while another task ran
  Nanos received_ns = 0;  // executed while another context was charged
};

template <typename P>
struct TimerNode : HeapNode {
  Nanos when_ns = kNever;
  Task<P>* task = nullptr;  // whose timer
  int cpu = -1;             // whose timer queue
  bool armed = false;
};

template <typename P>
struct Task {
  // Constant after construction.
  std::uint32_t id = 0;  // in creation order; order of all ties
  const char* name = "";
  bool is_idle = false;
  void* user = nullptr;  // the world's or runtime's own data

  policy::SchedContext se;                               // guarded by the rq lock
  policy::Params base_params;                            // se's without boosts
  typename P::template Atomic<std::int64_t> rank_value;  // of se, noted when that changes
  typename P::Context context;                           // the world's

  typename P::SpinLock task_lock;  // serialises wakeups and changes of this task; first in order
  typename P::template Atomic<TaskState> state;
  typename P::template Atomic<OnRq> on_rq;
  typename P::template Atomic<int> cpu;
  typename P::template Atomic<bool> on_cpu;
  typename P::template Shared<int> wake_cpu;
  typename P::template Shared<bool> is_blocked;
  CpuMask affinity;
  bool pinned = false;   // to one CPU; follows affinity
  bool strayed = false;  // placed outside its affinity, of which no CPU was online; as `cpu`
  // What balancing counts this context as while it is queued: above the fair class, either free to
  // run elsewhere or blocked, so that its chain may lead elsewhere. rq lock.
  Counted counted = Counted::kNo;

  typename P::SpinLock blocked_lock;  // innermost
  typename P::template Atomic<Waitable<P>*> blocked_on;
  Edge blocked_edge = Edge::kAnd;
  typename P::template Atomic<WaitEnd> wait_end;
  bool wait_may_end = false;  // has a time limit or a stop token: never a deadlock's victim
  // The stop token of this wait, if any; set by the task itself, before and after it waits.
  const typename P::template Atomic<bool>* stop_requested = nullptr;
  std::uint64_t block_seq = 0;  // order of blocking; under blocked_lock
  WaitNode<P> wait_node;
  Helper<P>* hold = nullptr;  // what the shared mutex that it waits for is to link; its wait_lock
  TimerNode<P> timer;
  ExitWait<P> exit;  // what join() waits for

  typename P::template Shared<Task*> blocked_donor;
  std::uint64_t walk_mark = 0;  // last walk that came through: finds cycles. rq lock

  // The tree of waiters parked on (owner off its runqueue) or linked to (owner running elsewhere)
  // this task, and this task's place in another's.
  typename P::template Atomic<Task*> parked_first;
  Task* parked_last = nullptr;
  typename P::template Atomic<Task*> parked_on;
  Task* parked_prev = nullptr;
  Task* parked_next = nullptr;

  typename P::template Atomic<bool> wake_pending;  // on some deferred-wake list
  Task* wake_next = nullptr;                       // link of that list
  Task* deferred_next = nullptr;                   // link of a list of moves
  int migrate_to = -1;                             // target of a move under way
  bool proxy_move = false;                         // that move is of the context only

  Mutex<P>* boosts = nullptr;  // list of the locks that raise it; each change is propagated
  // The best rank of those who hang on this task, 0 if nobody does; kept up only where some lock
  // uses `inherit`. blocked_lock; each change is propagated.
  typename P::template Atomic<std::int64_t> lent_rank;
  typename P::template Atomic<bool> boost_pending;  // on some list of deferred boosts
  Task* boost_link = nullptr;                       // link of that list

  TaskTimes times;
  Nanos left_at_ns = 0;                          // when it was last switched away from; rq lock
  typename P::template Atomic<Nanos> exec_base;  // executed_ns = now - exec_base while it runs

  Task() {
    se.task = this;
    timer.task = this;
    exit.attach(*this);
  }
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;

  // Makes an ended task's memory a new task. Its locks, and whatever a late wakeup of the old task
  // may still look at, stay valid throughout: task memory is recycled, never freed, while the
  // runtime lives. The caller owns the object alone otherwise.
  void reset(std::uint32_t new_id, const char* new_name) {
    Guard guard(task_lock);
    id = new_id;
    name = new_name;
    se = {};
    se.task = this;
    se.id = new_id;
    state.store(TaskState::kNew, std::memory_order_relaxed);
    is_blocked.set(false);
    wait_end.store(WaitEnd::kNone, std::memory_order_relaxed);
    stop_requested = nullptr;
    blocked_donor.set(nullptr);
    boosts = nullptr;
    lent_rank.store(0, std::memory_order_relaxed);
    timer.cpu = -1;
    strayed = false;
    times = {};
    exit.attach(*this);
  }

  // Guarded as se.
  [[nodiscard]] policy::Rank rank() const { return se.rank(); }
  // For the task itself, which holds no lock that keeps set_params() away: the rank as of the last
  // note_rank().
  [[nodiscard]] policy::Rank noted_rank() const {
    return policy::Rank::of_value(rank_value.load(std::memory_order_relaxed));
  }
  // The rank that `on` queues it by: only `inherit` passes on the rank of those who hang on it.
  [[nodiscard]] policy::Rank rank_as_waiter(const Waitable<P>& on) const {
    return on.protocol == Protocol::kInherit ? policy::Rank::of_value(reach()) : noted_rank();
  }
  // Its own rank, or the best of those who hang on it. As noted_rank().
  [[nodiscard]] std::int64_t reach() const {
    return std::max(rank_value.load(std::memory_order_relaxed),
                    lent_rank.load(std::memory_order_relaxed));
  }
  void note_rank() { rank_value.store(rank().value(), std::memory_order_relaxed); }
};

template <typename P>
[[nodiscard]] Task<P>* task_of(const policy::SchedContext* context) {
  return static_cast<Task<P>*>(context->task);
}

template <typename P>
Task<P>* Waitable<P>::next(const Task<P>& waiter) const {
  switch (kind) {
    case WaitableKind::kMutex:
      return static_cast<const Mutex<P>*>(this)->owner();
    case WaitableKind::kExit:
      return static_cast<const ExitWait<P>*>(this)->pending();
    case WaitableKind::kEvent:
      break;
  }
  return static_cast<const Event<P>*>(this)->representative(waiter);
}

}  // namespace px::core
