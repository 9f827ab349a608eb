// Budgets of deadline tasks: throttled when used up, filled when the next period begins; and the
// admission of such tasks.
//
// A throttled task stays on its runqueue, and what it waits for stays as it is: only its context is
// not picked, so nothing runs on it (invariant 39). It may still be the end of somebody's chain and
// run for him. Its rank falls below everybody's, so that a lock is given to others first; when it
// is replenished it lends again, at once, with its new deadline.
#pragma once

#include "core/scheduler.hpp"

namespace px::core {

// schedule(): throttles the paying context if its budget is used up or was given up, then
// replenishes who is due. `proxy_yields`: the task that runs on it has yielded; that is no reason
// for a deadline donor to lose its budget (E72). rq.lock held, charged.
template <Platform P>
void Scheduler<P>::settle_budgets(Runqueue& rq, bool proxy_yields) {
  Task& donor = *rq.donor.load(std::memory_order_relaxed);
  if (proxy_yields && !mutant(platform_, Mutant::kE72)) donor.se.dl.yielded = false;
  if (!donor.is_idle && !mutant(platform_, Mutant::kD01) &&
      rq.classes.settle(donor.se, rq.clock_ns)) {
    cover(platform_, donor.is_blocked.get() ? Way::kThrottleDonor : Way::kThrottle);
    rq.donor.store(rq.idle, std::memory_order_relaxed);
    rq.donor_rank.store(policy::Rank::idle().value(), std::memory_order_relaxed);
    publish_queued(rq);
    rerank(donor);
  }
  replenish_due(rq);
}

// rq.lock held, charged.
template <Platform P>
void Scheduler<P>::replenish_due(Runqueue& rq) {
  Anchor anchor(platform_);
  while (policy::SchedContext* context = rq.classes.replenish(rq.clock_ns)) {
    anchor.again();
    Task& task = *task_of<P>(context);
    observe(platform_, &task);
    cover(platform_, Way::kReplenish);
    publish_queued(rq);
    if (!mutant(platform_, Mutant::kD02)) rerank(task);
    if (!mutant(platform_, Mutant::kD03)) preempt_check(rq, task);
  }
}

// The deadline of a queued context has moved, and its place among waiters follows. Its runqueue's
// lock is held, so the task does not run and, if it is linked, cannot leave the wait list: the
// waitable stays. Takes wait_lock -> blocked_lock.
template <Platform P>
void Scheduler<P>::rerank(Task& task) {
  Frame frame(platform_);
  if (task.noted_rank() == task.rank()) return;
  task.note_rank();
  Waitable* on = task.blocked_on.load(std::memory_order_acquire);
  if (on == nullptr) return;
  Guard wait_guard(on->wait_lock);
  Guard blocked_guard(task.blocked_lock);
  if (task.blocked_on.load(std::memory_order_relaxed) != on) return;
  on->waiters.move(task, task.rank_as_waiter(*on));
}

// While bandwidth is reclaimed a sleeping context may count as active on the CPU that it left.
// task_lock held, the task on no runqueue.
template <Platform P>
void Scheduler<P>::forget_lingering(Task& task) {
  const int cpu = task.se.dl.lingers_on;
  if (cpu < 0) [[likely]]
    return;
  Runqueue& queue = rq(cpu);
  Guard guard(queue.lock);
  charge(queue);
  task.se.dl.lingers_on = -1;
  if (!task.se.dl.lingers) return;
  queue.classes.forget(task.se);
  update_slice(queue);
}

template <Platform P>
policy::Admitted Scheduler<P>::admit(Task& task) {
  if (task.se.class_id != policy::ClassId::kDeadline) return {};
  Guard guard(admission_lock_);
  return admission_.request(task.se, task.se.dl_params, platform_.now());
}

// The task has ended, and is queued for the last time: nobody else changes what is admitted for it.
// rq.lock held, charged.
template <Platform P>
void Scheduler<P>::release_bandwidth(const Runqueue& rq, Task& task) {
  if (task.se.dl.admitted == 0) [[likely]]
    return;
  Guard guard(admission_lock_);
  admission_.release(task.se, rq.clock_ns);
}

template <Platform P>
std::int64_t Scheduler<P>::admitted_bandwidth() {
  platform_.preempt_disable();
  std::int64_t in_use = 0;
  {
    Guard guard(admission_lock_);
    in_use = admission_.in_use(platform_.now());
  }
  preempt_enable();
  return in_use;
}

}  // namespace px::core
