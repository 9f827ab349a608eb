// Slow paths of the mutex: spin, queue, wait, hand over. The word's protocol is in mutex.hpp.
#pragma once

#include "core/scheduler.hpp"

namespace px::core {

// Takes a word without a task, keeping its flags. wait_lock held, or the protocol does not need it.
template <typename P>
bool Mutex<P>::try_acquire(Task& me) {
  std::uintptr_t word = word_.load(std::memory_order_relaxed);
  while (task_in(word) == nullptr) {
    if (word_.compare_exchange_strong(word, to_word(me) | (word & (kWaiters | kSlow)),
                                      std::memory_order_acq_rel, std::memory_order_relaxed)) {
      return true;
    }
  }
  return false;
}

// The same without wait_lock: not where the new owner's rank would have to change.
template <typename P>
bool Mutex<P>::try_steal(Task& me) {
  std::uintptr_t word = word_.load(std::memory_order_relaxed);
  while (task_in(word) == nullptr && !needs_wait_lock(word)) {
    if (word_.compare_exchange_strong(word, to_word(me) | (word & kWaiters),
                                      std::memory_order_acq_rel, std::memory_order_relaxed)) {
      return true;
    }
  }
  return false;
}

// Whether `me` ranks above the ceiling on its own: a ceiling below its user would not be one. No
// lock held, preemption off.
template <typename P>
bool Mutex<P>::refuses(Task& me) {
  if (this->protocol != Protocol::kProtect) return false;
  Guard guard(me.task_lock);
  return above_ceiling(me.base_params, this->ceiling);
}

template <typename P>
WaitEnd Mutex<P>::try_lock_slow(Scheduler& scheduler, Task& me) {
  if (!needs_wait_lock(word_.load(std::memory_order_relaxed))) return WaitEnd::kNone;
  P& platform = scheduler.platform();
  platform.preempt_disable();
  Frame frame(platform);
  WaitEnd end = WaitEnd::kRefused;
  if (!refuses(me)) {
    this->wait_lock.lock();
    end = try_acquire(me) ? WaitEnd::kGranted : WaitEnd::kNone;
    Task* raised = end == WaitEnd::kGranted ? update_boost() : nullptr;
    this->wait_lock.unlock();
    if (raised != nullptr) scheduler.propagate_boost(*raised);
  }
  scheduler.preempt_enable();
  return frame.returns(end);
}

template <typename P>
bool Mutex<P>::set_protocol(Protocol wanted, CeilingByte limit) {
  const std::uintptr_t before = word_.load(std::memory_order_relaxed);
  std::uintptr_t expected = before & kSlow;
  const std::uintptr_t after = wanted == Protocol::kProtect ? kSlow : 0;
  if (!word_.compare_exchange_strong(expected, after, std::memory_order_acq_rel,
                                     std::memory_order_relaxed)) {
    return false;
  }
  this->protocol = wanted;
  this->ceiling = 0;
  if (wanted == Protocol::kProtect) {
    this->ceiling = limit != 0 ? limit : realtime_ceiling(policy::kRtPriorityMax);
  }
  return true;
}

template <typename P>
BoostCode Mutex<P>::boost_due(const Task& owner) const {
  if (this->protocol == Protocol::kProtect) return boost_of_ceiling(this->ceiling);
  if (this->protocol != Protocol::kInherit) return 0;
  const Task* first = this->waiters.first();
  // One that was handed the lock is among the waiters until it resumes.
  if (first == &owner) first = first->wait_node.next;
  return first != nullptr ? boost_of_rank(first->wait_node.rank) : 0;
}

template <typename P>
typename Mutex<P>::Task* Mutex<P>::update_boost() {
  if (this->protocol != Protocol::kInherit && this->protocol != Protocol::kProtect) return nullptr;
  Task* owner = this->owner();
  if (owner == nullptr) return nullptr;
  return set_boost(*owner, boost_due(*owner)) ? owner : nullptr;
}

// [INV-M3]. Keeps the owner's list. True: something has changed. wait_lock held.
template <typename P>
bool Mutex<P>::set_boost(Task& owner, BoostCode code) {
  if (code == boost_) return false;
  Guard guard(owner.blocked_lock);
  if (boost_ == 0) {
    next_boost_ = owner.boosts;
    owner.boosts = this;
  }
  boost_ = code;
  if (code != 0) return true;
  Mutex** link = &owner.boosts;
  while (*link != nullptr && *link != this) link = &(*link)->next_boost_;
  // An owner that ended with the lock has lost its list, and perhaps its memory to another task.
  if (*link == this) *link = next_boost_;
  next_boost_ = nullptr;
  return true;
}

// Completes a hand-off to `me` [INV-M2]. wait_lock held.
template <typename P>
bool Mutex<P>::pick_up(Task& me) {
  const std::uintptr_t word = word_.load(std::memory_order_acquire);
  if (task_in(word) != &me || (word & kPickup) == 0) return false;
  word_.store(word & ~kPickup, std::memory_order_release);
  return true;
}

// Optimistic spinning: the owner runs and will probably release soon, and nobody wants this CPU. A
// waiter that outranks the context the owner runs on does not spin: it lends (Juri Lelli's point).
// The spinner is charged for it. Preemption off.
template <typename P>
bool Mutex<P>::spin(Scheduler& scheduler, Task& me) {
  constexpr Nanos kSpinLimit = 20 * kMicrosecond;
  if (scheduler.cpus() == 1) return false;
  P& platform = scheduler.platform();
  if (!spins(platform)) return false;
  const Nanos start = platform.now();
  Anchor anchor(platform);
  do {
    anchor.again();
    const std::uintptr_t word = word_.load(std::memory_order_relaxed);
    Task* owner = task_in(word);
    if (owner == nullptr) {
      if (try_steal(me)) return true;
      if (needs_wait_lock(word)) return false;
      continue;
    }
    // Tasks are recycled, never unmapped: a stale owner is read safely and only misleads.
    if (owner == &me || (word & kPickup) != 0 || !owner->on_cpu.load(std::memory_order_relaxed) ||
        scheduler.need_resched()) {
      return false;
    }
    const auto& owner_rq = scheduler.rq(owner->cpu.load(std::memory_order_relaxed));
    if (me.noted_rank().value() > owner_rq.donor_rank.load(std::memory_order_relaxed)) return false;
    platform.relax();
  } while (platform.now() - start < kSpinLimit);
  return false;
}

// wait_lock held. [INV-M1]
template <typename P>
void Mutex<P>::enqueue_waiter(Task& me) {
  me.wait_node.lost = 0;
  this->waiters.insert(me, me.noted_rank());
  word_.fetch_or(kWaiters, std::memory_order_relaxed);
}

// wait_lock held. [INV-M1] Returns the owner if its boost has changed. The boost first: without the
// waiters bit the owner may release the lock behind our back.
template <typename P>
typename Mutex<P>::Task* Mutex<P>::leave(Task& me) {
  this->waiters.remove(me);
  Task* owner = update_boost();
  if (this->waiters.empty()) word_.fetch_and(~kWaiters, std::memory_order_relaxed);
  return owner;
}

template <typename P>
WaitEnd Mutex<P>::lock_slow(Scheduler& scheduler, Task& me, Nanos deadline_ns, bool again) {
  P& platform = scheduler.platform();
  platform.preempt_disable();
  if (!again && refuses(me)) {
    scheduler.preempt_enable();
    return WaitEnd::kRefused;
  }
  if constexpr (P::kSpins) {
    if (spin(scheduler, me)) {
      cover(platform, Way::kSpun);
      scheduler.preempt_enable();
      return WaitEnd::kGranted;
    }
  }
  this->wait_lock.lock();
  WaitEnd end = WaitEnd::kGranted;
  Task* raised = nullptr;
  if (try_acquire(me)) {
    raised = update_boost();
  } else {
    scheduler.open_wait(me, again || deadline_ns != kNever);
    if (mutant(platform, Mutant::kM21)) {
      me.wait_node.lost = 0;
      this->waiters.insert(me, me.noted_rank());
    } else {
      enqueue_waiter(me);
    }
    scheduler.arm_timer(me, deadline_ns);
    end = wait_for_lock(scheduler, me);
    raised = leave(me);
  }
  this->wait_lock.unlock();
  if (raised != nullptr) scheduler.propagate_boost(*raised);
  if (!mutant(platform, Mutant::kM24)) scheduler.cancel_timer(me);
  // Those who hung on us as the lock's next owner must lend to another one now.
  if (end != WaitEnd::kGranted) scheduler.activate_parked(me);
  scheduler.preempt_enable();
  return end;
}

// The loop of a queued waiter. Entered and left with wait_lock held. A hand-off is picked up before
// errors are looked at: `granted` wins even past the time limit.
template <typename P>
WaitEnd Mutex<P>::wait_for_lock(Scheduler& scheduler, Task& me) {
  P& platform = scheduler.platform();
  Frame frame(platform);
  if (this->protocol == Protocol::kInherit) scheduler.note_inherit();
  Anchor anchor(platform);
  for (;;) {
    anchor.again();
    if (pick_up(me) || try_acquire(me)) return frame.returns(WaitEnd::kGranted);
    const WaitEnd end = me.wait_end.load(std::memory_order_acquire);
    if (end != WaitEnd::kNone) return frame.returns(end);
    scheduler.begin_wait(me, *this, Edge::kAnd);
    if (mutant(platform, Mutant::kM21)) word_.fetch_or(kWaiters, std::memory_order_relaxed);
    const Task* holder = owner();
    platform.trace(trace::EventKind::kBlock, me.id, holder != nullptr ? holder->id : trace::kNoTask,
                   this->id);
    Task* raised = update_boost();
    observe(platform, raised);
    this->wait_lock.unlock();
    if (raised != nullptr) scheduler.propagate_boost(*raised);
    // Whoever hung on us as the next owner of the lock, which we have lost again, walks anew.
    scheduler.activate_parked(me);
    (void)scheduler.block(me);
    this->wait_lock.lock();
    const bool woken_for_it = scheduler.end_link(me);
    // Woken for this lock and too late for it: counts towards the starvation bound.
    if (woken_for_it && owner() != nullptr && owner() != &me && me.wait_node.lost < kMaxLost) {
      ++me.wait_node.lost;
    }
  }
}

// Who gets the lock without it becoming free: the donor that pays for this very section, or a
// waiter at its starvation bound; else nobody. Ends that waiter's wait. wait_lock held, preemption
// off since before blocked_donor was read (E09).
template <typename P>
typename Mutex<P>::Task* Mutex<P>::choose_handoff(Scheduler& scheduler, Task& me) {
  auto& rq = scheduler.this_rq();
  const Task* paying = rq.donor.load(std::memory_order_relaxed);
  if (paying != &me && !paying->is_idle) {
    Task* donor = me.blocked_donor.get();
    if (donor != nullptr && scheduler.satisfy(*donor, *this, WaitEnd::kGranted)) {
      ++rq.proxy.handoffs;
      cover(scheduler.platform(), Way::kHandoff);
      return donor;
    }
  }
  Task* first = this->waiters.first();
  observe(scheduler.platform(), first);
  if (first != nullptr && first->wait_node.lost >= kMaxLost &&
      scheduler.satisfy(*first, *this, WaitEnd::kGranted)) {
    ++rq.proxy.starvation_handoffs;
    cover(scheduler.platform(), Way::kHandoffBound);
    return first;
  }
  return nullptr;
}

template <typename P>
void Mutex<P>::unlock_slow(Scheduler& scheduler, Task& me) {
  P& platform = scheduler.platform();
  // E09: who pays is found out while that can still change.
  const bool missed = mutant(platform, Mutant::kE09) && me.blocked_donor.get() == nullptr &&
                      task_in(word_.load(std::memory_order_relaxed)) == &me;
  platform.preempt_disable();
  this->wait_lock.lock();
  Task* next = missed ? nullptr : choose_handoff(scheduler, me);
  const bool handed_over = next != nullptr;
  const bool lowered = set_boost(me, 0) && !mutant(platform, Mutant::kM17);
  const std::uintptr_t slow = word_.load(std::memory_order_relaxed) & kSlow;
  Task* raised = nullptr;
  if (handed_over) {
    platform.trace(trace::EventKind::kHandoff, me.id, next->id, this->id);
    word_.store(to_word(*next) | kWaiters | kPickup | slow, std::memory_order_release);
    raised = update_boost();
  } else {
    platform.trace(trace::EventKind::kRelease, me.id, trace::kNoTask, this->id);
    next = this->waiters.first();
    observe(platform, next);
    word_.store((next != nullptr ? kWaiters : 0) | slow, std::memory_order_release);
    if (next != nullptr) (void)scheduler.satisfy(*next, *this, WaitEnd::kNone);
  }
  observe(platform, raised);
  // From here on the mutex may be another task's, and then freed: nothing below touches it.
  this->wait_lock.unlock();
  if (lowered) scheduler.propagate_boost(me);
  if (raised != nullptr) scheduler.propagate_boost(*raised);
  if (next != nullptr) scheduler.wake(*next);
  // Those who hung on us wait for the new owner now; and the boost ends with the section.
  if (!mutant(platform, Mutant::kE56c)) scheduler.activate_parked(me);
  if (handed_over) scheduler.resched_current();
  scheduler.preempt_enable();
}

}  // namespace px::core
