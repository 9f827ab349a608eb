// The classes of one CPU in rank order: what a runqueue asks.
#pragma once

#include "policy/deadline.hpp"
#include "policy/fair.hpp"
#include "policy/realtime.hpp"
#include "policy/sched_class.hpp"

namespace px::policy {

struct Tunables {
  Nanos fair_slice_ns = 3 * kMillisecond;
  Nanos rr_slice_ns = 100 * kMillisecond;
  bool deadline_reclaim = false;     // GRUB: deadline tasks share out what others do not use
  int deadline_limit_percent = 100;  // of each CPU, for deadline tasks (admission, reclaiming)
};

// Guarded by the runqueue's lock, as every class. `context` arguments choose their class by
// class_id, which changes only while the context is on no queue. An idle context (ClassId::kIdle)
// is never enqueued: pick() returns nullptr and the runqueue runs its idle task.
class ClassStack {
 public:
  explicit ClassStack(const Tunables& tunables = {});

  void enqueue(SchedContext& context, Enqueue why, Nanos now);
  void dequeue(SchedContext& context, Dequeue why, Nanos now);
  // The best queued context of the highest class that has one; nullptr if nothing is queued.
  [[nodiscard]] SchedContext* pick(Nanos now);
  void set_current(SchedContext& context, Nanos now);  // no-op for an idle context
  void put_current(SchedContext& context, Nanos now);  // no-op for an idle context
  // True: reschedule. An idle context is never charged.
  [[nodiscard]] bool charge(SchedContext& current, Nanos ran, Nanos now);
  // Across classes: the higher class preempts; an idle current is always preempted.
  [[nodiscard]] bool preempts(const SchedContext& woken, const SchedContext& current, Nanos now);
  void yield(SchedContext& current, Nanos now);
  [[nodiscard]] Nanos slice_end(const SchedContext& current, Nanos now) const;
  // Contexts queued, throttled ones included.
  [[nodiscard]] int queued() const {
    return deadline_.queued() + realtime_.queued() + fair_.queued();
  }
  // Those of them that may be picked.
  [[nodiscard]] int ready() const {
    return deadline_.ready() + realtime_.queued() + fair_.queued();
  }

  // The queued contexts of the classes above fair in the order of ranks: the first, and the one
  // behind `context`, which is one of them; nullptr: there is none. For push and pull.
  [[nodiscard]] SchedContext* first_ranked() const { return realtime_.first(); }
  [[nodiscard]] SchedContext* next_ranked(const SchedContext& context) const {
    return realtime_.next(context);
  }

  // The context that pays, in whichever class; nullptr: none.
  [[nodiscard]] const SchedContext* current() const {
    if (fair_.current() != nullptr) return fair_.current();
    return realtime_.current() != nullptr ? realtime_.current() : deadline_.current();
  }
  // May a queued context be picked?
  [[nodiscard]] static bool is_ready(const SchedContext& context) {
    return context.class_id != ClassId::kDeadline || !context.dl.throttled;
  }

  // Has it a budget, with nothing left?
  [[nodiscard]] static bool is_spent(const SchedContext& context) {
    return context.class_id == ClassId::kDeadline && context.dl.left_ns <= 0;
  }

  // Budgets. Is there any?
  [[nodiscard]] bool has_budgets() const { return deadline_.in_use(); }
  // The paying context, charged to `now`: true if its budget is used up. Then it is current no
  // longer.
  [[nodiscard]] bool settle(SchedContext& current, Nanos now) {
    return current.class_id == ClassId::kDeadline && deadline_.settle(current, now);
  }
  // The next context whose budget is to be filled by now, made ready; nullptr: there is none.
  [[nodiscard]] SchedContext* replenish(Nanos now) { return deadline_.replenish(now); }
  // When that happens next.
  [[nodiscard]] Nanos next_event() const { return deadline_.next_event(); }
  // A context that lingers here (DeadlineState::lingers) counts no longer.
  void forget(SchedContext& context) { deadline_.forget(context); }

  [[nodiscard]] const DeadlineClass& deadline() const { return deadline_; }
  [[nodiscard]] const FairClass& fair() const { return fair_; }
  [[nodiscard]] const RealtimeClass& realtime() const { return realtime_; }

  // Every queued context of every class, in no particular order: for invariants and hotplug.
  // `visit(SchedContext&)` must not change a queue.
  template <typename F>
  void for_each_queued(F&& visit) const {
    deadline_.for_each_queued(visit);
    realtime_.for_each_queued(visit);
    fair_.for_each_queued(visit);
  }

  // nullptr if every invariant of every class holds, else a sentence naming the broken one.
  [[nodiscard]] const char* check() const;

 private:
  DeadlineClass deadline_;
  RealtimeClass realtime_;
  FairClass fair_;
};

}  // namespace px::policy
