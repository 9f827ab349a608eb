// schedule(), the switch, accounting. The runqueue lock is taken in schedule() and released by
// whoever runs next, in finish_switch().
#pragma once

#include "core/scheduler.hpp"

namespace px::core {

template <Platform P>
Scheduler<P>::Scheduler(P& platform, const SchedulerOptions& options, Runqueue* const* runqueues)
    : platform_(platform),
      proxy_enabled_(options.proxy_exec),
      cpus_(options.cpus),
      runqueues_(runqueues),
      all_(CpuMask::first(options.cpus)),
      migration_cost_ns_(options.migration_cost_ns),
      admission_(options.deadline_admission ? options.tunables.deadline_limit_percent : 0,
                 options.cpus) {
  PX_CHECK(options.cpus >= 1 && options.cpus <= kMaxCpus, "number of CPUs out of range");
  for (int cpu = 0; cpu < cpus_; ++cpu) {
    auto& queue = rq(cpu);
    queue.cpu = cpu;
    if (options.llc_cpus > 0) queue.llc = cpu / options.llc_cpus;
    queue.timer_at.store(kNever, std::memory_order_relaxed);
    queue.slice_at.store(kNever, std::memory_order_relaxed);
  }
}

template <Platform P>
void Scheduler<P>::set_idle(int cpu, Task& idle) {
  auto& queue = rq(cpu);
  idle.is_idle = true;
  idle.se.class_id = policy::ClassId::kIdle;
  idle.state.store(TaskState::kRunnable, std::memory_order_relaxed);
  idle.on_rq.store(OnRq::kQueued, std::memory_order_relaxed);
  idle.on_cpu.store(true, std::memory_order_relaxed);
  idle.cpu.store(cpu, std::memory_order_relaxed);
  idle.affinity = CpuMask::only(cpu);
  queue.idle = &idle;
  queue.curr.store(&idle, std::memory_order_relaxed);
  queue.donor.store(&idle, std::memory_order_relaxed);
  queue.donor_rank.store(policy::Rank::idle().value(), std::memory_order_relaxed);
  queue.exec_start_ns = queue.clock_ns = platform_.now();
}

// Charges the time since the last charge to the (donor, curr) pair that was in force all along
// (invariant 37): what decides goes to the donor, what reports goes to the task that ran. If the
// donor was taken away under a running task, the task pays for the rest itself, outside its class.
template <Platform P>
void Scheduler<P>::charge(Runqueue& rq) {
  Frame frame(platform_);
  const Nanos now = platform_.now();
  const Nanos ran = now - rq.exec_start_ns;
  observe(platform_, ran);
  rq.clock_ns = now;
  rq.exec_start_ns = now;
  if (ran <= 0) return;
  Task& curr = *rq.curr.load(std::memory_order_relaxed);
  if (curr.is_idle) {
    rq.idle_ns += ran;
    return;
  }
  Task& donor = *rq.donor.load(std::memory_order_relaxed);
  (mutant(platform_, Mutant::kE69) ? donor : curr).times.executed_ns += ran;
  if (donor.is_idle) [[unlikely]] {
    curr.se.charged_ns += ran;
    return;
  }
  donor.se.charged_ns += ran;
  if (&donor != &curr) {
    donor.times.donated_ns += ran;
    curr.times.received_ns += ran;
  }
  if (rq.classes.charge(donor.se, ran, now)) resched(rq);  // also of another CPU: it is told
}

// For other CPUs, which look without the lock.
template <Platform P>
void Scheduler<P>::publish_queued(Runqueue& rq) {
  rq.nr_queued.store(rq.classes.ready(), std::memory_order_relaxed);
  if (cpus_ > 1) rq.fair_load.store(rq.classes.fair().weight(), std::memory_order_relaxed);
}

template <Platform P>
void Scheduler<P>::activate(Runqueue& rq, Task& task, policy::Enqueue why) {
  rq.classes.enqueue(task.se, why, rq.clock_ns);
  publish_queued(rq);
  count(rq, task);
  note_waiting(rq);
  if (task.se.class_id == policy::ClassId::kDeadline) [[unlikely]]
    rerank(task);
  // Sequentially consistent, partner: hang_on(). Either the parker sees us queued, or we see it
  // parked.
  task.on_rq.store(OnRq::kQueued, std::memory_order_seq_cst);
}

// After the last store here the task may be placed elsewhere at once: first every reference to it
// goes (E15), then `on_rq`, and nothing touches the task afterwards.
template <Platform P>
void Scheduler<P>::deactivate(Runqueue& rq, Task& task, policy::Dequeue why, OnRq to) {
  if (mutant(platform_, Mutant::kE15)) task.on_rq.store(to, std::memory_order_release);
  rq.classes.dequeue(task.se, why, rq.clock_ns);
  publish_queued(rq);
  if (task.se.dl.lingers) [[unlikely]]
    task.se.dl.lingers_on = rq.cpu;
  if (rq.donor.load(std::memory_order_relaxed) == &task) {
    rq.donor.store(rq.idle, std::memory_order_relaxed);
    if (!mutant(platform_, Mutant::kE76)) {
      rq.donor_rank.store(policy::Rank::idle().value(), std::memory_order_relaxed);
    }
  }
  count(rq, task);
  note_waiting(rq);
  task.on_rq.store(to, std::memory_order_release);
}

// Asks the CPU to choose again. rq.lock held.
template <Platform P>
void Scheduler<P>::resched(Runqueue& rq) {
  if (rq.need_resched.load(std::memory_order_relaxed) != 0) return;
  rq.need_resched.store(1, std::memory_order_seq_cst);
  if (rq.cpu != platform_.this_cpu()) {
    platform_.kick(rq.cpu, rq.classes.realtime().queued() > 0 || rq.classes.deadline().ready() > 0);
  }
}

template <Platform P>
void Scheduler<P>::resched_current() {
  if (mutant(platform_, Mutant::kE48)) return;
  this_rq().need_resched.store(1, std::memory_order_relaxed);
}

// `woken` has just been enqueued or made runnable here. rq.lock held, charged.
template <Platform P>
void Scheduler<P>::preempt_check(Runqueue& rq, Task& woken) {
  Task& donor = *rq.donor.load(std::memory_order_relaxed);
  if (&donor == &woken) {
    // The current donor waits no longer: the boost of whoever runs on it ends at once (E48).
    if (rq.curr.load(std::memory_order_relaxed) != &woken && !mutant(platform_, Mutant::kE48)) {
      cover(platform_, Way::kWakeEndsBoost);
      resched(rq);
    }
  } else if (rq.classes.preempts(woken.se, donor.se, rq.clock_ns) &&
             !(mutant(platform_, Mutant::kD04) && woken.se.class_id != donor.se.class_id &&
               woken.se.class_id == policy::ClassId::kDeadline)) {
    resched(rq);
  } else if (out_of_balance(rq, woken)) {
    resched(rq);
  } else {
    update_slice(rq);
  }
}

// The paying context's slice ends only if another context waits; so a CPU with one runnable task
// has no slice timer at all. A budget always ends, and throttled ones are always filled.
template <Platform P>
void Scheduler<P>::update_slice(Runqueue& rq) {
  const Task& donor = *rq.donor.load(std::memory_order_relaxed);
  Nanos end = donor.is_idle ? kNever : rq.classes.slice_end(donor.se, rq.clock_ns);
  if (rq.classes.has_budgets()) [[unlikely]]
    end = std::min(end, rq.classes.next_event());
  rq.slice_at.store(end, std::memory_order_relaxed);
  platform_.arm(rq.cpu, std::min(end, rq.timer_at.load(std::memory_order_relaxed)));
}

template <Platform P>
Nanos Scheduler<P>::next_expiry(int cpu) const {
  const auto& queue = rq(cpu);
  return std::min(queue.slice_at.load(std::memory_order_relaxed),
                  queue.timer_at.load(std::memory_order_relaxed));
}

template <Platform P>
void Scheduler<P>::set_donor(Runqueue& rq, Task& donor) {
  Task& before = *rq.donor.load(std::memory_order_relaxed);
  if (&before == &donor) return;
  if (!before.is_idle) rq.classes.put_current(before.se, rq.clock_ns);
  rq.donor.store(&donor, std::memory_order_relaxed);
  rq.donor_rank.store(donor.rank().value(), std::memory_order_relaxed);
  if (!donor.is_idle) rq.classes.set_current(donor.se, rq.clock_ns);
  note_waiting(rq);
}

// The task wants to stop running. If it waits for something that is lent to, it stays queued as a
// donor; that is the heart of proxy execution. Otherwise it leaves the runqueue. rq.lock held.
template <Platform P>
void Scheduler<P>::try_to_block(Runqueue& rq, Task& prev) {
  const auto state = prev.state.load(std::memory_order_seq_cst);
  if (state == TaskState::kDead) {
    release_bandwidth(rq, prev);
    deactivate(rq, prev, policy::Dequeue::kEnd, OnRq::kNo);
    return;
  }
  if (state != TaskState::kSleeping) {  // woken since it decided to wait
    cover(platform_, Way::kBlockWoken);
    return;
  }
  prev.is_blocked.set(true);
  if (rq.classes.has_budgets()) [[unlikely]]
    prev.se.dl.yielded = false;
  // The waitable outlives this look at it: `prev` is among its waiters until it runs again.
  const Waitable* on = prev.blocked_on.load(std::memory_order_acquire);
  if (lends(on) || (on != nullptr && mutant(platform_, Mutant::kE42))) {
    cover(platform_, Way::kBlockLends);
    count(rq, prev);
    note_waiting(rq);
    return;
  }
  cover(platform_, Way::kBlockLeaves);
  platform_.trace(trace::EventKind::kSleep, prev.id, trace::kNoTask, 0);
  deactivate(rq, prev, policy::Dequeue::kSleep, OnRq::kNo);
}

// A running task that may no longer run here is on its way to a CPU that it may use.
template <Platform P>
void Scheduler<P>::leave_if_not_allowed(Runqueue& rq, Task& prev) {
  // Off the queue, this lock does not guard the task any more.
  if (prev.is_idle || prev.on_rq.load(std::memory_order_relaxed) != OnRq::kQueued) return;
  const bool offline = rq.offline.load(std::memory_order_relaxed);
  if (!offline && prev.affinity.has(rq.cpu) && !prev.strayed) [[likely]]
    return;
  if (may_use(prev, rq.cpu) || prev.is_blocked.get()) {
    stay(rq, prev);
    return;
  }
  depart(rq, prev, select_cpu(prev, rq.cpu), false);
  if (mutant(platform_, Mutant::kE21)) prev.cpu.store(prev.migrate_to, std::memory_order_release);
  prev.deferred_next = rq.deferred_moves;
  rq.deferred_moves = &prev;
}

// The execution context to run: picks a donor and, where it is blocked, walks to its chain's end.
template <Platform P>
Task<P>* Scheduler<P>::pick_next(Runqueue& rq) {
  Anchor anchor(platform_);
  for (;;) {
    anchor.again();
    SchedContext* best = rq.classes.pick(rq.clock_ns);
    Task& donor = best != nullptr ? *task_of<P>(best) : *rq.idle;
    observe(platform_, &donor);
    set_donor(rq, donor);
    Task* run = &donor;
    if constexpr (P::kProxyExec) {
      if (waits(donor)) [[unlikely]] {
        Frame frame(platform_);
        run = frame.returns(find_proxy_task(rq, donor).run);
        if (run == nullptr) continue;
      }
    }
    if (platform_.can_run(*run)) [[likely]]
      return run;
    set_aside(rq, *run);
  }
}

// A runnable task whose execution context cannot be had here yet sleeps until it can; those who
// lend to it park on it.
template <Platform P>
void Scheduler<P>::set_aside(Runqueue& rq, Task& task) {
  task.state.store(TaskState::kSleeping, std::memory_order_relaxed);
  task.is_blocked.set(true);
  deactivate(rq, task, policy::Dequeue::kSleep, OnRq::kNo);
  if (platform_.await_turn(task)) defer_wake(rq.deferred_wakes, task);
}

template <Platform P>
void Scheduler<P>::schedule(ScheduleMode mode) {
  Frame frame(platform_);
  platform_.before_pick();
  Runqueue& rq = this_rq();
  rq.lock.lock();
  Task& prev = *rq.curr.load(std::memory_order_relaxed);
  const Task* donor_before = rq.donor.load(std::memory_order_relaxed);
  charge(rq);
  if (mode == ScheduleMode::kBlock) {
    try_to_block(rq, prev);
  } else if (mode == ScheduleMode::kYield && !donor_before->is_idle &&
             !(mutant(platform_, Mutant::kE71) && donor_before != &prev)) {
    // A proxy's yield yields the donor: else the same donor would be picked again for ever (E71).
    rq.classes.yield(rq.donor.load(std::memory_order_relaxed)->se, rq.clock_ns);
  }
  leave_if_not_allowed(rq, prev);
  if (rq.offline.load(std::memory_order_relaxed)) [[unlikely]]
    take_away(rq, true, rq.deferred_moves);
  // Not before try_to_block(): who completes as its budget ends is not throttled.
  if (rq.classes.has_budgets()) [[unlikely]]
    settle_budgets(rq, mode == ScheduleMode::kYield && donor_before != &prev);
  rq.need_resched.store(0, std::memory_order_relaxed);
  Task* next = pick_next(rq);
  if (mutant(platform_, Mutant::kE20)) rq.need_resched.store(0, std::memory_order_relaxed);
  update_slice(rq);
  if (next != &prev) [[likely]] {
    switch_to(rq, prev, *next);
    return;
  }
  if (donor_before != rq.donor.load(std::memory_order_relaxed) && !prev.is_idle) {
    platform_.trace(trace::EventKind::kSwitch, prev.id,
                    rq.donor.load(std::memory_order_relaxed)->id, 0);
  }
  // Orders the new rank before balance_point(), as switch_to() does.
  if (donor_before != rq.donor.load(std::memory_order_relaxed)) {
    rq.curr.store(&prev, std::memory_order_seq_cst);
  }
  Task* wakes = std::exchange(rq.deferred_wakes, nullptr);
  Task* moves = std::exchange(rq.deferred_moves, nullptr);
  Task* boosts = std::exchange(rq.deferred_boosts, nullptr);
  observe(platform_, wakes);
  observe(platform_, moves);
  observe(platform_, boosts);
  const FairLook look = fair_look(rq);
  observe(platform_, static_cast<int>(look));
  rq.lock.unlock();
  deliver_moves(moves);
  deliver_boosts(boosts);
  deliver_wakes(wakes);
  balance_point(rq, look);
}

template <Platform P>
void Scheduler<P>::switch_to(Runqueue& rq, Task& prev, Task& next) {
  PX_DCHECK(!next.is_blocked.get(), "a blocked task never executes (invariant 4)");
  next.on_cpu.store(true, std::memory_order_relaxed);
  if (rq.donor.load(std::memory_order_relaxed) == &next || !mutant(platform_, Mutant::kE77)) {
    next.exec_base.store(rq.clock_ns - next.times.executed_ns, std::memory_order_relaxed);
  }
  // Sequentially consistent, partner: hang_on(). Either a linker sees that `prev` has left, or
  // finish_switch() sees who is linked to it.
  rq.curr.store(&next, std::memory_order_seq_cst);
  rq.switched_from = &prev;
  prev.left_at_ns = rq.clock_ns;
  ++rq.switches;
  platform_.trace(trace::EventKind::kSwitch, next.is_idle ? trace::kIdleTask : next.id,
                  rq.donor.load(std::memory_order_relaxed)->id, 0);
  platform_.switch_context(prev, next);
  finish_switch();
}

// On the stack of the task that was switched to: the previous one's context is out of use now.
template <Platform P>
void Scheduler<P>::finish_switch() {
  Frame frame(platform_);
  Runqueue& rq = this_rq();  // anew: this stack may have come from another CPU
  Task& prev = *std::exchange(rq.switched_from, nullptr);
  observe(platform_, &prev);
  const bool ended = prev.state.load(std::memory_order_relaxed) == TaskState::kDead;
  // Its linked waiters lend to a task that does not run any more: they go to its runqueue and walk
  // again. If it is off the runqueue they stay, parked, until it wakes.
  const bool release_linked = prev.parked_first.load(std::memory_order_seq_cst) != nullptr &&
                              prev.on_rq.load(std::memory_order_relaxed) == OnRq::kQueued;
  Task* wakes = std::exchange(rq.deferred_wakes, nullptr);
  Task* moves = std::exchange(rq.deferred_moves, nullptr);
  Task* boosts = std::exchange(rq.deferred_boosts, nullptr);
  observe(platform_, wakes);
  observe(platform_, moves);
  observe(platform_, boosts);
  const FairLook look = fair_look(rq);
  observe(platform_, static_cast<int>(look));
  prev.on_cpu.store(false, std::memory_order_release);
  if (mutant(platform_, Mutant::kE62) && release_linked) activate_parked(prev);
  rq.lock.unlock();
  if (ended) platform_.retire(prev);
  // Moves first: a wakeup waits for a task on its way, and only we can let it arrive.
  deliver_moves(moves);
  if (release_linked && !mutant(platform_, Mutant::kE56b)) activate_parked(prev);
  deliver_boosts(boosts);
  deliver_wakes(wakes);
  balance_point(rq, look);
}

template <Platform P>
void Scheduler<P>::first_run() {
  finish_switch();
  preempt_enable();
}

template <Platform P>
bool Scheduler<P>::need_resched() {
  return this_rq().need_resched.load(std::memory_order_relaxed) != 0;
}

template <Platform P>
void Scheduler<P>::preempt_enable() {
  Frame frame(platform_);
  platform_.preempt_enable_no_resched();
  if (platform_.preemptible() && need_resched()) [[unlikely]]
    preempt_now();
}

template <Platform P>
void Scheduler<P>::preempt_now() {
  Anchor anchor(platform_);
  do {
    anchor.again();
    platform_.preempt_disable();
    schedule(ScheduleMode::kPreempt);
    platform_.preempt_enable_no_resched();
  } while (need_resched());
}

template <Platform P>
void Scheduler<P>::idle_loop(const typename P::template Atomic<bool>& stop) {
  Anchor anchor(platform_);
  for (;;) {
    anchor.again();
    while (!need_resched()) {
      if (stop.load(std::memory_order_acquire)) return;
      platform_.idle_wait();
      tick();
      anchor.again();
    }
    schedule(ScheduleMode::kPreempt);
  }
}

}  // namespace px::core
