// The deadline class: Earliest Deadline First, each context in a constant bandwidth server (Abeni
// and Buttazzo, "Integrating Multimedia Applications in Hard Real-Time Systems", 1998), as Linux
// has it in SCHED_DEADLINE.
//
// A context has a budget of `runtime` and an absolute deadline. It pays from the budget while it is
// current. When the budget is used up it is throttled: it stays queued, but is not picked, until
// its next period begins; then the budget is filled and the deadline moves on by a period. What was
// overrun is missing from the next budget. So nobody gets more than runtime / period, whatever he
// asks for, and nobody else's deadlines suffer (isolation).
//
// The wakeup rule. A context that was off the queue keeps budget and deadline if the rest of the
// budget may still be used before the deadline without exceeding its share: left / (deadline - now)
// <= runtime / deadline. If not, it gets a full budget and deadline = now + its relative deadline;
// with a deadline shorter than the period, it keeps the deadline with as much budget as its density
// allows (the revised rule), and waits for its next period if the deadline has passed.
//
// Reclaiming (GRUB, Lipari and Baruah 2000), an option: the current context pays at the rate of the
// bandwidth that is active on its CPU, so that what others do not use is shared out. A context that
// falls asleep or ends counts as active until its lag is 0: deadline - left * period / runtime.
//
// Invariants (check() verifies them):
//   DL-1  a queued context is either in the tree of those ready or in the heap of events, throttled
//   DL-2  the current context is ready
//   DL-3  the active bandwidth is the sum over those queued and those that linger, and what is
//   leaving
#pragma once

#include "base/augmented_tree.hpp"
#include "policy/arrival_order.hpp"
#include "policy/leaving.hpp"
#include "policy/sched_class.hpp"

namespace px::policy {

struct DeadlineTraits {
  static DeadlineNode& node(SchedContext& context) { return context.dl.node; }
  static const DeadlineNode& node(const SchedContext& context) { return context.dl.node; }
  static bool before(const SchedContext& a, const SchedContext& b) {
    if (a.dl.deadline_ns != b.dl.deadline_ns) return a.dl.deadline_ns < b.dl.deadline_ns;
    if (a.queue_seq != b.queue_seq) return a.queue_seq < b.queue_seq;
    return a.id < b.id;
  }
  static bool refresh(SchedContext& /*context*/) { return false; }
};

struct DeadlineEventBefore {
  bool operator()(const DeadlineEvent& a, const DeadlineEvent& b) const {
    return a.at_ns != b.at_ns ? a.at_ns < b.at_ns : a.context->id < b.context->id;
  }
};

// Guarded by the runqueue's lock, as every class.
class DeadlineClass final : public SchedClass {
 public:
  // `reclaim`: see above. `limit_percent`: the share of a CPU that may be reclaimed, 1 .. 100.
  DeadlineClass(bool reclaim, int limit_percent);

  // Applies the wakeup rule to who was off the queue, replenishes who is due, throttles who has no
  // budget. The deadline, and so the rank, may change.
  void enqueue(SchedContext& context, Enqueue why, Nanos now) override;
  void dequeue(SchedContext& context, Dequeue why, Nanos now) override;
  // The earliest deadline of those ready; O(1). nullptr although some are queued: all are
  // throttled.
  [[nodiscard]] SchedContext* pick(Nanos now) override;
  void set_current(SchedContext& context, Nanos now) override;
  void put_current(SchedContext& context, Nanos now) override;
  // True: the budget is used up. The context stays where it is until settle().
  [[nodiscard]] bool charge(SchedContext& current, Nanos ran, Nanos now) override;
  // True iff `woken` is ready and has the earlier deadline.
  [[nodiscard]] bool preempts(const SchedContext& woken, const SchedContext& current,
                              Nanos now) override;
  // Gives the rest of the budget up: settle() takes it and throttles the context.
  void yield(SchedContext& current, Nanos now) override;
  // When the budget is used up, whoever else is queued; kNever if it is: charge() has said so, and
  // a timer set to now would come again and again until the CPU chooses.
  [[nodiscard]] Nanos slice_end(const SchedContext& current, Nanos now) const override;
  [[nodiscard]] int queued() const override { return queued_; }

  // schedule(), for the current context: true if its budget is used up or given up. Then it is
  // current no longer; it is throttled, or, if its next period has begun already, ready with a new
  // deadline.
  [[nodiscard]] bool settle(SchedContext& current, Nanos now);
  // The next context whose period begins at `now` or before, made ready; nullptr: there is none.
  [[nodiscard]] SchedContext* replenish(Nanos now);
  // The earliest instant at which replenish() has something to do; kNever if there is none.
  [[nodiscard]] Nanos next_event() const {
    const Nanos leaves = leaving_.next();
    return events_.first() != nullptr ? std::min(events_.first()->at_ns, leaves) : leaves;
  }
  // A context that lingers here is awake elsewhere, or changes: it counts no longer.
  void forget(SchedContext& context);

  // Contexts queued that may be picked.
  [[nodiscard]] int ready() const { return ready_count_; }
  // Is there anything to do here at all?
  [[nodiscard]] bool in_use() const { return in_use_ != 0; }
  [[nodiscard]] const SchedContext* current() const { return current_; }
  [[nodiscard]] const ArrivalOrder& arrivals() const { return arrivals_; }
  // Bandwidth that counts as active on this CPU, in 1 / kBandwidthOne.
  [[nodiscard]] std::int64_t active_bandwidth() const { return active_; }

  // `visit(SchedContext&)`: those ready, then those throttled in no particular order.
  template <typename F>
  void for_each_queued(F&& visit) const {
    for_each_ready(visit);
    events_.for_each([&](const DeadlineEvent& event) {
      if (!event.context->dl.lingers) visit(*event.context);
    });
  }
  // `visit(SchedContext&)`: those ready, earliest deadline first. `visit` must not change the
  // queue.
  template <typename F>
  void for_each_ready(F&& visit) const {
    for (SchedContext* at = ready_.first(); at != nullptr; at = Tree::next(*at)) visit(*at);
  }

  // nullptr if every invariant holds, else a sentence naming the broken one. O(n).
  [[nodiscard]] const char* check() const;

 private:
  using Tree = AugmentedTree<SchedContext, DeadlineTraits>;

  void apply_wakeup_rule(SchedContext& context, Nanos now);
  void begin_period(SchedContext& context, Nanos now);
  void refill(SchedContext& context, Nanos now);
  void insert_ready(SchedContext& context, Nanos now);
  void insert_event(SchedContext& context, Nanos at_ns);
  void throttle(SchedContext& context);
  [[nodiscard]] std::int64_t rate_of(const SchedContext& context) const;

  Tree ready_;
  PairingHeap<DeadlineEvent, DeadlineEventBefore> events_;
  SchedContext* current_ = nullptr;
  LeavingBandwidth leaving_;  // reclaiming: of ended tasks, still counted in active_
  int in_use_ = 0;            // contexts queued, those that linger, entries of leaving_
  int queued_ = 0;
  int ready_count_ = 0;
  std::int64_t active_ = 0;
  bool reclaim_;
  std::int64_t most_;  // bandwidth that may be reclaimed
  ArrivalOrder arrivals_;
};

}  // namespace px::policy
