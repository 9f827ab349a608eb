// Properties that only the checker can judge: they need to know where each CPU stands, or that
// nothing can happen any more. The state invariants shared with the simulator are in
// core/invariants.hpp.
#include <algorithm>
#include <string>
#include <vector>

#include "check/premises.hpp"
#include "check/text.hpp"
#include "check/world.hpp"
#include "core/invariants-inl.hpp"

namespace px::check {

// At an instruction boundary a task is ordinary again: it waits for nothing, is placed where it may
// be, and whatever it ran on a borrowed context for is still true.
void World::at_boundary(const Body& body) {
  const Task& me = *body.task;
  const std::string name = me.name;
  if (me.is_blocked.peek())
    fail(5, "running is not blocked", concat({name, " runs, marked as blocked"}));
  if (me.blocked_on.peek() != nullptr) {
    fail(11, "no link without a wait", concat({name, " still has a link after its wait"}));
  }
  if (me.wait_node.queued)
    fail(11, "no link without a wait", concat({name, " is still among waiters"}));
  if (me.timer.armed)
    fail(14, "no timer without a wait", concat({name, "'s timer outlived its wait"}));
  if (me.cpu.peek() != me.wake_cpu.peek()) {
    fail(27, "migrated means blocked", concat({name, " runs while marked as proxy-migrated"}));
  }
  if (this_cpu().preempt_off != 0) {
    fail(0, "preempt count", concat({name, " is back in its script with preemption off"}));
  }
}

// Whether `at`, who waits for `on`, may lend to `other`: the owner, any helper of an event.
bool World::ends_wait_for(const core::Waitable<Platform>& on, const Task& at, const Task& other) {
  if (on.kind != core::WaitableKind::kEvent) return on.next(at) == &other;
  return static_cast<const core::Event<Platform>&>(on).helper_place(other) != 0;
}

// A CPU outside the core that owes nothing: its task executes on its own context, or on one that
// still waits, directly or along a chain, for what the task owns (invariants 6, 22, 23).
void World::check_boost(int cpu) {
  const Runqueue& queue = rq(cpu);
  const Task* curr = queue.curr.peek();
  const Task* donor = queue.donor.peek();
  if (curr == donor || curr->is_idle || queue.need_resched.peek() != 0) return;
  std::vector<const Task*> chain = {donor};
  for (std::size_t i = 0; i < chain.size(); ++i) {
    const Task* at = chain[i];
    if (at == curr) return;
    const core::Waitable<Platform>* on = at->blocked_on.peek();
    // Its wait was ended by another CPU that still owes it the wakeup.
    if (on == nullptr && at->state.peek() == core::TaskState::kSleeping) return;
    if (on == nullptr) continue;
    if (on->next(*at) == nullptr) return;  // momentarily free: the waiter is on its way
    for (const Task* other : tasks_) {
      const bool known = std::find(chain.begin(), chain.end(), other) != chain.end();
      if (!known && ends_wait_for(*on, *at, *other)) chain.push_back(other);
    }
  }
  note_breach(22, "end of boost",
              concat({curr->name, " executes on the context of ", donor->name,
                      donor->is_idle ? "" : ", which does not wait for it"}));
}

std::string World::why_stuck(int index) const {
  const Task& t = task(index);
  std::string text = concat({t.name, " at '", instruction(index), "'"});
  const core::Waitable<Platform>* on = t.blocked_on.peek();
  if (on != nullptr) {
    const Task* owner = on->next(t);
    text += concat({" waits for ", on->name != nullptr ? on->name : "a task's end"});
    text += owner != nullptr ? concat({", held by ", owner->name}) : ", which is free";
  } else if (t.is_blocked.peek()) {
    text += " is asleep with no link";
  }
  text += t.on_rq.peek() == core::OnRq::kQueued ? ", queued" : ", not queued";
  return text;
}

// Nothing can happen any more: every task has to have ended (invariants 14, 42 to 45, 48).
void World::check_quiescence() {
  for (int cpu = 0; cpu < cpus(); ++cpu) {
    const OpKind next = state().cpus[cpu].next.kind;
    if (next == OpKind::kIdle) continue;
    note_breach(45, "no CPU waits for ever",
                concat({"CPU ", std::to_string(cpu), " can never go on: ", next_operation(cpu)}));
    return;
  }
  std::string stuck;
  for (int i = 0; i < tasks(); ++i) {
    if (bodies_[i].ended) continue;
    stuck += concat({stuck.empty() ? "" : "; ", why_stuck(i)});
  }
  if (!stuck.empty())
    note_breach(14, "no lost wakeup", concat({"nothing can run any more: ", stuck}));
}

void World::count_premises(bool all_settled) {
  const auto& all = premises();
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i].needs_all_settled && !all_settled) continue;
    premises_met_[i] += all[i].holds(*this) ? 1 : 0;
  }
}

