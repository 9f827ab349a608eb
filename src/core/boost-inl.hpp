// Protocols `inherit` and `protect`: the parameters of a task are the best of its own and of what
// the locks it holds give it, computed afresh from the locks still held whenever one changes.
//
// A boost travels like this: whoever changes what a lock gives (a waiter comes, leaves or changes
// its rank; the owner changes) does so under the lock's wait_lock, drops it, and calls
// propagate_boost() for the owner. That makes the owner's parameters right under its task_lock,
// then, if the owner waits itself, puts it into its new place among the waiters; if that lock
// raises its owner in turn, it goes on there. Nothing is held between two hops: each recomputes
// from what it finds, so the last one to come leaves the right result, in whatever order two of
// them come.
//
// Mixed chains. A -inherit-> B -proxy-> C: B's context, which C runs on, is the raised one. A
// -proxy-> B -inherit-> C: B is off its runqueue, so A parks on B; the rank of those who hang on a
// waiter counts as the waiter's (lent_rank), and so A's rank reaches C, not its time. A `none` edge
// passes nothing on.
//
// A boost whose waiter has timed out or was stopped lasts until that waiter, which has been woken,
// has left the list. A cycle of inherit edges that one of its waits will end may keep a rank that
// came from outside until it is broken.
#pragma once

#include "core/scheduler.hpp"

