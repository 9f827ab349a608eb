// Changes at any time: yield, affinity, scheduling parameters.
#pragma once

#include "core/scheduler.hpp"

namespace px::core {

template <Platform P>
void Scheduler<P>::yield() {
  platform_.preempt_disable();
  schedule(ScheduleMode::kYield);
  preempt_enable();
}

template <Platform P>
bool Scheduler<P>::set_affinity(Task& task, const CpuMask& mask) {
  platform_.preempt_disable();
  Task* moved = nullptr;
  bool possible = false;
  for (int cpu = mask.next(-1); cpu >= 0 && cpu < cpus_; cpu = mask.next(cpu)) {
    possible = possible || is_online(cpu);
  }
  if (possible) {
    Guard guard(task.task_lock);
    Runqueue* queue = lock_task_rq(task).queue;
    task.affinity = mask;
    task.pinned = mask.count() == 1;
    if (queue != nullptr) {
      count(*queue, task);
      note_waiting(*queue);
      // A blocked context may stay where it lends: it is placed anew when it wakes.
      const bool lends = task.is_blocked.get() && !mutant(platform_, Mutant::kE68);
      if (!may_use(task, queue->cpu) && !lends) {
        charge(*queue);
        if (queue->curr.load(std::memory_order_relaxed) == &task) {
          resched(*queue);  // schedule() sends it away
        } else {            // also a donor that has just been woken and does not run yet
          task.migrate_to = select_cpu(task, -1);
          task.proxy_move = false;
          deactivate(*queue, task, policy::Dequeue::kMigrate, OnRq::kMigrating);
          if (mutant(platform_, Mutant::kE21)) {
            task.cpu.store(task.migrate_to, std::memory_order_release);
          }
          moved = &task;
        }
      } else if (queue->curr.load(std::memory_order_relaxed) != &task &&
                 out_of_balance(*queue, task)) {
        resched(*queue);  // it may go where it could not before
      }
      queue->lock.unlock();
    }
  }
  if (moved != nullptr) {
    moved->deferred_next = nullptr;
    deliver_moves(moved);
  }
  preempt_enable();
  return possible;
}

template <Platform P>
void Scheduler<P>::set_params(Task& task, const policy::Params& params) {
  platform_.preempt_disable();
  {
    Guard guard(task.task_lock);
    Runqueue* queue = lock_task_rq(task).queue;
    if (queue == nullptr) {
      policy::set_params(task.se, params);
      task.note_rank();
    } else {
      charge(*queue);
      const bool pays = queue->donor.load(std::memory_order_relaxed) == &task;
      queue->classes.dequeue(task.se, policy::Dequeue::kSave, queue->clock_ns);
      policy::set_params(task.se, params);
      task.note_rank();
      queue->classes.enqueue(task.se, policy::Enqueue::kRestore, queue->clock_ns);
      count(*queue, task);
      publish_queued(*queue);
      if (pays) {
        queue->classes.set_current(task.se, queue->clock_ns);
        queue->donor_rank.store(task.rank().value(), std::memory_order_relaxed);
        note_waiting(*queue);
        resched(*queue);
      } else {
        note_waiting(*queue);
        preempt_check(*queue, task);
      }
      queue->lock.unlock();
    }
    // Its place among the waiters follows its rank. The link pins the waitable; wait_lock is only
    // tried, against the lock order.
    Anchor anchor(platform_);
    for (;;) {
      anchor.again();
      {
        Guard blocked_guard(task.blocked_lock);
        Waitable* on = task.blocked_on.load(std::memory_order_acquire);
        if (on == nullptr) break;
        if (on->wait_lock.try_lock()) {
          if (!mutant(platform_, Mutant::kM25)) {
            on->waiters.remove(task);
            on->waiters.insert(task, task.rank());
          }
          on->wait_lock.unlock();
          break;
        }
      }
      platform_.relax();
    }
  }
  preempt_enable();
}

}  // namespace px::core
