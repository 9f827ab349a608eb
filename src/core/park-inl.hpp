// Waiters that hang on their owner, off the runqueue: parked, because the owner is asleep, or
// linked, because it runs on another CPU and is not outranked. They form a tree (the waiters of a
// parked waiter hang on it), so that a wakeup in mid-chain takes only its own subtree along.
//
// The list is guarded by the owner's blocked_lock; a waiter enters it from the walk, under its
// runqueue's lock, and leaves it under its own task_lock (a wakeup, an activation).
//
// In a cycle a waiter hangs on an owner that is queued but cannot run before one of the cycle's
// waits ends; whichever ends, its task's wakeup takes those along that hang on it.
//
// Who sees whom: hang_on() first adds the waiter, then looks whether the owner is still away;
// activate() and switch_to() first store that the owner is back (or has left its CPU), then look at
// its list. All four are sequentially consistent: one of the two sides sees the other (E60).
#pragma once

#include "core/scheduler.hpp"

namespace px::core {

// False: the owner is no longer where the walk saw it; p stays queued. rq.lock and p's wait_lock
// held. Taking p off the runqueue comes last (E55).
template <Platform P>
bool Scheduler<P>::hang_on(Runqueue& rq, Task& p, Task& owner, Hang how) {
  Frame frame(platform_);
  Guard guard(owner.blocked_lock);
  PX_CHECK(p.parked_on.load(std::memory_order_relaxed) == nullptr,
           "a queued task hangs on nobody (invariant 32)");
  Task* first = owner.parked_first.load(std::memory_order_relaxed);
  p.parked_prev = nullptr;
  p.parked_next = first;
  if (first != nullptr) first->parked_prev = &p;
  p.parked_on.store(&owner, std::memory_order_relaxed);
  owner.parked_first.store(&p, std::memory_order_seq_cst);
  bool away = true;
  if (how == Hang::kPark) {
    away = owner.on_rq.load(std::memory_order_seq_cst) == OnRq::kNo;
  } else if (how == Hang::kLink) {
    away = this->rq(owner.cpu.load(std::memory_order_relaxed))
               .curr.load(std::memory_order_seq_cst) == &owner;
  }
  if (!away) {
    owner.parked_first.store(first, std::memory_order_relaxed);
    if (first != nullptr) first->parked_prev = nullptr;
    p.parked_next = nullptr;
    p.parked_on.store(nullptr, std::memory_order_relaxed);
    return frame.returns(false);
  }
  deactivate(rq, p, policy::Dequeue::kSleep, OnRq::kNo);
  return frame.returns(true);
}

// Takes `task` out of `owner`'s tree if it hangs there. task.task_lock held.
template <Platform P>
bool Scheduler<P>::unhang(Task& task, Task& owner) {
  Frame frame(platform_);
  Guard guard(owner.blocked_lock);
  if (task.parked_on.load(std::memory_order_relaxed) != &owner) return frame.returns(false);
  if (task.parked_prev != nullptr) {
    task.parked_prev->parked_next = task.parked_next;
  } else {
    owner.parked_first.store(task.parked_next, std::memory_order_relaxed);
  }
  if (task.parked_next != nullptr) task.parked_next->parked_prev = task.parked_prev;
  task.parked_prev = task.parked_next = nullptr;
  task.parked_on.store(nullptr, std::memory_order_relaxed);
  return frame.returns(true);
}

// A task that wakes by itself leaves the tree in the same step; its own subtree stays with it.
// task.task_lock held.
template <Platform P>
void Scheduler<P>::leave_tree(Task& task) {
  Anchor anchor(platform_);
  while (Task* owner = task.parked_on.load(std::memory_order_acquire)) {
    unhang(task, *owner);
    anchor.again();
  }
}

// One waiter back onto a runqueue, that of its owner, as a blocked context: it lends from there
// (E53: wake_cpu stays). Its own waiters come after it, through the owner's list: no recursion
// (E65), no list link used twice (E64).
template <Platform P>
void Scheduler<P>::activate_one(Task& waiter, Task& owner) {
  Frame frame(platform_);
  {
    Guard guard(waiter.task_lock);
    if (!unhang(waiter, owner)) return;
    // It may have been woken since (E61).
    if (waiter.state.load(std::memory_order_relaxed) != TaskState::kSleeping) return;
    Anchor still_on_cpu(platform_);
    while (waiter.on_cpu.load(std::memory_order_acquire)) {  // E59
      platform_.relax();
      still_on_cpu.again();
    }
    const int cpu = owner.cpu.load(std::memory_order_acquire);
    Runqueue& queue = rq(cpu);
    Guard rq_guard(queue.lock);
    charge(queue);
    if (waiter.cpu.load(std::memory_order_relaxed) != cpu) {
      waiter.cpu.store(cpu, std::memory_order_release);
      platform_.trace(trace::EventKind::kMigrate, waiter.id, static_cast<std::uint32_t>(cpu), 0);
    }
    activate(queue, waiter, policy::Enqueue::kMigrate);
    preempt_check(queue, waiter);
  }
  Anchor anchor(platform_);
  for (;;) {
    anchor.again();
    Task* child = nullptr;
    {
      Guard guard(waiter.blocked_lock);
      child = waiter.parked_first.load(std::memory_order_seq_cst);
    }
    if (child == nullptr) return;
    Guard guard(child->task_lock);
    if (!unhang(*child, waiter)) continue;
    if (child->state.load(std::memory_order_relaxed) != TaskState::kSleeping) continue;
    Guard list_guard(owner.blocked_lock);
    Task* first = owner.parked_first.load(std::memory_order_relaxed);
    child->parked_next = first;
    if (first != nullptr) first->parked_prev = child;
    child->parked_on.store(&owner, std::memory_order_relaxed);
    owner.parked_first.store(child, std::memory_order_seq_cst);
  }
}

template <Platform P>
void Scheduler<P>::activate_parked(Task& owner) {
  Frame frame(platform_);
  Anchor anchor(platform_);
  for (;;) {
    anchor.again();
    Task* waiter = owner.parked_first.load(std::memory_order_seq_cst);
    if (waiter == nullptr) return;
    // Asleep again: its next wakeup sees to them (E54).
    if (owner.on_rq.load(std::memory_order_seq_cst) == OnRq::kNo) return;
    activate_one(*waiter, owner);
  }
}

}  // namespace px::core
