// One function per invariant; invariants.hpp says when each is evaluated, the tables at the end say
// which kind each is of.
#pragma once

#include "core/invariants-balance-inl.hpp"
#include "core/invariants-helpers-inl.hpp"
#include "core/invariants-waits-inl.hpp"

namespace px::core {
namespace invariant {

// --- Execution safety

// 1. An execution context is current on at most one CPU.
template <typename P>
bool inv_01_one_cpu(const InvariantView<P>& view, ViolationReport& violation) {
  for (int a = 0; a < view.scheduler.cpus(); ++a) {
    const auto& curr = curr_of(view.scheduler.rq(a));
    for (int b = a + 1; b < view.scheduler.cpus(); ++b) {
      if (&curr_of(view.scheduler.rq(b)) == &curr) {
        return broken(violation, "task %s is current on CPUs %d and %d", curr.name, a, b);
      }
    }
  }
  return true;
}

// 1. The stack of a task is in use (on_cpu) exactly while the task is current somewhere.
template <typename P>
bool inv_01_on_cpu(const InvariantView<P>& view, ViolationReport& violation) {
  for (const Task<P>* task : view.tasks) {
    const bool on_cpu = task->on_cpu.load(std::memory_order_relaxed);
    const bool runs = runs_somewhere(view, *task);
    if (on_cpu != runs) {
      return broken(violation, "task %s: on_cpu is %d, but it is current on %s CPU", task->name,
                    on_cpu, runs ? "a" : "no");
    }
  }
  return true;
}

// 2. A task executes only where its affinity allows, or its CPU is about to send it away.
template <typename P>
bool inv_02_affinity(const InvariantView<P>& view, int cpu, ViolationReport& violation) {
  const auto& rq = view.scheduler.rq(cpu);
  const auto& curr = curr_of(rq);
  if (curr.is_idle || will_reschedule(rq)) return true;
  if ((curr.affinity.has(cpu) || curr.strayed) && view.scheduler.is_online(cpu)) return true;
  if (state_of(curr) != TaskState::kRunnable) return true;  // about to block: it only gives way
  return broken(violation, "task %s executes on CPU %d outside its affinity", curr.name, cpu);
}

// 3. The current task is queued on its CPU: it is never moved or dequeued while it runs.
template <typename P>
bool inv_03_curr_queued(const InvariantView<P>& view, int cpu, ViolationReport& violation) {
  const auto& rq = view.scheduler.rq(cpu);
  const auto& curr = curr_of(rq);
  if (curr.is_idle || queued_on(curr, rq)) return true;
  return broken(violation, "task %s is current on CPU %d, but queued on CPU %d (on_rq %d)",
                curr.name, cpu, curr.cpu.load(std::memory_order_relaxed),
                static_cast<int>(curr.on_rq.load(std::memory_order_relaxed)));
}

// 4. A task that has really blocked does not execute.
template <typename P>
bool inv_04_curr_not_blocked(const InvariantView<P>& view, int cpu, ViolationReport& violation) {
  const auto& curr = curr_of(view.scheduler.rq(cpu));
  if (!curr.is_blocked.get()) return true;
  return broken(violation, "task %s executes on CPU %d although it is blocked", curr.name, cpu);
}

// 5. Runnable implies not blocked.
template <typename P>
bool inv_05_runnable_not_blocked(const InvariantView<P>& view, ViolationReport& violation) {
  for (const Task<P>* task : view.tasks) {
    if (state_of(*task) == TaskState::kRunnable && task->is_blocked.get()) {
      return broken(violation, "task %s is runnable and blocked", task->name);
    }
  }
  return true;
}

// 6. The chain from the donor ends at the task that runs, or the CPU is about to choose again.
template <typename P>
bool inv_06_chain_end_runs(const InvariantView<P>& view, ViolationReport& violation) {
  for (int cpu = 0; cpu < view.scheduler.cpus(); ++cpu) {
    const auto& rq = view.scheduler.rq(cpu);
    const auto& curr = curr_of(rq);
    if (will_reschedule(rq)) continue;
    const Task<P>* end = &donor_of(rq);
    std::size_t hops = 0;
    while (end->is_blocked.get()) {
      const Task<P>* next = lends_to(*end);
      if (next == nullptr || next == end || ++hops > view.tasks.size()) {
        return broken(violation,
                      "CPU %d: the chain of donor %s stops at %s, which waits for nobody", cpu,
                      donor_of(rq).name, end->name);
      }
      end = next;
    }
    if (end != &curr) {
      return broken(violation, "CPU %d: the chain of donor %s ends at %s, but %s runs", cpu,
                    donor_of(rq).name, end->name, curr.name);
    }
  }
  return true;
}

// 7. The donor is queued on its CPU or is the idle task: no donor is left behind.
template <typename P>
bool inv_07_donor_queued(const InvariantView<P>& view, int cpu, ViolationReport& violation) {
  const auto& rq = view.scheduler.rq(cpu);
  const auto& donor = donor_of(rq);
  if (&donor == rq.idle || (!donor.is_idle && queued_on(donor, rq))) return true;
  return broken(violation, "CPU %d: donor %s is not queued there", cpu, donor.name);
}

// 8. Donor, the classes' current context and the published rank name one and the same context.
template <typename P>
bool inv_08_one_donor(const InvariantView<P>& view, int cpu, ViolationReport& violation) {
  const auto& rq = view.scheduler.rq(cpu);
  const auto& donor = donor_of(rq);
  const policy::SchedContext* current = rq.classes.current();
  if (current != (donor.is_idle ? nullptr : &donor.se)) {
    return broken(violation, "CPU %d: donor is %s, but its class's current context is %s", cpu,
                  donor.name, current != nullptr ? task_of<P>(current)->name : "none");
  }
  const auto rank = rq.donor_rank.load(std::memory_order_relaxed);
  if (rank == donor.rank().value()) return true;
  return broken(violation, "CPU %d: published rank %lld, but donor %s has rank %lld", cpu,
                static_cast<long long>(rank), donor.name,
                static_cast<long long>(donor.rank().value()));
}

// 9. With tasks queued, an idle donor means that the CPU is about to choose again.
template <typename P>
bool inv_09_idle_donor(const InvariantView<P>& view, int cpu, ViolationReport& violation) {
  const auto& rq = view.scheduler.rq(cpu);
  if (!donor_of(rq).is_idle || rq.classes.ready() == 0 || will_reschedule(rq)) return true;
  return broken(violation, "CPU %d: the donor is idle with %d queued and no reschedule", cpu,
                rq.classes.ready());
}

// 19. The donor is of the highest rank of all queued contexts, unless the CPU is about to choose.
template <typename P>
bool inv_19_best_donor(const InvariantView<P>& view, int cpu, ViolationReport& violation) {
  const auto& rq = view.scheduler.rq(cpu);
  if (will_reschedule(rq)) return true;
  const auto& donor = donor_of(rq);
  bool best = true;
  rq.classes.for_each_queued([&](const policy::SchedContext& context) {
    if (best && context.rank().outranks(donor.rank())) {
      best = broken(violation, "CPU %d: queued %s outranks donor %s", cpu,
                    task_of<P>(&context)->name, donor.name);
    }
  });
  return best;
}

// 23. A boosted task owns what the donor's chain waits for: the chain leads back over
// blocked_donor.
template <typename P>
bool inv_23_boost_is_earned(const InvariantView<P>& view, ViolationReport& violation) {
  for (int cpu = 0; cpu < view.scheduler.cpus(); ++cpu) {
    const auto& rq = view.scheduler.rq(cpu);
    const auto& donor = donor_of(rq);
    const Task<P>* task = &curr_of(rq);
    if (will_reschedule(rq) || donor.is_idle || task->is_idle) continue;
    for (std::size_t hops = 0; task != &donor; ++hops) {
      const Task<P>* waiter = task->blocked_donor.get();
      if (waiter == nullptr || hops > view.tasks.size() || !waiter->is_blocked.get() ||
          lends_to(*waiter) != task) {
        return broken(violation,
                      "CPU %d: %s runs on %s's context, but %s owns nothing of its chain", cpu,
                      curr_of(rq).name, donor.name, task->name);
      }
      task = waiter;
    }
  }
  return true;
}

// 42. An offline CPU is empty, or about to be.
template <typename P>
bool inv_42_offline_is_empty(const InvariantView<P>& view, int cpu, ViolationReport& violation) {
  const auto& rq = view.scheduler.rq(cpu);
  if (view.scheduler.is_online(cpu) || will_reschedule(rq)) return true;
  if (curr_of(rq).is_idle && rq.classes.queued() == 0) return true;
  return broken(violation, "CPU %d is offline, runs %s and has %d queued", cpu, curr_of(rq).name,
                rq.classes.queued());
}

// 48. A CPU does not idle while a task is queued there, unless it is about to choose again.
template <typename P>
bool inv_48_idle_with_work(const InvariantView<P>& view, int cpu, ViolationReport& violation) {
  const auto& rq = view.scheduler.rq(cpu);
  if (!curr_of(rq).is_idle || rq.classes.ready() == 0 || will_reschedule(rq)) return true;
  return broken(violation, "CPU %d idles with %d queued", cpu, rq.classes.ready());
}

// --- Accounting

// 36. For each task and for all of them: what was charged and what was executed balance.
template <typename P>
bool inv_36_donated_equals_received(const InvariantView<P>& view, ViolationReport& violation) {
  Nanos donated = 0;
  Nanos received = 0;
  for (const Task<P>* task : view.tasks) {
    const auto& times = task->times;
    donated += times.donated_ns;
    received += times.received_ns;
    if (task->se.charged_ns - times.donated_ns != times.executed_ns - times.received_ns) {
      return broken(
          violation, "task %s: charged %lld - donated %lld != executed %lld - received %lld",
          task->name, static_cast<long long>(task->se.charged_ns),
          static_cast<long long>(times.donated_ns), static_cast<long long>(times.executed_ns),
          static_cast<long long>(times.received_ns));
    }
  }
  if (donated == received) return true;
  return broken(violation, "donated %lld ns, but received %lld ns", static_cast<long long>(donated),
                static_cast<long long>(received));
}

// 35. The time of all CPUs is what the tasks executed plus what the CPUs idled.
template <typename P>
bool inv_35_time_is_conserved(const InvariantView<P>& view, ViolationReport& violation) {
  const InvariantTotals totals = totals_of(view);
  const Nanos wall = totals.clock_ns - view.scheduler.cpus() * view.start_ns;
  if (wall == totals.busy_ns + totals.idle_ns) return true;
  return broken(violation, "CPU time %lld ns, but busy %lld + idle %lld ns",
                static_cast<long long>(wall), static_cast<long long>(totals.busy_ns),
                static_cast<long long>(totals.idle_ns));
}

// 38. The counters of a runqueue equal a recount, and its classes are sound.
template <typename P>
bool inv_38_recount(const InvariantView<P>& view, int cpu, ViolationReport& violation) {
  const auto& rq = view.scheduler.rq(cpu);
  if (const char* what = rq.classes.check()) return broken(violation, "CPU %d: %s", cpu, what);
  int tasks = 0;
  for (const Task<P>* task : view.tasks) {
    if (!queued_on(*task, rq)) continue;
    ++tasks;
    if (!task->se.queued) {
      return broken(violation, "task %s is queued, but its context is not", task->name);
    }
  }
  const int published = rq.nr_queued.load(std::memory_order_relaxed);
  if (tasks == rq.classes.queued() && rq.classes.ready() == published) return true;
  return broken(violation, "CPU %d: %d tasks queued, %d contexts, %d ready, %d published", cpu,
                tasks, rq.classes.queued(), rq.classes.ready(), published);
}

// 38. Each context on a class queue belongs to a task that is queued on that CPU.
template <typename P>
bool inv_38_contexts_belong(const InvariantView<P>& view, int cpu, ViolationReport& violation) {
  const auto& rq = view.scheduler.rq(cpu);
  bool sound = true;
  rq.classes.for_each_queued([&](const policy::SchedContext& context) {
    const Task<P>& task = *task_of<P>(&context);
    if (sound && !queued_on(task, rq)) {
      sound = broken(violation, "CPU %d: the context of %s is queued, but the task is not", cpu,
                     task.name);
    }
  });
  return sound;
}

// 38. The end of the slice in use is published, or an earlier instant.
template <typename P>
bool inv_38_slice_end(const InvariantView<P>& view, int cpu, ViolationReport& violation) {
  const auto& rq = view.scheduler.rq(cpu);
  const auto& donor = donor_of(rq);
  if (donor.is_idle || will_reschedule(rq)) return true;
  const Nanos end = rq.classes.slice_end(donor.se, rq.clock_ns);
  const Nanos published = rq.slice_at.load(std::memory_order_relaxed);
  if (published <= end) return true;
  return broken(violation, "CPU %d: the slice of %s ends at %lld ns, but %lld ns is published", cpu,
                donor.name, static_cast<long long>(end), static_cast<long long>(published));
}

// 39. A throttled context pays for nobody and stands behind everybody; it will be replenished.
template <typename P>
bool inv_39_throttled_lends_nothing(const InvariantView<P>& view, int cpu,
                                    ViolationReport& violation) {
  const auto& rq = view.scheduler.rq(cpu);
  const auto& donor = donor_of(rq);
  if (!donor.is_idle && !rq.classes.is_ready(donor.se)) {
    return broken(violation, "CPU %d: donor %s is throttled", cpu, donor.name);
  }
  if (rq.classes.is_spent(donor.se) && !will_reschedule(rq)) {
    return broken(violation, "CPU %d: donor %s has no budget left", cpu, donor.name);
  }
  const Nanos published = rq.slice_at.load(std::memory_order_relaxed);
  if (published <= rq.classes.next_event() || will_reschedule(rq)) return true;
  return broken(violation, "CPU %d: a budget is due at %lld ns, but %lld ns is published", cpu,
                static_cast<long long>(rq.classes.next_event()), static_cast<long long>(published));
}

// 39. Who waits keeps its budget, whatever the task does that runs on it.
template <typename P>
bool inv_39_waiting_gives_nothing_up(const InvariantView<P>& view, ViolationReport& violation) {
  for (const Task<P>* task : view.tasks) {
    if (!task->is_blocked.get() || !task->se.dl.yielded) continue;
    return broken(violation, "task %s waits, and its budget was given up", task->name);
  }
  return true;
}

// 38. The published instant of the first timer is that of the first timer.
template <typename P>
bool inv_38_first_timer(const InvariantView<P>& view, int cpu, ViolationReport& violation) {
  const auto& rq = view.scheduler.rq(cpu);
  if (!view.is_free(rq.timer_lock)) return true;
  const auto* first = rq.timers.first();
  const Nanos at = rq.timer_at.load(std::memory_order_relaxed);
  if (at == (first != nullptr ? first->when_ns : kNever) &&
      (first == nullptr || (first->armed && first->cpu == cpu))) {
    return true;
  }
  return broken(violation, "CPU %d: the first timer is published for %lld ns, but is not then", cpu,
                static_cast<long long>(at));
}

// --- Lifecycle

// 41. A task that has ended is on no queue, list, timer or CPU, and nobody lends to it.
template <typename P>
bool inv_41_ended_is_gone(const InvariantView<P>& view, ViolationReport& violation) {
  for (const Task<P>* task : view.tasks) {
    if (state_of(*task) != TaskState::kDead || runs_somewhere(view, *task)) continue;
    const char* where = nullptr;
    if (task->on_rq.load(std::memory_order_relaxed) != OnRq::kNo) where = "on a runqueue";
    if (task->wait_node.queued || link_of(*task) != nullptr) where = "waiting";
    if (task->timer.armed) where = "in a timer queue";
    if (!task->exit.waiters.empty() && task->exit.pending() != nullptr) where = "joined in vain";
    if (where != nullptr)
      return broken(violation, "task %s has ended, but is %s", task->name, where);
  }
  return true;
}

// --- The tables

template <typename P>
struct StateRule {
  int number;
  const char* name;
  bool needs_all_settled;
  bool (*holds)(const InvariantView<P>&, ViolationReport&);
};
template <typename P>
struct CpuRule {
  int number;
  const char* name;
  bool (*holds)(const InvariantView<P>&, int cpu, ViolationReport&);
};

template <typename P>
inline constexpr CpuRule<P> kCpuRules[] = {
    {2, "runs where it may", &inv_02_affinity<P>},
    {3, "curr is queued", &inv_03_curr_queued<P>},
    {4, "curr is not blocked", &inv_04_curr_not_blocked<P>},
    {7, "no donor left behind", &inv_07_donor_queued<P>},
    {8, "one donor", &inv_08_one_donor<P>},
    {9, "idle donor with queued tasks", &inv_09_idle_donor<P>},
    {19, "best donor", &inv_19_best_donor<P>},
    {31, "deferred lists delivered", &inv_31_lists_delivered<P>},
    {38, "recount", &inv_38_recount<P>},
    {38, "contexts belong to tasks", &inv_38_contexts_belong<P>},
    {38, "slice end", &inv_38_slice_end<P>},
    {38, "first timer", &inv_38_first_timer<P>},
    {39, "throttled lends nothing", &inv_39_throttled_lends_nothing<P>},
    {42, "offline is empty", &inv_42_offline_is_empty<P>},
    {48, "idle with queued tasks", &inv_48_idle_with_work<P>},
};

template <typename P>
inline constexpr StateRule<P> kStateRules[] = {
    {1, "one CPU", false, &inv_01_one_cpu<P>},
    {5, "runnable is not blocked", false, &inv_05_runnable_not_blocked<P>},
    {34, "who hangs is off CPU", false, &inv_34_hanging_is_off_cpu<P>},
    {1, "stack in use", true, &inv_01_on_cpu<P>},
    {6, "chain end runs", true, &inv_06_chain_end_runs<P>},
    {23, "boost is earned", true, &inv_23_boost_is_earned<P>},
    {23, "parameters are earned", true, &inv_23_parameters_are_earned<P>},
    {11, "rank in the wait list", true, &inv_11_rank_is_current<P>},
    {12, "owner does not wait", true, &inv_12_owner_does_not_wait<P>},
    {14, "no lost wakeup", true, &inv_14_no_lost_wakeup<P>},
    {15, "wakeup delivered", true, &inv_15_wakeup_delivered<P>},
    {27, "migrated is blocked", true, &inv_27_migrated_is_blocked<P>},
    {31, "nobody in transit", true, &inv_31_no_task_in_transit<P>},
    {32, "parked lists", true, &inv_32_parked_lists<P>},
    {32, "parked trees", true, &inv_32_parked_trees<P>},
    {32, "who hangs is off", true, &inv_32_hanging_is_off<P>},
    {33, "hangs on its owner", true, &inv_33_hangs_on_its_owner<P>},
    {33, "lender is somewhere", true, &inv_33_lender_is_somewhere<P>},
    {35, "time is conserved", true, &inv_35_time_is_conserved<P>},
    {36, "donated equals received", true, &inv_36_donated_equals_received<P>},
    {39, "waiting gives nothing up", true, &inv_39_waiting_gives_nothing_up<P>},
    {41, "ended is gone", true, &inv_41_ended_is_gone<P>},
};

}  // namespace invariant

template <Platform P>
bool check_state(const InvariantView<P>& view, Violation<P>& violation) {
  const bool all_settled = view.all_settled();
  for (const auto& rule : invariant::kStateRules<P>) {
    violation.number = rule.number;
    violation.name = rule.name;
    if (rule.needs_all_settled && !all_settled) continue;
    if (!rule.holds(view, violation)) return false;
  }
  for (int cpu = 0; cpu < view.scheduler.cpus(); ++cpu) {
    if (!view.is_settled(cpu)) continue;
    for (const auto& rule : invariant::kCpuRules<P>) {
      violation.number = rule.number;
      violation.name = rule.name;
      if (!rule.holds(view, cpu, violation)) return false;
    }
  }
  if (!invariant::check_waitables(view, violation)) return false;
  violation = {};
  return true;
}

template <Platform P>
InvariantTotals totals_of(const InvariantView<P>& view) {
  InvariantTotals totals;
  for (int cpu = 0; cpu < view.scheduler.cpus(); ++cpu) {
    const auto& rq = view.scheduler.rq(cpu);
    totals.clock_ns += rq.exec_start_ns;
    totals.idle_ns += rq.idle_ns;
    totals.switches += rq.switches;
  }
  for (const Task<P>* task : view.tasks) totals.busy_ns += task->times.executed_ns;
  return totals;
}

inline bool check_step(const InvariantTotals& before, const InvariantTotals& after,
                       ViolationReport& violation) {
  violation.number = 35;
  violation.name = "time passes for somebody";
  const Nanos wall = after.clock_ns - before.clock_ns;
  const Nanos busy = after.busy_ns - before.busy_ns;
  const Nanos idle = after.idle_ns - before.idle_ns;
  if (wall >= 0 && busy >= 0 && idle >= 0 && wall == busy + idle &&
      after.switches >= before.switches) {
    violation = {};
    return true;
  }
  return invariant::broken(
      violation, "in one step CPU time grew by %lld ns, busy by %lld, idle by %lld",
      static_cast<long long>(wall), static_cast<long long>(busy), static_cast<long long>(idle));
}

}  // namespace px::core
