// Wakeups, placement, deferred wakeups and moves. The only way home for a migrated donor: dequeue,
// then ordinary placement (invariant 28).
#pragma once

#include "core/scheduler.hpp"

namespace px::core {

// A locked runqueue that a task is queued on, or nothing.
template <Platform P>
struct Scheduler<P>::RqRef {
  Runqueue* queue = nullptr;
};

// The runqueue that `task` is queued on, locked; nothing if it is on none. Waits for a move under
// way to end: the mover holds no lock that we hold. task_lock held.
template <Platform P>
typename Scheduler<P>::RqRef Scheduler<P>::lock_task_rq(Task& task) {
  Anchor anchor(platform_);
  for (;;) {
    anchor.again();
    const OnRq on_rq = task.on_rq.load(std::memory_order_acquire);
    if (on_rq == OnRq::kNo) return {};
    if (on_rq == OnRq::kMigrating) {
      cover(platform_, Way::kWakeMoving);
      platform_.relax();
      continue;
    }
    Runqueue& queue = rq(task.cpu.load(std::memory_order_acquire));
    queue.lock.lock();
    if (task.on_rq.load(std::memory_order_relaxed) == OnRq::kQueued &&
        task.cpu.load(std::memory_order_relaxed) == queue.cpu) {
      return {&queue};
    }
    queue.lock.unlock();
  }
}

// Whether the task that runs here does so on behalf of `task`, the donor or a later link of the
// chain. False also if the CPU is about to choose again: only until then the links that the last
// walk left behind, from who runs back to the donor, are sure to be whole. rq.lock held.
template <Platform P>
bool Scheduler<P>::in_running_chain(const Runqueue& rq, const Task& task) const {
  if (rq.need_resched.load(std::memory_order_relaxed) != 0) return false;
  const Task* donor = rq.donor.load(std::memory_order_relaxed);
  const Task* link = rq.curr.load(std::memory_order_relaxed);
  while (link != donor && !donor->is_idle) {
    link = link->blocked_donor.get();
    if (link == &task) return true;
  }
  return false;
}

// Makes a queued task runnable where it is, or, if it may not execute there, takes it off the
// runqueue and returns false. task_lock held.
template <Platform P>
bool Scheduler<P>::wake_on_rq(Task& task) {
  Frame frame(platform_);
  Runqueue* queue = lock_task_rq(task).queue;
  if (queue == nullptr) return frame.returns(false);
  if (!mutant(platform_, Mutant::kE41)) charge(*queue);
  const bool is_curr = queue->curr.load(std::memory_order_relaxed) == &task;
  if (task.is_blocked.get()) {
    // A link of the chain that runs here is gone: whoever runs at its end must not run on with it.
    if (in_running_chain(*queue, task) && !mutant(platform_, Mutant::kE48) &&
        !mutant(platform_, Mutant::kE48c)) {
      cover(platform_, Way::kWakeEndsBoost);
      resched(*queue);
    }
    const bool away = (queue->cpu != task.wake_cpu.get() && !mutant(platform_, Mutant::kE38)) ||
                      !task.affinity.has(queue->cpu);
    if (away && !is_curr) {
      const bool is_donor = queue->donor.load(std::memory_order_relaxed) == &task;
      cover(platform_, is_donor ? Way::kWakeReturnDonor : Way::kWakeReturn);
      if (mutant(platform_, Mutant::kE32)) {
        task.state.store(TaskState::kRunnable, std::memory_order_relaxed);
        queue->lock.unlock();
        return frame.returns(true);
      }
      deactivate(*queue, task, policy::Dequeue::kSleep, OnRq::kNo);
      queue->lock.unlock();
      return frame.returns(false);
    }
    task.is_blocked.set(false);
  }
  task.state.store(TaskState::kRunnable, std::memory_order_relaxed);
  platform_.trace(trace::EventKind::kWake, task.id, static_cast<std::uint32_t>(queue->cpu), 0);
  cover(platform_, is_curr ? Way::kWakeCurrent : Way::kWakeInPlace);
  if (!is_curr) preempt_check(*queue, task);
  queue->lock.unlock();
  return frame.returns(true);
}

// Places a task that is on no runqueue. task_lock held.
template <Platform P>
void Scheduler<P>::wake_off_rq(Task& task) {
  Frame frame(platform_);
  cover(platform_, Way::kWakeOff);
  task.state.store(TaskState::kWaking, std::memory_order_relaxed);
  if (!mutant(platform_, Mutant::kE61b)) leave_tree(task);
  // Its last CPU may still be switching away from it; that takes a bounded number of steps.
  Anchor anchor(platform_);
  while (task.on_cpu.load(std::memory_order_acquire)) {
    cover(platform_, Way::kWakeOnCpu);
    platform_.relax();
    anchor.again();
  }
  const int cpu =
      mutant(platform_, Mutant::kE36) ? task.wake_cpu.get() : select_cpu(task, task.wake_cpu.get());
  Runqueue& queue = rq(cpu);
  Guard guard(queue.lock);
  charge(queue);
  const int home = task.wake_cpu.get();
  const bool adopts = cpu != home && task.cpu.load(std::memory_order_relaxed) == cpu;
  cover(platform_, cpu == home ? Way::kWakeHome : adopts ? Way::kWakeAdopts : Way::kWakeAway);
  // Also where it was moved to already (E37).
  if (!(mutant(platform_, Mutant::kE37) && task.cpu.load(std::memory_order_relaxed) == cpu)) {
    task.wake_cpu.set(cpu);
  }
  task.cpu.store(cpu, std::memory_order_release);
  task.is_blocked.set(false);
  task.state.store(TaskState::kRunnable, std::memory_order_relaxed);
  activate(queue, task, policy::Enqueue::kWake);
  platform_.trace(trace::EventKind::kWake, task.id, static_cast<std::uint32_t>(cpu), 0);
  preempt_check(queue, task);
}

template <Platform P>
bool Scheduler<P>::wake(Task& task) {
  Frame frame(platform_);
  const bool too_early = mutant(platform_, Mutant::kE60c) &&
                         task.parked_first.load(std::memory_order_seq_cst) == nullptr;
  {
    Guard guard(task.task_lock);
    if (task.state.load(std::memory_order_seq_cst) != TaskState::kSleeping) {
      cover(platform_, Way::kWakeNoMatch);
      return false;
    }
    if (!wake_on_rq(task)) wake_off_rq(task);
  }
  if (!too_early && !mutant(platform_, Mutant::kE56a)) activate_parked(task);
  return true;
}

template <Platform P>
void Scheduler<P>::start(Task& task, int cpu) {
  Frame frame(platform_);
  platform_.preempt_disable();
  {
    Guard guard(task.task_lock);
    const int target = cpu >= 0 && task.affinity.has(cpu) ? cpu : select_cpu(task, -1);
    Runqueue& queue = rq(target);
    Guard rq_guard(queue.lock);
    charge(queue);
    task.cpu.store(target, std::memory_order_release);
    task.wake_cpu.set(target);
    task.state.store(TaskState::kRunnable, std::memory_order_relaxed);
    task.note_rank();
    activate(queue, task, policy::Enqueue::kNew);
    platform_.trace(trace::EventKind::kWake, task.id, static_cast<std::uint32_t>(target), 0);
    preempt_check(queue, task);
  }
  activate_parked(task);  // those who joined it before it started
  preempt_enable();
}

// Where a task that becomes runnable goes: its preferred CPU if that is idle, else an idle one it
// may use, else (realtime) the CPU with the lowest-ranked donor that it outranks, else its
// preferred CPU, else the one with the fewest queued. Ties go to the lowest number. Reads other
// CPUs without their locks: a wrong guess costs time, never correctness.
template <Platform P>
int Scheduler<P>::select_cpu(const Task& task, int preferred) const {
  const bool may_stay = preferred >= 0 && preferred < cpus_ && task.affinity.has(preferred);
  const auto queued = [this](int cpu) { return rq(cpu).nr_queued.load(std::memory_order_relaxed); };
  if (may_stay && queued(preferred) == 0) return preferred;
  int lowest_rank_cpu = -1;
  int emptiest = -1;
  for (int cpu = task.affinity.next(-1); cpu >= 0 && cpu < cpus_; cpu = task.affinity.next(cpu)) {
    if (queued(cpu) == 0) return cpu;
    if (emptiest < 0 || queued(cpu) < queued(emptiest)) emptiest = cpu;
    const auto rank = rq(cpu).donor_rank.load(std::memory_order_relaxed);
    if (rank < task.rank().value() &&
        (lowest_rank_cpu < 0 ||
         rank < rq(lowest_rank_cpu).donor_rank.load(std::memory_order_relaxed))) {
      lowest_rank_cpu = cpu;
    }
  }
  PX_CHECK(emptiest >= 0, "a task's affinity names at least one CPU of its runtime");
  const bool outranked_here =
      may_stay && rq(preferred).donor_rank.load(std::memory_order_relaxed) >= task.rank().value();
  if (lowest_rank_cpu >= 0 && (!may_stay || outranked_here)) return lowest_rank_cpu;
  return may_stay ? preferred : emptiest;
}

// --- Deferred wakeups and moves

template <Platform P>
void Scheduler<P>::defer_wake(Task*& list, Task& task) {
  // Already on a list: that wakeup is still to come, and will see what made this one necessary.
  if (task.wake_pending.exchange(true, std::memory_order_seq_cst)) return;
  task.wake_next = nullptr;
  Task** tail = &list;
  while (*tail != nullptr) tail = &(*tail)->wake_next;
  *tail = &task;
}

template <Platform P>
void Scheduler<P>::deliver_wakes(Task* list) {
  Frame frame(platform_);
  Anchor anchor(platform_);
  while (list != nullptr) {
    anchor.again();
    Task* task = list;
    list = task->wake_next;
    observe(platform_, task);
    observe(platform_, list);
    task->wake_next = nullptr;
    task->wake_pending.store(false, std::memory_order_seq_cst);
    wake(*task);
  }
}

// Tasks in state kMigrating, carried by this CPU alone, arrive at their targets. Until all have
// arrived no task_lock is taken: its holder may be waiting for one of them (lock_task_rq).
template <Platform P>
void Scheduler<P>::deliver_moves(Task* list) {
  Frame frame(platform_);
  Anchor anchor(platform_);
  Task* executing = nullptr;  // at most one per list: some may be linked to it
  while (list != nullptr) {
    Task& task = *list;
    list = task.deferred_next;
    observe(platform_, &task);
    observe(platform_, list);
    task.deferred_next = nullptr;
    const int cpu = task.migrate_to;
    observe(platform_, cpu);
    const bool proxy_move = task.proxy_move;
    observe(platform_, proxy_move);
    if (!proxy_move) executing = &task;
    Runqueue& queue = rq(cpu);
    Guard guard(queue.lock);
    charge(queue);
    task.cpu.store(cpu, std::memory_order_release);
    if (!proxy_move) task.wake_cpu.set(cpu);
    activate(queue, task, policy::Enqueue::kMigrate);
    task.migrate_to = -1;
    task.proxy_move = false;
    if (proxy_move) {
      platform_.trace(trace::EventKind::kMigrate, task.id, static_cast<std::uint32_t>(cpu), 0);
    }
    preempt_check(queue, task);
  }
  if (executing != nullptr && !mutant(platform_, Mutant::kE56f)) activate_parked(*executing);
}

}  // namespace px::core
