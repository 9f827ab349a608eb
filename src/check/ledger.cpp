// What the checker writes down itself, independently of the core, and the rules that compare the
// two: who ran and who paid while time passed, where each task last executed, where contexts were
// moved to, which waits were ended from outside. None of it decides the future, so it identifies no
// state; in a state that keeps the rules it equals what the core says.
#include "check/text.hpp"
#include "check/world.hpp"

namespace px::check {

void World::note_start(const Task& task, int cpu) {
  if (!task.is_idle) shared_->ran_on[task.id] = static_cast<std::int8_t>(cpu);
}

// Contexts follow their owners, and come to rest while those stand still (invariant 29, E39).
void World::note_move(const Task& task, int cpu) {
  if (!running() || !scenario_.watch_moves) return;
  const auto there = static_cast<std::uint8_t>(1U << cpu);
  if ((shared_->lent_on[task.id] & there) != 0) {
    fail(29, "no ping-pong",
         concat({"the context of ", task.name, " is moved to CPU ", std::to_string(cpu),
                 " again, though nothing else has happened since"}));
  }
  shared_->lent_on[task.id] |= there;
}

void World::forget_moves() {
  for (auto& cpus : shared_->lent_on) cpus = 0;
}

// Time has moved: no runqueue lock is held, so who runs and who pays stand still.
void World::note_time() {
  const Nanos passed = state().now - shared_->noted_until;
  shared_->noted_until = state().now;
  for (int cpu = 0; cpu < cpus(); ++cpu) {
    const Task& curr = *rq(cpu).curr.peek();
    const Task& donor = *rq(cpu).donor.peek();
    if (curr.is_idle) continue;
    shared_->executed[curr.id] += passed;
    shared_->charged[donor.is_idle ? curr.id : donor.id] += passed;
  }
}

// A lock call without the lock has a reason that this world knows of.
void World::check_end_of_wait(const Body& body, const ScriptOp& op, core::WaitEnd end) {
  const char* untrue = nullptr;
  bool& cancelled = shared_->cancelled[body.task->id];
  switch (end) {
    case core::WaitEnd::kTimedOut:
      if (op.code != Instruction::kLockTimeout || state().now < body.until) {
        untrue = "by a time limit that it does not have, or not yet";
      }
      break;
    case core::WaitEnd::kStopped:
      if (!cancelled) untrue = "by a stop request that nobody made";
      break;
    case core::WaitEnd::kDeadlock: {
      // Each member of a cycle holds something, or others wait for its end.
      bool holds = !body.task->exit.waiters.empty();
      for (int i = 0; i < locks(); ++i) {
        holds |= shared_->holder[i] == static_cast<std::int8_t>(body.task->id);
      }
      for (const auto* shared : shared_locks_) holds |= shared->helper_place(*body.task) != 0;
      if (!holds) untrue = "by a deadlock, though nobody waits for it";
      break;
    }
    default:
      break;
  }
  cancelled = false;
  if (untrue == nullptr) return;
  fail(43, "ends of waits are true",
       concat({"the wait of ", body.task->name, " for ", lock(op.object).name, " ended ", untrue}));
}

// What the core has booked, with what it will book at its next charge, is what happened (35, 37).
bool World::time_is_booked() {
  Nanos executed[kMaxTasks] = {};
  Nanos charged[kMaxTasks] = {};
  for (int cpu = 0; cpu < cpus(); ++cpu) {
    const Runqueue& queue = rq(cpu);
    if (queue.lock.held()) return true;  // in the middle of booking
    const Task& curr = *queue.curr.peek();
    if (curr.is_idle) continue;
    const Task& donor = *queue.donor.peek();
    const Nanos pending = state().now - queue.exec_start_ns;
    executed[curr.id] += pending;
    charged[donor.is_idle ? curr.id : donor.id] += pending;
    if (queue.exec_start_ns - curr.exec_base.peek() == curr.times.executed_ns) continue;
    note_breach(35, "a task's clock",
                concat({"the clock that ", curr.name, " reads while it runs is wrong"}));
    return false;
  }
  for (const Task* task : tasks_) {
    if (task->times.executed_ns + executed[task->id] != shared_->executed[task->id]) {
      note_breach(35, "who runs is counted",
                  concat({task->name, " has not executed for as long as is booked"}));
      return false;
    }
    if (task->se.charged_ns + charged[task->id] != shared_->charged[task->id]) {
      note_breach(37, "who pays is charged",
                  concat({task->name, " is charged for another time than it has paid for"}));
      return false;
    }
  }
  return true;
}

// A blocked task is to come home: to the CPU where it last executed (invariant 28, E53).
bool World::homes_are_kept() {
  for (const Task* task : tasks_) {
    if (!task->is_blocked.peek() || task->task_lock.held() ||
        task->wake_cpu.peek() == shared_->ran_on[task->id]) {
      continue;
    }
    note_breach(28, "home is kept",
                concat({task->name, " blocked on CPU ", std::to_string(shared_->ran_on[task->id]),
                        ", but is to return to CPU ", std::to_string(task->wake_cpu.peek())}));
    return false;
  }
  return true;
}

// Who has ended once has ended for ever: no late wakeup makes it runnable again (invariant 41).
bool World::ends_are_final() {
  for (const Task* task : tasks_) {
    bool& dead = shared_->dead[task->id];
    const bool now = task->state.peek() == core::TaskState::kDead;
    if (dead && !now) {
      note_breach(41, "the end is final", concat({task->name, " had ended, and is no longer"}));
      return false;
    }
    dead = now;
  }
  return true;
}

bool World::ledger_holds() { return ends_are_final() && time_is_booked() && homes_are_kept(); }

}  // namespace px::check