namespace px::core {

// The best rank of those who hang on `task`, with what hangs on them. blocked_lock of `task` held.
template <Platform P>
std::int64_t Scheduler<P>::rank_hanging_on(const Task& task) const {
  std::int64_t best = 0;
  const Task* waiter = task.parked_first.load(std::memory_order_relaxed);
  for (; waiter != nullptr; waiter = waiter->parked_next) best = std::max(best, waiter->reach());
  return best;
}

// What the locks that `task` holds give it. task_lock held.
template <Platform P>
BoostCode Scheduler<P>::strongest_boost(Task& task) {
  Frame frame(platform_);
  Guard guard(task.blocked_lock);
  BoostCode code = 0;
  const Mutex<P>* lock = task.boosts;
  if (mutant(platform_, Mutant::kM16)) return frame.returns(lock != nullptr ? lock->boost() : code);
  for (; lock != nullptr; lock = lock->next_boost()) code = stronger_boost(code, lock->boost());
  return frame.returns(code);
}

// Notes the rank of those who hang on `task`. True: it has changed. task_lock held.
template <Platform P>
bool Scheduler<P>::note_hanging(Task& task) {
  if (!inherit_in_use()) return false;
  Frame frame(platform_);
  Guard guard(task.blocked_lock);
  const std::int64_t hanging = rank_hanging_on(task);
  if (task.lent_rank.load(std::memory_order_relaxed) == hanging) return frame.returns(false);
  task.lent_rank.store(hanging, std::memory_order_relaxed);
  return frame.returns(true);
}

// Makes the parameters of `task` what it asked for and its locks give it. True: its rank, or that
// of those who hang on it, has changed. task_lock held.
template <Platform P>
bool Scheduler<P>::apply_boost(Task& task) {
  Frame frame(platform_);
  const bool changed = note_hanging(task);
  const policy::Params params = boosted_params(task.base_params, strongest_boost(task));
  if (params == policy::params_of(task.se)) return frame.returns(changed);
  const policy::Rank before = task.rank();
  change_params(task, params, false);
  return frame.returns(changed || task.rank() != before);
}

// Gives `task` new parameters. `by_user`: its own were changed; otherwise a boost has begun, and it
// goes among those of the new level that have waited as long, or ended, and it goes to the head of
// its level. task_lock held.
template <Platform P>
void Scheduler<P>::change_params(Task& task, const policy::Params& params, bool by_user) {
  Frame frame(platform_);
  Runqueue* queue = lock_task_rq(task).queue;
  if (queue == nullptr) {
    forget_lingering(task);
    policy::set_params(task.se, params);
    task.note_rank();
    return;
  }
  charge(*queue);
  const bool pays = queue->donor.load(std::memory_order_relaxed) == &task;
  const policy::Rank before = task.rank();
  queue->classes.dequeue(task.se, policy::Dequeue::kSave, queue->clock_ns);
  policy::set_params(task.se, params);
  const bool sinks = before.outranks(task.rank());
  auto why = policy::Enqueue::kRestore;
  if (!by_user) why = sinks ? policy::Enqueue::kRestoreHead : policy::Enqueue::kRestorePlace;
  queue->classes.enqueue(task.se, why, queue->clock_ns);
  task.note_rank();
  count(*queue, task);
  publish_queued(*queue);
  if (pays && !queue->classes.is_ready(task.se)) {  // it came without a budget
    queue->donor.store(queue->idle, std::memory_order_relaxed);
    queue->donor_rank.store(policy::Rank::idle().value(), std::memory_order_relaxed);
    note_waiting(*queue);
    resched(*queue);
  } else if (pays) {
    queue->classes.set_current(task.se, queue->clock_ns);
    queue->donor_rank.store(task.rank().value(), std::memory_order_relaxed);
    note_waiting(*queue);
    if (by_user || sinks) {
      resched(*queue);
    } else {
      update_slice(*queue);
    }
  } else {
    note_waiting(*queue);
    preempt_check(*queue, task);
  }
  queue->lock.unlock();
}

// The place of `task` among the waiters of what it waits for follows its rank; the owner there
// follows its waiters. Returns the next task whose rank may have to change; `changed`: that of
// `task` did. No lock held.
template <Platform P>
Task<P>* Scheduler<P>::follow_boost(Task& task, bool changed) {
  Frame frame(platform_);
  Task* above =
      changed && inherit_in_use() ? task.parked_on.load(std::memory_order_acquire) : nullptr;
  Anchor anchor(platform_);
  for (;;) {
    anchor.again();
    observe(platform_, above);
    Waitable* on = nullptr;
    {
      // The link pins the waitable until its wait_lock is ours, which pins it too. That lock is
      // only tried, against the lock order.
      Guard guard(task.blocked_lock);
      on = task.blocked_on.load(std::memory_order_acquire);
      if (on == nullptr) return frame.returns(above);
      if (!on->wait_lock.try_lock()) on = nullptr;
    }
    if (on != nullptr) return frame.returns(requeue_waiter(task, *on, above));
    platform_.relax();
  }
}

// wait_lock of `on` held, which it gives up; `task` was linked to it when that was taken, so it is
// on its list still.
template <Platform P>
Task<P>* Scheduler<P>::requeue_waiter(Task& task, Waitable& on, Task* above) {
  Frame frame(platform_);
  const policy::Rank rank = task.rank_as_waiter(on);
  Task* next = nullptr;
  Task* woken = nullptr;
  if (task.wait_node.rank != rank && !mutant(platform_, Mutant::kM25)) {
    on.waiters.move(task, rank);
    if (on.kind == WaitableKind::kMutex) next = static_cast<Mutex<P>&>(on).update_boost();
    // A free lock was left to a waiter that it now outranks: that one must not be waited for.
    if (on.protocol != Protocol::kProxy && on.waiters.first() == &task &&
        on.next(task) == nullptr && satisfy(task, on, WaitEnd::kNone)) {
      woken = &task;
    }
  }
  on.wait_lock.unlock();
  observe(platform_, next);
  if (woken != nullptr) wake(*woken);
  return frame.returns(next != nullptr ? next : above);
}

template <Platform P>
void Scheduler<P>::propagate_boost(Task& first) {
  Frame frame(platform_);
  Anchor anchor(platform_);
  Task* task = &first;
  while (task != nullptr) {
    anchor.again();
    observe(platform_, task);
    bool changed = false;
    {
      Guard guard(task->task_lock);
      changed = apply_boost(*task);
    }
    task = follow_boost(*task, changed);
  }
}

// `task` hangs on `owner` now, whose rank as a waiter may rise by that. It may not be changed under
// a runqueue's lock. rq.lock and blocked_lock of `owner` held.
template <Platform P>
void Scheduler<P>::defer_boost(Runqueue& rq, const Task& task, Task& owner) {
  if (!inherit_in_use()) return;
  if (task.reach() <= owner.lent_rank.load(std::memory_order_relaxed)) return;
  if (owner.boost_pending.exchange(true, std::memory_order_seq_cst)) return;
  owner.boost_link = rq.deferred_boosts;
  rq.deferred_boosts = &owner;
}

template <Platform P>
void Scheduler<P>::deliver_boosts(Task* list) {
  Frame frame(platform_);
  Anchor anchor(platform_);
  while (list != nullptr) {
    anchor.again();
    Task* task = list;
    list = task->boost_link;
    observe(platform_, task);
    observe(platform_, list);
    task->boost_link = nullptr;
    task->boost_pending.store(false, std::memory_order_seq_cst);
    propagate_boost(*task);
  }
}

}  // namespace px::core
