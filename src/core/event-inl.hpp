// Waiting for events and notifying; the rules are in event.hpp.
#pragma once

#include "core/event.hpp"
#include "core/scheduler.hpp"

namespace px::core {

template <typename P>
template <typename Ready, typename Queued>
WaitEnd Event<P>::wait(Scheduler& scheduler, Task& me, Edge edge, Nanos deadline_ns, Ready ready,
                       Queued queued) {
  P& platform = scheduler.platform();
  platform.preempt_disable();
  this->wait_lock.lock();
  WaitEnd end = WaitEnd::kNotified;
  Task* wakes = nullptr;
  if (!ready(wakes)) {
    scheduler.open_wait(me, deadline_ns != kNever);
    this->waiters.insert(me, me.noted_rank());
    scheduler.arm_timer(me, deadline_ns);
    this->wait_lock.unlock();
    queued();
    this->wait_lock.lock();
    end = wait_for_end(scheduler, me, edge);
    this->waiters.remove(me);
  }
  this->wait_lock.unlock();
  observe(platform, wakes);
  scheduler.deliver_wakes(wakes);
  scheduler.cancel_timer(me);
  // Others may have hung on us as on a link of the chain that we leave.
  scheduler.activate_parked(me);
  scheduler.preempt_enable();
  return end;
}

// Entered and left with wait_lock held.
template <typename P>
WaitEnd Event<P>::wait_for_end(Scheduler& scheduler, Task& me, Edge edge) {
  P& platform = scheduler.platform();
  Frame frame(platform);
  Anchor anchor(platform);
  for (;;) {
    anchor.again();
    const WaitEnd end = me.wait_end.load(std::memory_order_acquire);
    if (end != WaitEnd::kNone) return frame.returns(end);
    scheduler.begin_wait(me, *this, edge);
    const Task* helper = representative(me);
    platform.trace(trace::EventKind::kBlock, me.id, helper != nullptr ? helper->id : trace::kNoTask,
                   this->id);
    this->wait_lock.unlock();
    scheduler.activate_parked(me);
    (void)scheduler.block(me);
    this->wait_lock.lock();
    (void)scheduler.end_link(me);
  }
}

template <typename P>
template <typename Read>
void Event<P>::look(Scheduler& scheduler, Read read) {
  scheduler.platform().preempt_disable();
  {
    Guard guard(this->wait_lock);
    read();
  }
  scheduler.preempt_enable();
}

template <typename P>
int Event<P>::end_waits(Scheduler& scheduler, int count, WaitEnd why, Task*& wakes) {
  P& platform = scheduler.platform();
  Frame frame(platform);
  int left = count;
  Task* waiter = this->waiters.first();
  for (; waiter != nullptr && left > 0; waiter = waiter->wait_node.next) {
    observe(platform, waiter);
    observe(platform, left);
    if (!scheduler.claim(*waiter, why)) continue;
    scheduler.defer_wake(wakes, *waiter);
    --left;
  }
  return frame.returns(left);
}

template <typename P>
template <typename Count, typename Rest>
void Event<P>::notify(Scheduler& scheduler, WaitEnd why, Count count, Rest rest) {
  change(scheduler, [&](Task*& wakes) { rest(end_waits(scheduler, count(), why, wakes)); });
}

template <typename P>
template <typename Body>
void Event<P>::change(Scheduler& scheduler, Body body) {
  P& platform = scheduler.platform();
  platform.preempt_disable();
  Task* wakes = nullptr;
  {
    Guard guard(this->wait_lock);
    body(wakes);
  }
  // From here on the event may be gone.
  observe(platform, wakes);
  scheduler.deliver_wakes(wakes);
  scheduler.preempt_enable();
}

template <typename P>
void Event<P>::wake_all(Scheduler& scheduler, Task*& wakes) {
  Task* waiter = this->waiters.first();
  for (; waiter != nullptr; waiter = waiter->wait_node.next) {
    observe(scheduler.platform(), waiter);
    if (scheduler.satisfy(*waiter, *this, WaitEnd::kNone)) scheduler.defer_wake(wakes, *waiter);
  }
}

template <typename P>
void Event<P>::link(Helper& helper) {
  helper.next = helpers_;
  helpers_ = &helper;
}

template <typename P>
void Event<P>::unlink(Helper& helper) {
  Helper** at = &helpers_;
  while (*at != nullptr && *at != &helper) at = &(*at)->next;
  if (*at == &helper) *at = helper.next;
}

template <typename P>
void Event<P>::add_helper(Scheduler& scheduler, Helper& helper) {
  change(scheduler, [&](Task*& wakes) {
    link(helper);
    wake_all(scheduler, wakes);
  });
}

template <typename P>
void Event<P>::remove_helper(Scheduler& scheduler, Helper& helper) {
  change(scheduler, [&](Task*& wakes) {
    unlink(helper);
    // They hung on the helper as waiters that it does not serve any more.
    wake_all(scheduler, wakes);
  });
}

template <typename P>
typename Event<P>::Task* Event<P>::representative(const Task& waiter) const {
  Task* best = nullptr;
  bool best_runs = false;
  for (const Helper* helper = helpers_; helper != nullptr; helper = helper->next) {
    Task& task = *helper->task;
    if (&task == &waiter) continue;
    const bool runs = task.on_rq.load(std::memory_order_relaxed) != OnRq::kNo;
    if (best != nullptr && (best_runs > runs || (best_runs == runs && !task.noted_rank().outranks(
                                                                          best->noted_rank())))) {
      continue;
    }
    best = &task;
    best_runs = runs;
  }
  return best;
}

template <typename P>
typename Event<P>::Helper* Event<P>::helper_of(const Task& task) const {
  Helper* helper = helpers_;
  while (helper != nullptr && helper->task != &task) helper = helper->next;
  return helper;
}

template <typename P>
int Event<P>::helper_place(const Task& task) const {
  int place = 1;
  for (const Helper* helper = helpers_; helper != nullptr; helper = helper->next, ++place) {
    if (helper->task == &task) return place;
  }
  return 0;
}

}  // namespace px::core
