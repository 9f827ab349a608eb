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
                      !may_use(task, queue->cpu);
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
    stay(*queue, task);
    count(*queue, task);
    note_waiting(*queue);
  }
  task.state.store(TaskState::kRunnable, std::memory_order_relaxed);
  platform_.trace(trace::EventKind::kWake, task.id, static_cast<std::uint32_t>(queue->cpu), 0);
  cover(platform_, is_curr ? Way::kWakeCurrent : Way::kWakeInPlace);
  if (!is_curr) preempt_check(*queue, task);
  queue->lock.unlock();
  return frame.returns(true);
}

// Places a task that is on no runqueue. Returns what it hung on, if anything. task_lock held.
template <Platform P>
Task<P>* Scheduler<P>::wake_off_rq(Task& task) {
  Frame frame(platform_);
  cover(platform_, Way::kWakeOff);
  task.state.store(TaskState::kWaking, std::memory_order_relaxed);
  Task* left = mutant(platform_, Mutant::kE61b) ? nullptr : leave_tree(task);
  // Its last CPU may still be switching away from it; that takes a bounded number of steps.
  Anchor anchor(platform_);
  while (task.on_cpu.load(std::memory_order_acquire)) {
    cover(platform_, Way::kWakeOnCpu);
    platform_.relax();
    anchor.again();
    observe(platform_, left);
  }
  forget_lingering(task);
  const int home = task.wake_cpu.get();
  const bool returns_blindly =
      mutant(platform_, Mutant::kE36) ||
      (mutant(platform_, Mutant::kE34) && home >= 0 && task.affinity.has(home));
  if (returns_blindly) rq(home).lock.lock();
  Runqueue& queue = returns_blindly ? rq(home) : lock_online(task, select_cpu(task, home));
  charge(queue);
  const int cpu = queue.cpu;
  const bool adopts = cpu != home && task.cpu.load(std::memory_order_relaxed) == cpu;
  cover(platform_, cpu == home ? Way::kWakeHome : adopts ? Way::kWakeAdopts : Way::kWakeAway);
  // Also where it was moved to already (E37).
  if (!(mutant(platform_, Mutant::kE37) && task.cpu.load(std::memory_order_relaxed) == cpu)) {
    task.wake_cpu.set(cpu);
  }
  task.cpu.store(cpu, std::memory_order_release);
  task.strayed = !returns_blindly && !task.affinity.has(cpu);
  task.is_blocked.set(false);
  task.state.store(TaskState::kRunnable, std::memory_order_relaxed);
  activate(queue, task, policy::Enqueue::kWake);
  platform_.trace(trace::EventKind::kWake, task.id, static_cast<std::uint32_t>(cpu), 0);
  preempt_check(queue, task);
  queue.lock.unlock();
  return frame.returns(left);
}

template <Platform P>
bool Scheduler<P>::wake(Task& task) {
  Frame frame(platform_);
  const bool too_early = mutant(platform_, Mutant::kE60c) &&
                         task.parked_first.load(std::memory_order_seq_cst) == nullptr;
  Task* left = nullptr;
  {
    Guard guard(task.task_lock);
    if (task.state.load(std::memory_order_seq_cst) != TaskState::kSleeping) {
      cover(platform_, Way::kWakeNoMatch);
      return false;
    }
    if (!wake_on_rq(task)) left = wake_off_rq(task);
  }
  // Its rank does not count any more for what it hung on.
  if (left != nullptr && inherit_in_use()) propagate_boost(*left);
  if (!too_early && !mutant(platform_, Mutant::kE56a)) activate_parked(task);
  return true;
}

template <Platform P>
void Scheduler<P>::start(Task& task, int cpu) {
  Frame frame(platform_);
  platform_.preempt_disable();
  {
    Guard guard(task.task_lock);
    const bool asked_for = cpu >= 0 && task.affinity.has(cpu) && is_online(cpu);
    Runqueue& queue = lock_online(task, asked_for ? cpu : select_cpu(task, -1));
    charge(queue);
    const int target = queue.cpu;
    task.strayed = !task.affinity.has(target);
    task.cpu.store(target, std::memory_order_release);
    task.wake_cpu.set(target);
    task.state.store(TaskState::kRunnable, std::memory_order_relaxed);
    task.base_params = policy::params_of(task.se);
    task.note_rank();
    task.pinned = task.affinity.single();
    activate(queue, task, policy::Enqueue::kNew);
    platform_.trace(trace::EventKind::kWake, task.id, static_cast<std::uint32_t>(target), 0);
    preempt_check(queue, task);
    queue.lock.unlock();
  }
  activate_parked(task);  // those who joined it before it started
  preempt_enable();
}