bool World::settled(int cpu) const {
  const VirtualCpu& c = state().cpus[cpu];
  return (c.preempt_off == 0 || c.next.kind == OpKind::kIdle) && !rq(cpu).lock.held();
}

// An interrupt that a CPU has still to take may be on its way to balance.
bool World::kicks_pending() const {
  for (int cpu = 0; cpu < cpus(); ++cpu) {
    if (state().cpus[cpu].kicked) return true;
  }
  return false;
}

bool World::core_holds() {
  core::InvariantView<Platform> view{
      *scheduler_,
      {tasks_.data(), tasks_.size()},
      {locks_.data(), locks_.size()},
      kEpoch,
      [](const void* world, int cpu) { return static_cast<const World*>(world)->settled(cpu); },
      [](const void* /*world*/, const SpinLock& lock) { return !lock.held(); },
      this};
  core::Violation<Platform> violation;
  if (core::check_state(view, violation) &&
      (kicks_pending() || core::check_quiescent(view, violation))) {
    return true;
  }
  note_breach(violation.number, violation.name, violation.message);
  return false;
}

// Whoever wakes is not put on a CPU that is offline (invariant 42). The core reports a wakeup under
// the lock of that CPU's runqueue. Who runs there still is about to leave.
void World::check_wakeup(std::uint32_t index, int cpu) {
  const Task& woken = task(static_cast<int>(index));
  if (!rq(cpu).offline.peek() || rq(cpu).curr.peek() == &woken) return;
  fail(42, "no wakeup on an offline CPU",
       concat({woken.name, " is woken on CPU ", std::to_string(cpu), ", which is offline"}));
}

// Without proxy execution who blocks leaves the runqueue (invariant 47, E42).
bool World::off_means_off() {
  if (scenario_.proxy) return true;
  for (const Task* task : tasks_) {
    if (!task->is_blocked.peek() || task->on_rq.peek() != core::OnRq::kQueued) continue;
    if (rq(task->cpu.peek()).lock.held()) continue;
    note_breach(47, "off means off",
                concat({task->name, " is queued while it waits, though nobody lends"}));
    return false;
  }
  return true;
}

// A runqueue never names a task as donor that is not queued on it (invariant 7, at every moment).
bool World::donor_is_queued(int cpu) {
  const Task* donor = rq(cpu).donor.peek();
  if (donor->is_idle) return true;
  if (donor->on_rq.peek() == core::OnRq::kQueued && donor->cpu.peek() == cpu) return true;
  note_breach(7, "no donor left behind",
              concat({"CPU ", std::to_string(cpu), " names ", donor->name,
                      " as its donor, which is not queued there"}));
  return false;
}

// Once all is settled, who hangs does so on the task it waits for, or, at a free lock, on the
// waiter that is next (invariants 32, 33).
void World::check_tree() {
  for (const Task* t : tasks_) {
    const Task* hung_on = t->parked_on.peek();
    const core::Waitable<Platform>* on = t->blocked_on.peek();
    if (hung_on == nullptr || on == nullptr) continue;
    const Task* next = on->next(*t);
    if (next == hung_on || (next == nullptr && hung_on->wait_node.queued)) continue;
    note_breach(33, "who hangs follows its owner",
                concat({t->name, " hangs on ", hung_on->name, ", but waits for ",
                        next != nullptr ? next->name : "a free lock"}));
  }
}

bool World::world_holds(Choices enabled) {
  for (int cpu = 0; cpu < cpus(); ++cpu) {
    if (!donor_is_queued(cpu)) return false;
  }
  if (!core_holds() || !ledger_holds() || !off_means_off()) return false;
  if (enabled == 0) {
    check_quiescence();
    return true;  // the caller looks at what was noted
  }
  bool all_settled = true;
  for (int cpu = 0; cpu < cpus(); ++cpu) {
    const VirtualCpu& c = state().cpus[cpu];
    if (c.preempt_off == 0 && !rq(cpu).lock.held()) check_boost(cpu);
    all_settled = all_settled && settled(cpu);
  }
  if (all_settled) check_tree();
  if (!premises_met_.empty()) count_premises(all_settled);
  return true;
}

}  // namespace px::check
