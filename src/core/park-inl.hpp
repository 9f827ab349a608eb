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
  GuardIf nested(mutant(platform_, Mutant::kE08), p.blocked_lock);
  if (mutant(platform_, Mutant::kE55)) deactivate(rq, p, policy::Dequeue::kSleep, OnRq::kNo);
  Guard guard(owner.blocked_lock);
  PX_CHECK(p.parked_on.load(std::memory_order_relaxed) == nullptr,
           "a queued task hangs on nobody (invariant 32)");
  // At the end: activate_parked() takes from the front those that it found there.
  p.parked_prev = owner.parked_last;
  p.parked_on.store(&owner, std::memory_order_relaxed);
  if (owner.parked_last != nullptr) owner.parked_last->parked_next = &p;
  owner.parked_last = &p;
  if (p.parked_prev == nullptr) owner.parked_first.store(&p, std::memory_order_seq_cst);
  bool away = true;
  if (how == Hang::kPark) {
    away = owner.on_rq.load(std::memory_order_seq_cst) == OnRq::kNo;
  } else if (how == Hang::kLink) {
    away =
        this->rq(owner.cpu.load(std::memory_order_relaxed)).curr.load(std::memory_order_seq_cst) ==
        &owner;
  }
  if (mutant(platform_, Mutant::kE60a) && how == Hang::kPark) away = true;
  if (mutant(platform_, Mutant::kE60b) && how == Hang::kLink) away = true;
  if (!away) {
    unlink_parked(p, owner);
    cover(platform_, Way::kHangMissed);
    return frame.returns(false);
  }
  defer_boost(rq, p, owner);
  if (!mutant(platform_, Mutant::kE55)) deactivate(rq, p, policy::Dequeue::kSleep, OnRq::kNo);
  return frame.returns(true);
}

// owner.blocked_lock held.
template <Platform P>
void Scheduler<P>::unlink_parked(Task& task, Task& owner) {
  if (task.parked_prev != nullptr) {
    task.parked_prev->parked_next = task.parked_next;
  } else {
    owner.parked_first.store(task.parked_next, std::memory_order_relaxed);
  }
  (task.parked_next != nullptr ? task.parked_next->parked_prev : owner.parked_last) =
      task.parked_prev;
  task.parked_prev = task.parked_next = nullptr;
  task.parked_on.store(nullptr, std::memory_order_relaxed);
  if (inherit_in_use() && owner.parked_last == nullptr) {
    owner.lent_rank.store(0, std::memory_order_relaxed);
  }
}

// Takes `task` out of `owner`'s tree if it hangs there. task.task_lock held.
template <Platform P>
bool Scheduler<P>::unhang(Task& task, Task& owner) {
  Frame frame(platform_);
  Guard guard(owner.blocked_lock);
  if (task.parked_on.load(std::memory_order_relaxed) != &owner) return frame.returns(false);
  unlink_parked(task, owner);
  return frame.returns(true);
}

// A task that wakes by itself leaves the tree in the same step; its own subtree stays with it.
// Returns what it hung on, if anything. task.task_lock held.
template <Platform P>
Task<P>* Scheduler<P>::leave_tree(Task& task) {
  Frame frame(platform_);
  Task* left = nullptr;
  Anchor anchor(platform_);
  while (Task* owner = task.parked_on.load(std::memory_order_acquire)) {
    if (unhang(task, *owner)) {
      cover(platform_, Way::kWakeFromTree);
      left = owner;
    }
    anchor.again();
    observe(platform_, left);
  }
  return frame.returns(left);
}

