// What the rules of the invariants have in common.
#pragma once

#include "core/invariants.hpp"

namespace px::core {
namespace invariant {

// Writes the message and returns false, so that a rule can end with `return broken(...)`.
__attribute__((format(printf, 2, 3))) inline bool broken(ViolationReport& violation,
                                                         const char* format, ...) {
  va_list values;
  va_start(values, format);
  (void)std::vsnprintf(violation.message, sizeof violation.message, format, values);
  va_end(values);
  return false;
}

template <typename P>
const Task<P>& curr_of(const Runqueue<P>& rq) {
  return *rq.curr.load(std::memory_order_relaxed);
}
template <typename P>
const Task<P>& donor_of(const Runqueue<P>& rq) {
  return *rq.donor.load(std::memory_order_relaxed);
}
template <typename P>
bool will_reschedule(const Runqueue<P>& rq) {
  return rq.need_resched.load(std::memory_order_relaxed) != 0;
}
template <typename P>
TaskState state_of(const Task<P>& task) {
  return task.state.load(std::memory_order_relaxed);
}
template <typename P>
const Waitable<P>* link_of(const Task<P>& task) {
  return task.blocked_on.load(std::memory_order_relaxed);
}
template <typename P>
bool queued_on(const Task<P>& task, const Runqueue<P>& rq) {
  return task.on_rq.load(std::memory_order_relaxed) == OnRq::kQueued &&
         task.cpu.load(std::memory_order_relaxed) == rq.cpu;
}

// Whom a blocked task lends to: as find_proxy_task, the owner, or of a free lock the first waiter.
template <typename P>
const Task<P>* lends_to(const Task<P>& waiter) {
  const auto* on = link_of(waiter);
  if (on == nullptr) return nullptr;
  const Task<P>* owner = on->next(waiter);
  if (owner != nullptr || on->kind == WaitableKind::kEvent) return owner;
  return on->waiters.first();
}

template <typename P>
bool runs_somewhere(const InvariantView<P>& view, const Task<P>& task) {
  for (int cpu = 0; cpu < view.scheduler.cpus(); ++cpu) {
    if (&curr_of(view.scheduler.rq(cpu)) == &task) return true;
  }
  return false;
}

}  // namespace invariant
}  // namespace px::core
