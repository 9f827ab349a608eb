// The invariants about locks, waits and where tasks are; part of invariants-inl.hpp, whose helpers
// it uses.
#pragma once

#include "core/invariants-helpers-inl.hpp"

namespace px::core::invariant {

// --- Locks and waits

// 10. A lock handed over names a task that still waits for it and has been told that it has it.
template <typename P>
bool inv_10_pickup(const Mutex<P>& mutex, ViolationReport& violation) {
  if ((mutex.word() & Mutex<P>::kPickup) == 0) return true;
  const Task<P>* owner = mutex.owner();
  if (owner == nullptr) return broken(violation, "a lock is handed over to nobody");
  if (owner->wait_node.queued &&
      owner->wait_end.load(std::memory_order_relaxed) == WaitEnd::kGranted) {
    return true;
  }
  return broken(violation, "a lock is handed over to %s, which was not granted it", owner->name);
}

// 13. The waiters bit is set exactly while the wait list is not empty.
template <typename P>
bool inv_13_waiters_bit(const Mutex<P>& mutex, ViolationReport& violation) {
  const bool bit = (mutex.word() & Mutex<P>::kWaiters) != 0;
  if (bit != mutex.waiters.empty()) return true;
  return broken(violation, "the waiters bit is %d, but the list is %s (first %s)", bit,
                bit ? "empty" : "not empty", bit ? "none" : mutex.waiters.first()->name);
}

// 11. A wait list is well formed, in the order of rank, and each member was queued on it.
template <typename P>
bool inv_11_wait_list(const WaitList<P>& list, std::size_t tasks, ViolationReport& violation) {
  const Task<P>* before = nullptr;
  std::size_t length = 0;
  for (const Task<P>* task = list.first(); task != nullptr; task = task->wait_node.next) {
    if (++length > tasks) return broken(violation, "a wait list is longer than there are tasks");
    if (!task->wait_node.queued || task->wait_node.prev != before) {
      return broken(violation, "the wait list is broken at %s", task->name);
    }
    if (before != nullptr && task->wait_node.rank.outranks(before->wait_node.rank)) {
      return broken(violation, "waiter %s is queued behind %s, which it outranks", task->name,
                    before->name);
    }
    before = task;
  }
  return true;
}

// All rules about one waitable; evaluated while its wait_lock is free.
template <typename P>
bool check_waitable(const InvariantView<P>& view, const Waitable<P>& on,
                    ViolationReport& violation) {
  violation.number = 11;
  violation.name = "wait list in order";
  if (!inv_11_wait_list(on.waiters, view.tasks.size(), violation)) return false;
  if (on.kind != WaitableKind::kMutex) return true;
  const auto& mutex = static_cast<const Mutex<P>&>(on);
  violation.number = 13;
  violation.name = "waiters bit";
  if (!inv_13_waiters_bit(mutex, violation)) return false;
  violation.number = 10;
  violation.name = "handed to a waiter";
  return inv_10_pickup(mutex, violation);
}

// 11. A task linked to a waitable is on its wait list. Evaluated while the wait_lock is free.
template <typename P>
bool inv_11_linked_is_listed(const Task<P>& task, const Waitable<P>& on, std::size_t tasks,
                             ViolationReport& violation) {
  std::size_t length = 0;
  for (const Task<P>* at = on.waiters.first(); at != nullptr && length <= tasks; ++length) {
    if (at == &task) return true;
    at = at->wait_node.next;
  }
  return broken(violation, "task %s is linked to something, but not on its wait list", task.name);
}

template <typename P>
bool check_waitables(const InvariantView<P>& view, ViolationReport& violation) {
  for (const Mutex<P>* mutex : view.mutexes) {
    if (view.is_free(mutex->wait_lock) && !check_waitable<P>(view, *mutex, violation)) return false;
  }
  for (const Task<P>* task : view.tasks) {
    if (view.is_free(task->exit.wait_lock) && !check_waitable<P>(view, task->exit, violation)) {
      return false;
    }
    const auto* on = link_of(*task);
    if (on == nullptr || !view.is_free(on->wait_lock)) continue;
    if (on->waiters.first() == task && !check_waitable<P>(view, *on, violation)) return false;
    violation.number = 11;
    violation.name = "linked is listed";
    if (!inv_11_linked_is_listed(*task, *on, view.tasks.size(), violation)) return false;
  }
  return true;
}

// 11. A waiter stands in its wait list with the rank that it has now.
template <typename P>
bool inv_11_rank_is_current(const InvariantView<P>& view, ViolationReport& violation) {
  for (const Task<P>* task : view.tasks) {
    const auto* on = link_of(*task);
    if (on == nullptr) continue;
    std::int64_t rank = task->rank().value();
    if (on->protocol == Protocol::kInherit) {
      rank = std::max(rank, task->lent_rank.load(std::memory_order_relaxed));
    }
    if (task->wait_node.rank.value() == rank) continue;
    return broken(violation, "waiter %s has rank %lld, but is queued with %lld", task->name,
                  static_cast<long long>(rank),
                  static_cast<long long>(task->wait_node.rank.value()));
  }
  return true;
}

// 23. A task has the best of the parameters that it asked for and of what the locks that it holds
// give it, and nothing else: nobody keeps a boost that no lock of his gives.
template <typename P>
bool inv_23_parameters_are_earned(const InvariantView<P>& view, ViolationReport& violation) {
  for (const Task<P>* task : view.tasks) {
    if (state_of(*task) == TaskState::kNew || state_of(*task) == TaskState::kDead) continue;
    BoostCode code = 0;
    for (const Mutex<P>* mutex : view.mutexes) {
      if (mutex->owner() == task) code = stronger_boost(code, mutex->boost_due(*task));
    }
    for (const Mutex<P>* mutex = task->boosts; mutex != nullptr; mutex = mutex->next_boost()) {
      if (mutex->owner() != task || mutex->boost() != mutex->boost_due(*task)) {
        return broken(violation, "%s raises %s to %lld, but should give it nothing or %lld",
                      mutex->name != nullptr ? mutex->name : "a lock", task->name,
                      static_cast<long long>(mutex->boost()),
                      static_cast<long long>(mutex->boost_due(*task)));
      }
      code = stronger_boost(code, mutex->boost());
    }
    if (policy::params_of(task->se) == boosted_params(task->base_params, code)) continue;
    return broken(violation, "task %s runs with rank %lld, which is not its own raised by %lld",
                  task->name, static_cast<long long>(task->rank().value()),
                  static_cast<long long>(code));
  }
  return true;
}

// 12. An owner does not wait for its own lock (except with a time limit, which ends that).
template <typename P>
bool inv_12_owner_does_not_wait(const InvariantView<P>& view, ViolationReport& violation) {
  for (const Task<P>* task : view.tasks) {
    const auto* on = link_of(*task);
    if (on == nullptr || on->next(*task) != task || task->wait_may_end) continue;
    return broken(violation, "task %s waits for what it holds itself", task->name);
  }
  return true;
}

// Whether a queued waiter is awake or about to be: it will look at its lock again.
template <typename P>
bool will_look_again(const Task<P>& waiter) {
  return state_of(waiter) == TaskState::kRunnable ||
         waiter.wake_pending.load(std::memory_order_relaxed);
}

// 14. No lost wakeup: a free lock with waiters, and one handed over, has a waiter that is awake. Of
// an event only its user knows whether it has happened.
template <typename P>
bool no_lost_wakeup(const Waitable<P>& on, ViolationReport& violation) {
  const Task<P>* first = on.waiters.first();
  if (first == nullptr || on.kind == WaitableKind::kEvent) return true;
  const Task<P>* owner = on.next(*first);
  if (owner != nullptr) {
    if (on.kind != WaitableKind::kMutex ||
        (static_cast<const Mutex<P>&>(on).word() & Mutex<P>::kPickup) == 0 ||
        will_look_again(*owner)) {
      return true;
    }
    return broken(violation, "a lock was handed to %s, which sleeps on", owner->name);
  }
  for (const Task<P>* waiter = first; waiter != nullptr; waiter = waiter->wait_node.next) {
    if (will_look_again(*waiter)) return true;
  }
  return broken(violation, "what %s waits for is free, and none of its waiters is awake",
                first->name);
}

template <typename P>
bool inv_14_no_lost_wakeup(const InvariantView<P>& view, ViolationReport& violation) {
  for (const Mutex<P>* mutex : view.mutexes) {
    if (!no_lost_wakeup<P>(*mutex, violation)) return false;
  }
  for (const Task<P>* task : view.tasks) {
    const auto* on = link_of(*task);
    if (on != nullptr && !no_lost_wakeup(*on, violation)) return false;
    if (!no_lost_wakeup<P>(task->exit, violation)) return false;
  }
  return true;
}

// 15. Whoever ended a task's wait has taken its link away and delivered its wakeup.
template <typename P>
bool inv_15_wakeup_delivered(const InvariantView<P>& view, ViolationReport& violation) {
  for (const Task<P>* task : view.tasks) {
    if (task->wait_end.load(std::memory_order_relaxed) != WaitEnd::kNone &&
        link_of(*task) != nullptr) {
      return broken(violation, "the wait of %s has ended, but it is still linked", task->name);
    }
    if (state_of(*task) != TaskState::kSleeping) continue;
    if (task->wait_end.load(std::memory_order_relaxed) != WaitEnd::kNone) {
      return broken(violation, "the wait of %s has ended, but it sleeps", task->name);
    }
    if (task->wait_node.queued && link_of(*task) == nullptr &&
        !task->wake_pending.load(std::memory_order_relaxed)) {
      return broken(violation, "the link of %s was taken away, but it was not woken", task->name);
    }
  }
  return true;
}

// --- Places of tasks

// 27. A context away from where it last ran is blocked: it never executes there.
template <typename P>
bool inv_27_migrated_is_blocked(const InvariantView<P>& view, ViolationReport& violation) {
  for (const Task<P>* task : view.tasks) {
    if (task->cpu.load(std::memory_order_relaxed) == task->wake_cpu.get() ||
        task->is_blocked.get()) {
      continue;
    }
    return broken(violation, "task %s is on CPU %d with wake_cpu %d, but not blocked", task->name,
                  task->cpu.load(std::memory_order_relaxed), task->wake_cpu.get());
  }
  return true;
}

// 31. With all CPUs settled nobody is on the way between two runqueues and no list is left over.
template <typename P>
bool inv_31_no_task_in_transit(const InvariantView<P>& view, ViolationReport& violation) {
  for (const Task<P>* task : view.tasks) {
    if (task->on_rq.load(std::memory_order_relaxed) == OnRq::kMigrating) {
      return broken(violation, "task %s is migrating, but nobody carries it", task->name);
    }
    if (task->wake_pending.load(std::memory_order_relaxed) || task->wake_next != nullptr ||
        task->deferred_next != nullptr || task->boost_pending.load(std::memory_order_relaxed)) {
      return broken(violation, "task %s is still on a deferred list", task->name);
    }
  }
  return true;
}

// 31. A settled CPU has delivered its deferred wakeups and moves.
template <typename P>
bool inv_31_lists_delivered(const InvariantView<P>& view, int cpu, ViolationReport& violation) {
  const auto& rq = view.scheduler.rq(cpu);
  if (rq.deferred_wakes == nullptr && rq.deferred_moves == nullptr &&
      rq.deferred_boosts == nullptr) {
    return true;
  }
  return broken(violation, "CPU %d keeps a deferred %s", cpu,
                rq.deferred_wakes != nullptr   ? "wakeup"
                : rq.deferred_moves != nullptr ? "move"
                                               : "boost");
}

// 32. A task hangs on an owner exactly if it is on that owner's list.
template <typename P>
bool inv_32_parked_lists(const InvariantView<P>& view, ViolationReport& violation) {
  std::size_t hanging = 0;
  std::size_t listed = 0;
  for (const Task<P>* owner : view.tasks) {
    const Task<P>* before = nullptr;
    for (const Task<P>* task = owner->parked_first.load(std::memory_order_relaxed); task != nullptr;
         task = task->parked_next) {
      if (++listed > view.tasks.size() ||
          task->parked_on.load(std::memory_order_relaxed) != owner || task->parked_prev != before) {
        return broken(violation, "the list of those who hang on %s is broken at %s", owner->name,
                      task->name);
      }
      before = task;
    }
    if (owner->parked_last != before) {
      return broken(violation, "the list of those who hang on %s does not end at %s", owner->name,
                    owner->parked_last != nullptr ? owner->parked_last->name : "nobody");
    }
    if (owner->parked_on.load(std::memory_order_relaxed) != nullptr) ++hanging;
  }
  if (hanging == listed) return true;
  return broken(violation, "%zu tasks hang on an owner, %zu are on an owner's list", hanging,
                listed);
}

// 32. Hanging tasks form trees; where they form a cycle, one of its waits ends by itself.
template <typename P>
bool inv_32_parked_trees(const InvariantView<P>& view, ViolationReport& violation) {
  for (const Task<P>* task : view.tasks) {
    const Task<P>* up = task->parked_on.load(std::memory_order_relaxed);
    bool may_end = task->wait_may_end || task->blocked_edge == Edge::kHint;
    for (std::size_t depth = 0; up != nullptr && up != task && depth < view.tasks.size(); ++depth) {
      may_end |= up->wait_may_end || up->blocked_edge == Edge::kHint;
      up = up->parked_on.load(std::memory_order_relaxed);
    }
    if (up != task || may_end) continue;
    return broken(violation, "task %s hangs on itself, and no wait of the cycle ends", task->name);
  }
  return true;
}

// 32. Who hangs is blocked and off its runqueue; what it hangs on is off its runqueue, runs, or (in
// a cycle) is blocked itself.
template <typename P>
bool inv_32_hanging_is_off(const InvariantView<P>& view, ViolationReport& violation) {
  for (const Task<P>* task : view.tasks) {
    const Task<P>* owner = task->parked_on.load(std::memory_order_relaxed);
    if (owner == nullptr) continue;
    if (task->on_rq.load(std::memory_order_relaxed) != OnRq::kNo || !task->is_blocked.get()) {
      return broken(violation, "task %s hangs on %s, but is queued or awake", task->name,
                    owner->name);
    }
    if (owner->on_rq.load(std::memory_order_relaxed) != OnRq::kNo && !owner->is_blocked.get() &&
        !runs_somewhere(view, *owner)) {
      return broken(violation, "task %s hangs on %s, which is queued and does not run", task->name,
                    owner->name);
    }
  }
  return true;
}

// 33. Who hangs on a task waits for that very task, so that its context is where it is needed.
template <typename P>
bool inv_33_hangs_on_its_owner(const InvariantView<P>& view, ViolationReport& violation) {
  for (const Task<P>* task : view.tasks) {
    const Task<P>* hangs_on = task->parked_on.load(std::memory_order_relaxed);
    if (hangs_on == nullptr) continue;
    const Task<P>* needs = lends_to(*task);
    if (needs == hangs_on) continue;
    const auto* on = link_of(*task);
    if (on != nullptr && on->kind == WaitableKind::kEvent &&
        static_cast<const Event<P>&>(*on).helper_place(*hangs_on) != 0) {
      continue;
    }
    return broken(violation, "task %s hangs on %s, but waits for %s", task->name, hangs_on->name,
                  needs != nullptr ? needs->name : "nobody");
  }
  return true;
}

// 33. A blocked task that lends is where its context counts: on a runqueue, or hanging on somebody.
template <typename P>
bool inv_33_lender_is_somewhere(const InvariantView<P>& view, ViolationReport& violation) {
  for (const Task<P>* task : view.tasks) {
    if (!task->is_blocked.get() || !view.scheduler.lends(link_of(*task)) ||
        (link_of(*task)->kind == WaitableKind::kEvent && lends_to(*task) == nullptr) ||
        task->on_rq.load(std::memory_order_relaxed) != OnRq::kNo ||
        task->parked_on.load(std::memory_order_relaxed) != nullptr) {
      continue;
    }
    return broken(violation, "task %s waits, but is on no runqueue and hangs on nobody",
                  task->name);
  }
  return true;
}

// 34. Nobody hangs on an owner whose own stack is in use.
template <typename P>
bool inv_34_hanging_is_off_cpu(const InvariantView<P>& view, ViolationReport& violation) {
  for (const Task<P>* task : view.tasks) {
    if (task->parked_on.load(std::memory_order_relaxed) != nullptr &&
        task->on_cpu.load(std::memory_order_relaxed)) {
      return broken(violation, "task %s hangs on an owner while it is on a CPU", task->name);
    }
  }
  return true;
}

}  // namespace px::core::invariant
