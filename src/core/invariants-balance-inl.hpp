// Invariant 20: who runs on all CPUs together. Evaluated only where nothing is about to happen.
#pragma once

#include "core/invariants-helpers-inl.hpp"

namespace px::core {
namespace invariant {

// The task that would run if the queued context `from` were chosen; nullptr: none can run now (it
// sleeps, or a wakeup is on its way).
template <typename P>
const Task<P>* runnable_end(const InvariantView<P>& view, const Task<P>& from) {
  const Task<P>* end = &from;
  for (std::size_t hops = 0; hops <= view.tasks.size(); ++hops) {
    if (end->on_rq.load(std::memory_order_relaxed) != OnRq::kQueued) return nullptr;
    if (!end->is_blocked.get()) return end;
    const auto* on = link_of(*end);
    end = on != nullptr ? on->next(*end) : nullptr;
    if (end == nullptr) return nullptr;
  }
  return nullptr;  // a cycle
}

// 20. No runnable end of a chain waits while a CPU allowed to it runs a lower rank than the best
// context of its tree: with `from` over all contexts, the best is among them.
template <typename P>
bool inv_20_highest_run(const InvariantView<P>& view, ViolationReport& violation) {
  for (const Task<P>* from : view.tasks) {
    if (from->se.class_id != policy::ClassId::kRealtime) continue;
    const Task<P>* end = runnable_end(view, *from);
    if (end == nullptr || runs_somewhere(view, *end)) continue;
    for (int cpu = 0; cpu < view.scheduler.cpus(); ++cpu) {
      const auto& donor = donor_of(view.scheduler.rq(cpu));
      if (!view.scheduler.may_use(*end, cpu) || donor.rank() >= from->rank()) continue;
      return broken(violation, "%s waits on CPU %d with the rank of %s (%lld), CPU %d runs %lld",
                    end->name, end->cpu.load(std::memory_order_relaxed), from->name,
                    static_cast<long long>(from->rank().value()), cpu,
                    static_cast<long long>(donor.rank().value()));
    }
  }
  return true;
}

}  // namespace invariant

template <Platform P>
bool check_quiescent(const InvariantView<P>& view, Violation<P>& violation) {
  for (int cpu = 0; cpu < view.scheduler.cpus(); ++cpu) {
    if (!view.is_settled(cpu) || invariant::will_reschedule(view.scheduler.rq(cpu))) return true;
  }
  violation.number = 20;
  violation.name = "the highest ranks run";
  return invariant::inv_20_highest_run(view, violation);
}

}  // namespace px::core
