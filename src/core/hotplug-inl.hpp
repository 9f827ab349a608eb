// CPU hotplug: offline() drains a CPU and online() brings it back, at any time.
//
// An offline CPU is chosen by no placement and by no balancing, and whoever arrives on it all the
// same (its target was chosen before) is placed anew (lock_online). Its idle task stays and serves
// the timers that were armed there; they end waits, which wake tasks on other CPUs.
//
//   what is on the CPU                  what becomes of it
//   queued and able to run              placed on another CPU, by ordinary placement
//   queued and blocked                  its context goes to another CPU and walks from there
//   running                             leaves at its next schedule(), which is asked for at once
//   hangs on an owner, sleeps           nothing: it is placed when it wakes
//   on its way here                     arrives elsewhere
//
// A task whose affinity names no CPU that is online strays: it may use any that is, until one of
// its own is back; then it is sent there. Its affinity stays what it is.
//
// Lock order: one runqueue lock at a time; no other lock is held.
#pragma once

#include "core/scheduler.hpp"

namespace px::core {

template <Platform P>
bool Scheduler<P>::strays(const Task& task) const {
  if (offline_.load(std::memory_order_seq_cst) == 0) [[likely]]
    return false;
  for (int cpu = task.affinity.next(-1); cpu >= 0 && cpu < cpus_; cpu = task.affinity.next(cpu)) {
    if (is_online(cpu)) return false;
  }
  return true;
}

template <Platform P>
bool Scheduler<P>::may_use(const Task& task, int cpu) const {
  return is_online(cpu) && (task.affinity.has(cpu) || strays(task));
}

// The queue of `cpu`, locked; of another CPU that is online if that one has gone meanwhile. No
// runqueue lock held.
template <Platform P>
typename Scheduler<P>::Runqueue& Scheduler<P>::lock_online(const Task& task, int cpu) {
  Anchor anchor(platform_);
  for (;;) {
    anchor.again();
    observe(platform_, cpu);
    Runqueue& queue = rq(cpu);
    queue.lock.lock();
    if (is_online(cpu)) return queue;
    queue.lock.unlock();
    cpu = select_cpu(task, -1);
  }
}

// Everything queued on `rq` but the task that runs there, or only what may not run there and is
// able to run: off the queue, in front of `list`. rq.lock held, charged.
template <Platform P>
void Scheduler<P>::take_away(Runqueue& rq, bool all, Task*& list) {
  Task* chosen = nullptr;
  const Task* curr = rq.curr.load(std::memory_order_relaxed);
  rq.classes.for_each_queued([&](SchedContext& context) {
    Task& task = *task_of<P>(&context);
    if (&task == curr) return;
    if (!all && (task.is_blocked.get() || may_use(task, rq.cpu))) return;
    task.deferred_next = chosen;
    chosen = &task;
  });
  while (chosen != nullptr) {
    Task& task = *chosen;
    chosen = task.deferred_next;
    observe(platform_, &task);
    observe(platform_, chosen);
    const int target = select_cpu(task, -1);
    depart(rq, task, target, task.is_blocked.get());
    task.deferred_next = list;
    list = &task;
  }
}

template <Platform P>
Hotplug Scheduler<P>::offline(int cpu) {
  PX_CHECK(cpu >= 0 && cpu < cpus_, "no such CPU");
  Frame frame(platform_);
  platform_.preempt_disable();
  Hotplug result = Hotplug::kDone;
  Task* moves = nullptr;
  // The place of this CPU among those that may be offline at a time; one stays.
  if (offline_.fetch_add(1, std::memory_order_seq_cst) >= cpus_ - 1) {
    offline_.fetch_add(-1, std::memory_order_seq_cst);
    result = is_online(cpu) ? Hotplug::kLastCpu : Hotplug::kNoChange;
  } else {
    Runqueue& queue = rq(cpu);
    Guard guard(queue.lock);
    if (!is_online(cpu)) {
      offline_.fetch_add(-1, std::memory_order_seq_cst);
      result = Hotplug::kNoChange;
    } else {
      queue.offline.store(true, std::memory_order_seq_cst);
      charge(queue);
      take_away(queue, true, moves);
      resched(queue);
    }
  }
  if (moves != nullptr) deliver_moves(moves);
  preempt_enable();
  return frame.returns(result);
}

template <Platform P>
Hotplug Scheduler<P>::online(int cpu) {
  PX_CHECK(cpu >= 0 && cpu < cpus_, "no such CPU");
  Frame frame(platform_);
  platform_.preempt_disable();
  Hotplug result = Hotplug::kNoChange;
  {
    Runqueue& queue = rq(cpu);
    Guard guard(queue.lock);
    if (!is_online(cpu)) {
      result = Hotplug::kDone;
      queue.offline.store(false, std::memory_order_seq_cst);
      offline_.fetch_add(-1, std::memory_order_seq_cst);
      resched(queue);  // it looks around for work
    }
  }
  if (result == Hotplug::kDone) {
    for (int other = 0; other < cpus_; ++other) {
      if (other != cpu) call_home(other);
    }
  }
  preempt_enable();
  return frame.returns(result);
}

// Who strays on `cpu` and has a CPU of its own again goes there; who runs leaves at its next
// schedule(). No lock held.
template <Platform P>
void Scheduler<P>::call_home(int cpu) {
  Frame frame(platform_);
  Task* moves = nullptr;
  {
    Runqueue& queue = rq(cpu);
    Guard guard(queue.lock);
    charge(queue);
    take_away(queue, false, moves);
    const Task& curr = *queue.curr.load(std::memory_order_relaxed);
    if (!curr.is_idle && !may_use(curr, cpu)) resched(queue);
  }
  if (moves != nullptr) deliver_moves(moves);
}

template <Platform P>
bool Scheduler<P>::is_drained(int cpu) const {
  const Runqueue& queue = rq(cpu);
  return !is_online(cpu) && queue.nr_queued.load(std::memory_order_acquire) == 0 &&
         queue.curr.load(std::memory_order_acquire) == queue.idle;
}

}  // namespace px::core
