// find_proxy_task and nothing else: from a blocked donor to the task that runs in its place.
#pragma once

#include "core/scheduler.hpp"

namespace px::core {

// Resets the CPU to its idle task once: it passes through idle and picks again. Whatever is in the
// way (a context whose stack is still in use, a move under way) is out of it by then. The order of
// E20: need_resched is set here, after schedule() has cleared it.
template <Platform P>
typename Scheduler<P>::Walk Scheduler<P>::proxy_idle(Runqueue& rq) {
  set_donor(rq, *rq.idle);
  if (!mutant(platform_, Mutant::kE50)) rq.need_resched.store(1, std::memory_order_relaxed);
  cover(platform_, Way::kRowIdle);
  return {ProxyOutcome::kIdle, rq.idle};
}

// p waits no longer and may execute here: it runs and looks again. A wakeup still on its way to it
// finds it runnable and does nothing.
template <Platform P>
typename Scheduler<P>::Walk Scheduler<P>::run_waiter(Runqueue& rq, Task& p) {
  p.is_blocked.set(false);
  stay(rq, p);
  count(rq, p);
  note_waiting(rq);
  p.state.store(TaskState::kRunnable, std::memory_order_relaxed);
  return {ProxyOutcome::kRunWaiter, &p};
}

// p leaves the runqueue. Whoever ends its wait owes it a wakeup.
template <Platform P>
typename Scheduler<P>::Walk Scheduler<P>::proxy_deactivate(Runqueue& rq, Task& p,
                                                           ProxyOutcome outcome) {
  ++rq.proxy.deactivations;
  deactivate(rq, p, policy::Dequeue::kSleep, OnRq::kNo);
  return {outcome};
}

// The chain segment from p, whose owner is on `cpu`, up to the donor goes there, p first: at most
// kMigrationBatch contexts, those nearest the owner. Affinity does not matter, since none of them
// will execute there; wake_cpu keeps where each came from.
template <Platform P>
typename Scheduler<P>::Walk Scheduler<P>::proxy_migrate(Runqueue& rq, Task& donor, Task& p,
                                                        int cpu) {
  Task** tail = &rq.deferred_moves;
  while (*tail != nullptr) tail = &(*tail)->deferred_next;
  Task* q = mutant(platform_, Mutant::kE39) ? &donor : &p;
  for (int moved = 0; moved < kMigrationBatch; ++moved) {
    Task* upstream = q == &donor ? nullptr : q->blocked_donor.get();
    q->deferred_next = nullptr;
    *tail = q;
    tail = &q->deferred_next;
    ++rq.proxy.migrations;
    depart(rq, *q, cpu, true);
    if (upstream == nullptr) break;
    q = upstream;
  }
  return {ProxyOutcome::kMigrated};
}

// Finds the task whose execution context runs on the blocked donor's scheduling context:
//
//   donor -> blocked_on -> owner -> blocked_on -> ... -> a task that can run here
//
// Called by pick_next() with rq.lock held, on rq's own CPU. Per hop it takes
//   wait_lock of the waitable -> blocked_lock of the waiter
// so that the link, the owner and the owner's being an owner stand still together. A result without
// a task to run means: pick again.
//
//  row  condition                                outcome
//   1   no link: its wait was ended, its wakeup  p is curr: run it (kIdle if it may not execute
//       is in flight                             here any more). Else it leaves the runqueue, for
//                                                the wakeup to place it (kDeactivated)
//   2   the link changed since the unlocked      kPickAgain
//       look
//   3   p is curr                                remembered: its stack is in use until the switch,
//                                                so it is neither parked nor moved (E17)
//   4   nobody to lend to: an event without a    p leaves the runqueue (kDeactivated)
//       helper
//       the same: the lock is free               p may run here: kRunWaiter. Else (curr: kIdle) the
//                                                first waiter is woken and p lends to it as to an
//                                                owner (E49)
//   5   owner off its runqueue                   kParked (curr in chain: kIdle)
//   6a  owner runs elsewhere, donor does not     kLinked (curr in chain: kIdle)
//       outrank that CPU's donor
//   6b  owner on another CPU                     kMigrated (curr in chain: kIdle)
//   7   owner on its way between CPUs, or about  kIdle, so that it can arrive
//       to leave an offline one
//   8   owner no longer queued here              cannot be: a task comes to this CPU, and leaves
//                                                it, under rq.lock alone, which we hold (E21,
//                                                E22)
//   9   this walk has met the owner before (p's  kCycle: a deadlock. The task that closed it
//       own lock, waited for with a time limit,  reports it; if one of its waits has a time limit,
//       is the shortest cycle)                   nobody does. p hangs on the owner, so that those
//                                                upstream park in turn, until one wait ends
//  10   otherwise                                owner.blocked_donor = p; go on with the owner
//  end  p not blocked                            kRunOwner
//
// Row 5 comes before row 6 (never migrate only to find the owner asleep, E40); the owner's CPU is
// read once (E22). Upholds invariants 1, 4, 6, 7, 9, 24, 29, 45.
template <Platform P>
typename Scheduler<P>::Walk Scheduler<P>::find_proxy_task(Runqueue& rq,
                                                          Task& donor) requires(P::kProxyExec) {
  ++rq.proxy.walks;
  ++rq.walk_epoch;
  const std::uint64_t mark = walk_mark_of(rq);
  Task& curr = *rq.curr.load(std::memory_order_relaxed);
  bool curr_in_chain = false;
  Task* p = &donor;
  Anchor anchor(platform_);
  while (waits(*p)) {
    Waitable* on = p->blocked_on.load(std::memory_order_acquire);
    if (on == nullptr) {  // row 1
      cover(platform_, p == &curr ? Way::kRow1Self : Way::kRow1Other);
      const bool may_run = may_use(*p, rq.cpu) || mutant(platform_, Mutant::kE25);
      if (p == &curr) return may_run ? run_waiter(rq, *p) : proxy_idle(rq);
      if (mutant(platform_, Mutant::kE35)) return run_waiter(rq, *p);
      return proxy_deactivate(rq, *p, ProxyOutcome::kDeactivated);
    }
    // p is queued here and blocked: it cannot leave the wait list, so the waitable stays.
    Guard wait_guard(on->wait_lock);
    {
      Guard blocked_guard(p->blocked_lock);
      if (p->blocked_on.load(std::memory_order_relaxed) != on) {  // row 2
        cover(platform_, Way::kRow2);
        return {ProxyOutcome::kPickAgain};
      }
    }
    if (p == &curr) curr_in_chain = true;  // row 3
    Task* owner = on->next(*p);
    if (owner == nullptr && on->kind == WaitableKind::kEvent) {  // row 4
      cover(platform_, Way::kRow4Leave);
      return proxy_deactivate(rq, *p, ProxyOutcome::kDeactivated);
    }
    if (owner == nullptr) {
      const bool at_home = p->cpu.load(std::memory_order_relaxed) == p->wake_cpu.get();
      if ((may_use(*p, rq.cpu) && (p == &curr || at_home)) || mutant(platform_, Mutant::kE26)) {
        cover(platform_, Way::kRow4Run);
        (void)satisfy(*p, *on, WaitEnd::kNone);
        return run_waiter(rq, *p);
      }
      if (p == &curr) return proxy_idle(rq);
      if (mutant(platform_, Mutant::kE49))
        return proxy_deactivate(rq, *p, ProxyOutcome::kDeactivated);
      cover(platform_, Way::kRow4Lend);
      owner = on->waiters.first();
      observe(platform_, owner);
      if (satisfy(*owner, *on, WaitEnd::kNone)) defer_wake(rq.deferred_wakes, *owner);
      if (owner == p) return proxy_deactivate(rq, *p, ProxyOutcome::kDeactivated);
    }
    const OnRq owner_on_rq = owner->on_rq.load(std::memory_order_seq_cst);
    if (owner_on_rq == OnRq::kNo) {  // row 5
      if (curr_in_chain && !mutant(platform_, Mutant::kE17a)) return proxy_idle(rq);
      Task& parked = mutant(platform_, Mutant::kE57) ? donor : *p;
      if (!hang_on(rq, parked, *owner, Hang::kPark)) return {ProxyOutcome::kPickAgain};
      ++rq.proxy.parks;
      cover(platform_, Way::kRow5);
      return {ProxyOutcome::kParked};
    }
    const int owner_cpu = owner->cpu.load(std::memory_order_acquire);
    if (owner_on_rq == OnRq::kMigrating) {  // row 7
      cover(platform_, Way::kRow7);
      if (mutant(platform_, Mutant::kE24)) return {ProxyOutcome::kPickAgain};
      return proxy_idle(rq);
    }
    if (owner_cpu != rq.cpu) {  // row 6
      if (curr_in_chain && !mutant(platform_, Mutant::kE17b)) return proxy_idle(rq);
      const bool leaves = !is_online(owner_cpu);
      const bool runs = this->rq(owner_cpu).curr.load(std::memory_order_seq_cst) == owner;
      if (leaves && !runs) return proxy_idle(rq);
      if (runs && (leaves || donor.rank().value() <=
                                 this->rq(owner_cpu).donor_rank.load(std::memory_order_relaxed))) {
        if (!hang_on(rq, *p, *owner, Hang::kLink)) return {ProxyOutcome::kPickAgain};
        ++rq.proxy.links;
        cover(platform_, Way::kRow6Link);
        return {ProxyOutcome::kLinked};
      }
      cover(platform_, Way::kRow6Migrate);
      return proxy_migrate(rq, donor, *p, owner_cpu);
    }
    PX_DCHECK(owner->on_rq.load(std::memory_order_relaxed) == OnRq::kQueued,
              "who is on this CPU is queued here while rq.lock is held");  // row 8
    p->walk_mark = mark;
    if (owner->walk_mark == mark && !mutant(platform_, Mutant::kE13)) {  // row 9
      if (curr_in_chain && !mutant(platform_, Mutant::kE17c)) return proxy_idle(rq);
      ++rq.proxy.cycles;
      cover(platform_, Way::kRow9);
      (void)hang_on(rq, *p, *owner, Hang::kCycle);
      return {ProxyOutcome::kCycle};
    }
    ++rq.proxy.hops;
    cover(platform_, Way::kRow10);
    owner->blocked_donor.set(p);  // row 10
    p = owner;
    anchor.again();
    observe(platform_, p);
    observe(platform_, curr_in_chain);
  }
  cover(platform_, Way::kRowEnd);
  return {ProxyOutcome::kRunOwner, p};
}

}  // namespace px::core
