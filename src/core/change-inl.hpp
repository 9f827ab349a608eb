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
    task.pinned = mask.single();
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
          depart(*queue, task, select_cpu(task, -1), false);
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
policy::Admitted Scheduler<P>::set_params(Task& task, const policy::Params& params) {
  policy::Admitted admitted;
  platform_.preempt_disable();
  {
    Guard guard(task.task_lock);
    bool ended = false;
    // Not by what is admitted: a task that ends gives that back under another lock.
    if (std::holds_alternative<policy::DeadlineParams>(params) ||
        std::holds_alternative<policy::DeadlineParams>(task.base_params)) [[unlikely]] {
      ended = task.state.load(std::memory_order_relaxed) == TaskState::kDead;
      Guard admission(admission_lock_);
      if (!ended) admitted = admission_.request(task.se, params, platform_.now());
    }
    if (admitted.granted && !ended) {
      task.base_params = params;
      change_params(task, boosted_params(params, strongest_boost(task)), true);
    }
  }
  if (Task* next = follow_boost(task, true)) propagate_boost(*next);
  preempt_enable();
  return admitted;
}

}  // namespace px::core
