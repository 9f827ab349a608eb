// How a task waits, for anything: open_wait, begin_wait, block, end_link; and how a wait is ended
// by others: satisfy, end_wait. Sleep and join; the locks are in mutex-inl.hpp.
#pragma once

#include "core/scheduler.hpp"

namespace px::core {

template <Platform P>
void Scheduler<P>::open_wait(Task& me, bool may_end) {
  me.wait_may_end = may_end || me.stop_requested != nullptr;
  me.wait_node.since = 0;
  if (me.stop_requested == nullptr) {
    if (!mutant(platform_, Mutant::kE47)) {
      me.wait_end.store(WaitEnd::kNone, std::memory_order_relaxed);
    }
    return;
  }
  // Partner: who requests a stop sets the flag first and then ends the waits that it knows of.
  // Either it finds this one open, or we see the flag.
  me.wait_end.store(WaitEnd::kNone, std::memory_order_seq_cst);
  if (me.stop_requested->load(std::memory_order_seq_cst)) (void)claim(me, WaitEnd::kStopped);
}

// The link, the state and the order of blocking become visible together: a task that is seen linked
// is also seen as going to sleep (E11).
template <Platform P>
void Scheduler<P>::begin_wait(Task& me, Waitable& on, Edge edge) {
  Frame frame(platform_);
  Guard guard(me.blocked_lock);
  PX_CHECK(me.blocked_on.load(std::memory_order_relaxed) == nullptr,
           "a task waits for one thing at a time");
  me.block_seq = next_block_seq_.fetch_add(1, std::memory_order_relaxed) + 1;
  if (me.wait_node.since == 0) me.wait_node.since = me.block_seq;
  me.blocked_edge = edge;
  me.state.store(TaskState::kSleeping, std::memory_order_relaxed);
  me.blocked_on.store(&on, std::memory_order_seq_cst);
  cover(platform_, Way::kLinkSet);
  if (on.protocol == Protocol::kInherit) {
    me.lent_rank.store(rank_hanging_on(me), std::memory_order_relaxed);
  }
  // Its rank may have changed while it was awake and had no link that set_params() could follow.
  // After the link: from there on follow_boost(), which looks under blocked_lock, keeps it in
  // order.
  const policy::Rank rank = me.rank_as_waiter(on);
  if (me.wait_node.rank != rank && !mutant(platform_, Mutant::kM26)) on.waiters.move(me, rank);
}

template <Platform P>
WaitEnd Scheduler<P>::block(Task& me) {
  Frame frame(platform_);
  std::uint64_t seq = 0;
  if (Task* victim = find_deadlock_victim(me, seq)) end_deadlocked(*victim, seq);
  // Partner: who ends a wait exchanges wait_end first and then looks at the link and the state,
  // both of which we have published. One of the two sees the other; else the end of the wait were
  // lost.
  const WaitEnd end = me.wait_end.load(std::memory_order_seq_cst);
  if (end != WaitEnd::kNone && !mutant(platform_, Mutant::kE44)) {
    cover(platform_, Way::kBlockEnded);
    return frame.returns(end);
  }
  schedule(ScheduleMode::kBlock);
  return frame.returns(me.wait_end.load(std::memory_order_acquire));
}

// Ends the very wait that closed a cycle: another discoverer may have ended it already, and the
// victim may wait for something else by now.
template <Platform P>
void Scheduler<P>::end_deadlocked(Task& victim, std::uint64_t seq) {
  Frame frame(platform_);
  {
    Guard guard(victim.blocked_lock);
    const Waitable* on = victim.blocked_on.load(std::memory_order_relaxed);
    WaitEnd expected = WaitEnd::kNone;
    const bool same_wait = victim.block_seq == seq || mutant(platform_, Mutant::kE07b);
    if (on == nullptr || !same_wait ||
        !victim.wait_end.compare_exchange_strong(
            expected, WaitEnd::kDeadlock, std::memory_order_seq_cst, std::memory_order_seq_cst)) {
      return;
    }
    victim.blocked_on.store(nullptr, std::memory_order_release);
    cover(platform_, Way::kLinkDeadlock);
    platform_.trace(trace::EventKind::kUnblock, victim.id, trace::kNoTask, on->id);
  }
  wake(victim);
}

template <Platform P>
bool Scheduler<P>::end_link(Task& me) {
  Frame frame(platform_);
  Guard guard(me.blocked_lock);
  const bool taken_away = me.blocked_on.load(std::memory_order_relaxed) == nullptr;
  if (!taken_away) cover(platform_, Way::kLinkKept);
  if (!(mutant(platform_, Mutant::kE02) &&
        me.wait_end.load(std::memory_order_relaxed) > WaitEnd::kGranted)) {
    me.blocked_on.store(nullptr, std::memory_order_relaxed);
  }
  me.state.store(TaskState::kRunnable, std::memory_order_relaxed);
  return frame.returns(taken_away);
}

template <Platform P>
bool Scheduler<P>::satisfy(Task& waiter, const Waitable& on, WaitEnd why) {
  Frame frame(platform_);
  Guard guard(waiter.blocked_lock);
  // Another unlocker may have been here before (E05), or the wait has ended by itself.
  if (waiter.blocked_on.load(std::memory_order_relaxed) != &on &&
      !mutant(platform_, Mutant::kE07)) {
    cover(platform_, Way::kLinkGoneFirst);
    return frame.returns(false);
  }
  if (why != WaitEnd::kNone) {
    WaitEnd expected = WaitEnd::kNone;
    if (!waiter.wait_end.compare_exchange_strong(expected, why, std::memory_order_seq_cst,
                                                 std::memory_order_seq_cst)) {
      cover(platform_, Way::kLinkGoneFirst);
      return frame.returns(false);
    }
  }
  waiter.blocked_on.store(nullptr, std::memory_order_release);
  cover(platform_, why == WaitEnd::kNone      ? Way::kLinkReleased
                   : why == WaitEnd::kGranted ? Way::kLinkGranted
                                              : Way::kLinkNotified);
  platform_.trace(trace::EventKind::kUnblock, waiter.id, trace::kNoTask, on.id);
  return frame.returns(true);
}

template <Platform P>
bool Scheduler<P>::end_wait(Task& task, WaitEnd why) {
  platform_.preempt_disable();
  Frame frame(platform_);
  const bool ended = claim(task, why);
  if (ended) {
    const bool hangs = task.parked_on.load(std::memory_order_relaxed) != nullptr;
    if (!(hangs && mutant(platform_, Mutant::kE33))) wake(task);
  }
  preempt_enable();
  return frame.returns(ended);
}

template <Platform P>
bool Scheduler<P>::claim(Task& task, WaitEnd why) {
  Frame frame(platform_);
  WaitEnd expected = WaitEnd::kNone;
  if (!task.wait_end.compare_exchange_strong(expected, why, std::memory_order_seq_cst,
                                             std::memory_order_seq_cst)) {
    return frame.returns(false);
  }
  drop_link(task);
  return frame.returns(true);
}

// The wait of `task` has been ended (wait_end), so its link goes; its wakeup must follow.
template <Platform P>
void Scheduler<P>::drop_link(Task& task) {
  Frame frame(platform_);
  Guard guard(task.blocked_lock);
  const Waitable* on = task.blocked_on.load(std::memory_order_relaxed);
  if (on == nullptr || mutant(platform_, Mutant::kE02)) return;
  task.blocked_on.store(nullptr, std::memory_order_release);
  cover(platform_, Way::kLinkEnded);
  platform_.trace(trace::EventKind::kUnblock, task.id, trace::kNoTask, on->id);
}

template <Platform P>
WaitEnd Scheduler<P>::sleep_until(Nanos when_ns) {
  platform_.preempt_disable();
  Task& me = *platform_.current();
  open_wait(me, true);
  arm_timer(me, when_ns);
  Anchor anchor(platform_);
  for (;;) {
    anchor.again();
    // Partner: the timer's exchange of wait_end, then its look at the state. One sees the other.
    if (!mutant(platform_, Mutant::kE44))
      me.state.store(TaskState::kSleeping, std::memory_order_seq_cst);
    if (me.wait_end.load(std::memory_order_seq_cst) != WaitEnd::kNone) break;
    if (mutant(platform_, Mutant::kE44))
      me.state.store(TaskState::kSleeping, std::memory_order_seq_cst);
    schedule(ScheduleMode::kBlock);
  }
  me.state.store(TaskState::kRunnable, std::memory_order_relaxed);
  cancel_timer(me);
  const WaitEnd end = me.wait_end.load(std::memory_order_relaxed);
  preempt_enable();
  return end;
}

template <Platform P>
WaitEnd Scheduler<P>::join(Task& task, Nanos deadline_ns) {
  platform_.preempt_disable();
  Task& me = *platform_.current();
  auto& exit = task.exit;
  exit.wait_lock.lock();
  WaitEnd end = WaitEnd::kNotified;
  if (exit.pending() != nullptr) {
    open_wait(me, deadline_ns != kNever);
    exit.waiters.insert(me, me.noted_rank());
    arm_timer(me, deadline_ns);
    Anchor anchor(platform_);
    for (;;) {
      anchor.again();
      end = me.wait_end.load(std::memory_order_acquire);
      if (exit.pending() == nullptr) end = WaitEnd::kNotified;
      if (end != WaitEnd::kNone) break;
      begin_wait(me, exit, Edge::kAnd);
      exit.wait_lock.unlock();
      platform_.trace(trace::EventKind::kBlock, me.id, task.id, exit.id);
      (void)block(me);
      exit.wait_lock.lock();
      (void)end_link(me);
    }
    exit.waiters.remove(me);
  }
  exit.wait_lock.unlock();
  cancel_timer(me);
  // Others may have hung on us as on a link of the chain that we leave.
  if (end != WaitEnd::kNotified) activate_parked(me);
  preempt_enable();
  return end;
}

template <Platform P>
void Scheduler<P>::exit() {
  platform_.preempt_disable();
  Task& me = *platform_.current();
  Task* wakes = nullptr;
  {
    Guard guard(me.exit.wait_lock);
    me.exit.publish();
    for (Task* w = me.exit.waiters.first(); w != nullptr; w = w->wait_node.next) {
      observe(platform_, w);
      if (satisfy(*w, me.exit, WaitEnd::kNotified)) defer_wake(wakes, *w);
    }
  }
  deliver_wakes(wakes);
  activate_parked(me);
  platform_.trace(trace::EventKind::kExit, me.id, trace::kNoTask, 0);
  {
    // A late wakeup looks at the state and changes it under this lock: it may not have seen us
    // asleep before and make us runnable afterwards.
    GuardIf guard(!mutant(platform_, Mutant::kF01), me.task_lock);
    me.state.store(TaskState::kDead, std::memory_order_seq_cst);
  }
  schedule(ScheduleMode::kBlock);
  PX_CHECK(false, "an ended task does not run again");
  __builtin_unreachable();
}

}  // namespace px::core