// Where a task that becomes runnable goes: its preferred CPU if that is idle, else an idle one it
// may use, one that shares a cache with the preferred one first, else (realtime) the CPU with the
// lowest-ranked donor that it outranks, else its preferred CPU, unless a fair task would wait there
// behind a higher class and need not elsewhere, else the one with the fewest queued. Ties go to the
// lowest number. Reads other CPUs without their locks: a wrong guess costs time, never correctness.
template <Platform P>
int Scheduler<P>::select_cpu(const Task& task, int preferred) const {
  const bool may_stay = preferred >= 0 && preferred < cpus_ && may_use(task, preferred);
  const auto queued = [this](int cpu) { return rq(cpu).nr_queued.load(std::memory_order_relaxed); };
  const auto rank_on = [this](int cpu) {
    return rq(cpu).donor_rank.load(std::memory_order_relaxed);
  };
  if (may_stay && queued(preferred) == 0) return preferred;
  const std::int64_t rank = task.rank().value();
  const CpuMask& allowed = strays(task) ? all_ : task.affinity;
  int idle = -1;
  int lowest_rank_cpu = -1;
  int emptiest = -1;
  int emptiest_equal = -1;  // of those that run nothing above the task
  for (int cpu = allowed.next(-1); cpu >= 0 && cpu < cpus_; cpu = allowed.next(cpu)) {
    if (!is_online(cpu)) continue;
    if (queued(cpu) == 0) {
      if (preferred < 0 || preferred >= cpus_ || rq(cpu).llc == rq(preferred).llc) return cpu;
      if (idle < 0) idle = cpu;
    }
    if (emptiest < 0 || queued(cpu) < queued(emptiest)) emptiest = cpu;
    if (rank_on(cpu) <= rank && (emptiest_equal < 0 || queued(cpu) < queued(emptiest_equal))) {
      emptiest_equal = cpu;
    }
    if (rank_on(cpu) < rank && (lowest_rank_cpu < 0 || rank_on(cpu) < rank_on(lowest_rank_cpu))) {
      lowest_rank_cpu = cpu;
    }
  }
  if (idle >= 0) return idle;
  if (lowest_rank_cpu >= 0 && (!may_stay || rank_on(preferred) >= rank)) return lowest_rank_cpu;
  const bool fair = task.se.class_id >= policy::ClassId::kFair;
  if (fair && emptiest_equal >= 0 && (!may_stay || rank_on(preferred) > rank))
    return emptiest_equal;
  if (may_stay) return preferred;
  // The last of its CPUs has gone offline since strays() looked: any that is online then.
  for (int cpu = 0; emptiest < 0 && cpu < cpus_; ++cpu) {
    if (is_online(cpu)) emptiest = cpu;
  }
  return emptiest >= 0 ? emptiest : 0;
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
    const int target = task.migrate_to;
    observe(platform_, target);
    const bool proxy_move = task.proxy_move;
    observe(platform_, proxy_move);
    if (!proxy_move) executing = &task;
    Runqueue& queue = lock_online(task, target);
    charge(queue);
    const int cpu = queue.cpu;
    task.cpu.store(cpu, std::memory_order_release);
    if (!proxy_move) {
      task.wake_cpu.set(cpu);
      task.strayed = !task.affinity.has(cpu);
    }
    activate(queue, task, policy::Enqueue::kMigrate);
    task.migrate_to = -1;
    task.proxy_move = false;
    if (proxy_move) {
      platform_.trace(trace::EventKind::kMigrate, task.id, static_cast<std::uint32_t>(cpu), 0);
    }
    preempt_check(queue, task);
    queue.lock.unlock();
  }
  if (executing != nullptr && !mutant(platform_, Mutant::kE56f)) activate_parked(*executing);
}

}  // namespace px::core
