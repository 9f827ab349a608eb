// Timers of waiting tasks, and the tick that expires them.
#pragma once

#include "core/scheduler.hpp"

namespace px::core {

// On the calling CPU's queue. Preemption off.
template <Platform P>
void Scheduler<P>::arm_timer(Task& task, Nanos when_ns) {
  if (when_ns == kNever) return;
  Frame frame(platform_);
  Runqueue& queue = this_rq();
  Guard guard(queue.timer_lock);
  auto& timer = task.timer;
  PX_CHECK(!timer.armed, "a task has one timer");
  timer.when_ns = when_ns;
  timer.cpu = queue.cpu;
  timer.armed = true;
  queue.timers.insert(timer);
  if (queue.timers.first() == &timer) {
    queue.timer_at.store(when_ns, std::memory_order_relaxed);
    platform_.arm(queue.cpu, next_expiry(queue.cpu));
  }
}

// After it returns the timer does not end any wait of this task any more. Called by the task
// itself, so timer.cpu stands still.
template <Platform P>
void Scheduler<P>::cancel_timer(Task& task) {
  Frame frame(platform_);
  auto& timer = task.timer;
  if (timer.cpu < 0) return;  // never armed
  observe(platform_, timer.cpu);
  Runqueue& queue = rq(timer.cpu);
  Guard guard(queue.timer_lock);
  if (!timer.armed) return;
  timer.armed = false;
  queue.timers.remove(timer);
  const auto* first = queue.timers.first();
  queue.timer_at.store(first != nullptr ? first->when_ns : kNever, std::memory_order_relaxed);
}

template <Platform P>
bool Scheduler<P>::expire_first(int cpu, Nanos now_ns) {
  Frame frame(platform_);
  Runqueue& queue = rq(cpu);
  Task* task = nullptr;
  bool ended = false;
  {
    Guard guard(queue.timer_lock);
    auto* timer = queue.timers.first();
    if (timer == nullptr || timer->when_ns > now_ns) return frame.returns(false);
    queue.timers.remove(*timer);
    timer->armed = false;
    task = timer->task;
    observe(platform_, task);
    const auto* next = queue.timers.first();
    queue.timer_at.store(next != nullptr ? next->when_ns : kNever, std::memory_order_relaxed);
    // Under timer_lock, so that a timer that is not armed any more ends no later wait.
    WaitEnd expected = WaitEnd::kNone;
    ended = task->wait_end.compare_exchange_strong(
        expected, WaitEnd::kTimedOut, std::memory_order_seq_cst, std::memory_order_seq_cst);
  }
  if (ended) {
    drop_link(*task);
    wake(*task);
  }
  return frame.returns(true);
}

template <Platform P>
void Scheduler<P>::tick_slice() {
  Frame frame(platform_);
  Runqueue& queue = this_rq();
  Guard guard(queue.lock);
  charge(queue);
  if (queue.classes.has_budgets()) [[unlikely]]
    replenish_due(queue);
  update_slice(queue);
}

template <Platform P>
void Scheduler<P>::tick() {
  Frame frame(platform_);
  const int cpu = platform_.this_cpu();
  const Nanos now = platform_.now();
  while (expire_first(cpu, now)) {
  }
  tick_slice();
}

}  // namespace px::core