// Takes `waiter` off `owner`'s tree and puts it back onto a runqueue, that of `owner`, as a blocked
// context: it lends from there (E53: wake_cpu stays). False: it does not hang there any more.
template <Platform P>
bool Scheduler<P>::bring_back(Task& waiter, Task& owner) {
  Frame frame(platform_);
  GuardIf guard(!mutant(platform_, Mutant::kE52), waiter.task_lock);
  if (!unhang(waiter, owner)) {
    cover(platform_, Way::kActivateGone);
    return frame.returns(false);
  }
  // It came to hang by a walk of another context, under the lock of a queue whose CPU had switched
  // away from it (E59); and a wakeup takes it off the tree under the task_lock that we hold (E61).
  PX_DCHECK(!waiter.on_cpu.load(std::memory_order_relaxed) &&
                waiter.state.load(std::memory_order_relaxed) == TaskState::kSleeping,
            "who hangs is asleep and off its CPU");
  forget_lingering(waiter);
  Runqueue& queue = lock_online(waiter, owner.cpu.load(std::memory_order_acquire));
  charge(queue);
  const int cpu = queue.cpu;
  if (waiter.cpu.load(std::memory_order_relaxed) != cpu) {
    waiter.cpu.store(cpu, std::memory_order_release);
    if (mutant(platform_, Mutant::kE53)) waiter.wake_cpu.set(cpu);
    platform_.trace(trace::EventKind::kMigrate, waiter.id, static_cast<std::uint32_t>(cpu), 0);
  }
  cover(platform_, Way::kActivate);
  activate(queue, waiter, policy::Enqueue::kMigrate);
  preempt_check(queue, waiter);
  queue.lock.unlock();
  return frame.returns(true);
}

// How many hang on `owner` at this moment.
template <Platform P>
int Scheduler<P>::count_parked(Task& owner) {
  Frame frame(platform_);
  Guard guard(owner.blocked_lock);
  int count = 0;
  const Task* waiter = owner.parked_first.load(std::memory_order_relaxed);
  for (; waiter != nullptr; waiter = waiter->parked_next) ++count;
  return frame.returns(count);
}

// One waiter is brought back. Its own waiters come after it, through the front of the owner's list:
// no recursion (E65), no list link used twice (E64). Returns how many of them that are. Only those
// that hang on it when it is back: in a cycle whose waiter and owner come to hang on each other
// again and again, the next one to do so would always be found here (E54).
template <Platform P>
int Scheduler<P>::activate_one(Task& waiter, Task& owner) {
  Frame frame(platform_);
  if (!bring_back(waiter, owner)) return frame.returns(0);
  int children = 0;
  int left = count_parked(waiter);
  Anchor anchor(platform_);
  for (; left > 0; --left) {
    anchor.again();
    observe(platform_, children);
    observe(platform_, left);
    Task* child = nullptr;
    {
      Guard guard(waiter.blocked_lock);
      child = waiter.parked_first.load(std::memory_order_seq_cst);
    }
    if (child == nullptr) break;
    if (child == &owner) {
      // A cycle that one of its waits will end: the owner has come to hang on its waiter meanwhile.
      // It must not hang on itself; it walks again.
      (void)bring_back(*child, waiter);
      continue;
    }
    Guard guard(child->task_lock);
    if (!unhang(*child, waiter)) continue;
    cover(platform_, Way::kActivateSubtree);
    Guard list_guard(owner.blocked_lock);
    Task* first = owner.parked_first.load(std::memory_order_relaxed);
    child->parked_next = first;
    (first != nullptr ? first->parked_prev : owner.parked_last) = child;
    child->parked_on.store(&owner, std::memory_order_relaxed);
    owner.parked_first.store(child, std::memory_order_seq_cst);
    ++children;
  }
  return frame.returns(children);
}

// All that hang on `owner` now walk again, whatever the owner does meanwhile: if it falls asleep
// half-way they park on it anew. Those that come later have seen where it is (E54: else the two
// could go on for ever).
template <Platform P>
void Scheduler<P>::activate_parked(Task& owner) {
  Frame frame(platform_);
  if (owner.parked_first.load(std::memory_order_seq_cst) == nullptr) return;
  if (owner.on_rq.load(std::memory_order_seq_cst) == OnRq::kNo) return;
  int left = count_parked(owner);
  Anchor anchor(platform_);
  for (; left > 0; --left) {
    anchor.again();
    observe(platform_, left);
    Task* waiter = owner.parked_first.load(std::memory_order_seq_cst);
    if (waiter == nullptr) return;
    left += activate_one(*waiter, owner);
  }
  // Their ranks do not count any more for the owner, should it wait itself.
  if (inherit_in_use()) propagate_boost(owner);
}

}  // namespace px::core
