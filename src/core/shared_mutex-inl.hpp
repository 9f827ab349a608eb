// Bodies of the shared mutex; the rules are in shared_mutex.hpp.
#pragma once

#include "core/event-inl.hpp"
#include "core/shared_mutex.hpp"

namespace px::core {

// wait_lock held, here and in all that follow but the public ones.
template <typename P>
bool SharedMutex<P>::refuses(const Scheduler& scheduler, const Task& me) const {
  return this->helper_of(me) != nullptr || (this->any_helper() != nullptr && home_ != &scheduler);
}

template <typename P>
bool SharedMutex<P>::fits(const Helper& hold) const {
  return !written_ && (hold.shared || readers_ == 0);
}

template <typename P>
void SharedMutex<P>::take(Helper& hold) {
  this->link(hold);
  if (hold.shared) {
    ++readers_;
  } else {
    written_ = true;
  }
}

// Without waiting. Those whose wait has ended stand in the queue until they run, and do not count.
template <typename P>
bool SharedMutex<P>::enter(Task& me, Helper& hold) {
  if (!fits(hold)) return false;
  const Task* first = this->waiters.first();
  while (first != nullptr && first->wait_end.load(std::memory_order_relaxed) != WaitEnd::kNone) {
    first = first->wait_node.next;
  }
  if (first != nullptr && !me.noted_rank().outranks(first->wait_node.rank)) return false;
  take(hold);
  return true;
}

// Everybody at the head of the queue for whom there is room now.
template <typename P>
void SharedMutex<P>::grant(Scheduler& scheduler, Task*& wakes) {
  P& platform = scheduler.platform();
  for (Task* waiter = this->waiters.first(); waiter != nullptr; waiter = waiter->wait_node.next) {
    observe(platform, waiter);
    if (waiter->wait_end.load(std::memory_order_relaxed) != WaitEnd::kNone) continue;
    Helper& hold = *waiter->hold;
    if (!fits(hold)) return;
    if (!scheduler.claim(*waiter, WaitEnd::kGranted)) continue;  // ended at this moment
    take(hold);
    scheduler.defer_wake(wakes, *waiter);
  }
}

template <typename P>
WaitEnd SharedMutex<P>::acquire(Scheduler& scheduler, Task& me, Helper& hold, Nanos deadline_ns) {
  bool refused = false;
  hold.task = &me;
  const WaitEnd end = this->wait(
      scheduler, me, Edge::kAnd, deadline_ns,
      [&](Task*&) {
        refused = refuses(scheduler, me);
        if (!refused) home_ = &scheduler;
        me.hold = &hold;
        return refused || enter(me, hold);
      },
      [] {});
  if (refused) return WaitEnd::kRefused;
  if (end == WaitEnd::kNotified || end == WaitEnd::kGranted) return WaitEnd::kGranted;
  if (mutant(scheduler.platform(), Mutant::kM27)) return end;
  this->change(scheduler, [&](Task*& wakes) { grant(scheduler, wakes); });
  return end;
}

template <typename P>
WaitEnd SharedMutex<P>::try_acquire(Scheduler& scheduler, Task& me, Helper& hold) {
  WaitEnd end = WaitEnd::kNone;
  hold.task = &me;
  this->look(scheduler, [&] {
    if (refuses(scheduler, me)) {
      end = WaitEnd::kRefused;
      return;
    }
    home_ = &scheduler;
    if (enter(me, hold)) end = WaitEnd::kGranted;
  });
  return end;
}

template <typename P>
typename SharedMutex<P>::Helper* SharedMutex<P>::release(Scheduler& scheduler, Task& me,
                                                         bool shared) {
  Helper* hold = nullptr;
  this->change(scheduler, [&](Task*& wakes) {
    hold = this->helper_of(me);
    if (hold == nullptr || hold->shared != shared) {
      hold = nullptr;
      return;
    }
    this->unlink(*hold);
    if (shared) {
      --readers_;
    } else {
      written_ = false;
    }
    grant(scheduler, wakes);
    // The others lend to one who still holds it, or to those who have just got it.
    if (!mutant(scheduler.platform(), Mutant::kM28)) this->wake_all(scheduler, wakes);
  });
  return hold;
}

}  // namespace px::core
