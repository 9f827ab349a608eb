// The classes of one CPU in rank order: what a runqueue asks.
#pragma once

#include "policy/fair.hpp"
#include "policy/realtime.hpp"
#include "policy/sched_class.hpp"

namespace px::policy {

struct Tunables {
  Nanos fair_slice_ns = 3 * kMillisecond;
  Nanos rr_slice_ns = 100 * kMillisecond;
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
  [[nodiscard]] int queued() const;

  // The queued contexts of the classes above fair in the order of ranks: the first, and the one
  // behind `context`, which is one of them; nullptr: there is none. For push and pull.
  [[nodiscard]] SchedContext* first_ranked() const { return realtime_.first(); }
  [[nodiscard]] SchedContext* next_ranked(const SchedContext& context) const {
    return realtime_.next(context);
  }

  [[nodiscard]] const FairClass& fair() const { return fair_; }
  [[nodiscard]] const RealtimeClass& realtime() const { return realtime_; }

  // Every queued context of every class, in no particular order: for invariants and hotplug.
  // `visit(SchedContext&)` must not change a queue.
  template <typename F>
  void for_each_queued(F&& visit) const {
    realtime_.for_each_queued(visit);
    fair_.for_each_queued(visit);
  }

  // nullptr if every invariant of every class holds, else a sentence naming the broken one.
  [[nodiscard]] const char* check() const;

 private:
  RealtimeClass realtime_;
  FairClass fair_;
};

}  // namespace px::policy
