// The fair class: Earliest Eligible Virtual Deadline First (Stoica and Abdel-Wahab, "Earliest
// Eligible Virtual Deadline First: A Flexible and Accurate Mechanism for Proportional Share
// Resource Allocation", 1995; Linux's fair class since 6.6).
//
// Each context asks for service in requests of one slice. Its vruntime is the service it has had,
// divided by its weight. V, the average of all vruntimes weighted by weight, is what each should
// have had by now, and lag = V - vruntime is what it is owed. A context is eligible while its lag
// is not negative. The class runs the eligible context with the earliest virtual deadline: the
// vruntime at which its request will be served. No context's service then differs from the ideal
// by more than about one slice, whatever the weights and however many there are, and a context
// with short requests is served sooner without getting more.
//
// A decision stands until something asks for another: the request has been served, a better context
// has woken, the current one yields or leaves. That it is not eligible any more for having run is
// no such thing, or requests would have no length. With proxy execution this matters, as a blocked
// donor stays current: the class is asked again when it blocks and when it is given its lock, and
// without the rule the owner's section, which the donor pays for, would cost the donor its turn.
//
// A sleeper keeps what it is owed. What it owes, it pays off while it sleeps: its debt is over when
// V of the queue it left has come to where its vruntime was. Linux has the same from its delayed
// dequeue, which leaves such a sleeper on the queue until it is eligible. It takes as long: with
// the sleeper of weight w, x virtual ns ahead of V, queued among others of weight W, V has to go x
// at 1 / (W + w) per ns; without it V is at first x w / W further back, and goes at 1 / W.
//
// Invariants (check() verifies them):
//   FAIR-1  current_ is queued, and not in the tree; every other queued context is in the tree.
//   FAIR-2  weight_ = sum of w, sum_ = sum of w * (vruntime - zero_), over all queued contexts.
//   FAIR-3  vruntime < request_end <= virtual_deadline for every queued context.
//   FAIR-4  if anything is queued, something is eligible (the least vruntime is not above V).
//
// Bounds. The weight of 10^6 contexts is below 2^37. settle() puts zero_ within one virtual
// nanosecond of V at each enqueue and dequeue and whenever a request ends, so while contexts only
// run, V moves away from zero_ by less than one request and one charge. Virtual lengths are
// largest at weight 3: a request (kSliceMax) is below 2^42, a charge (kChargeMax) below 2^59. A
// context of weight w that joins W others with a lag worth t ns of service is placed
// 1024 t (1/w + 1/W) from V and moves V by 1024 t / W: below 2^45 for the two requests a sleeper
// may bring, below 2^49 for 10^6 of them one after another, and below 2^60 for a debt of kChargeMax
// that a change of parameters keeps. So a vruntime stays within 2^61 of zero_, and sum_ and each
// product below 2^98: 128 bits hold them.
#pragma once

#include <cstdint>

#include "base/augmented_tree.hpp"
#include "policy/arrival_order.hpp"
#include "policy/sched_class.hpp"
#include "policy/virtual_time.hpp"

namespace px::policy {

// How much the class has worked, for tests and benchmarks; statistics, never decisions.
struct FairCounters {
  std::uint64_t picks = 0;
  std::uint64_t pick_nodes = 0;  // tree nodes visited by picks
  std::uint64_t inserts = 0;     // enqueues, and contexts that stopped being current
  std::uint64_t insert_nodes = 0;
};

struct FairTreeTraits {
  static FairNode& node(SchedContext& context) { return context.fair.node; }
  static const FairNode& node(const SchedContext& context) { return context.fair.node; }

  static bool before(const SchedContext& a, const SchedContext& b) {
    const std::int64_t earlier = virtual_diff(a.fair.virtual_deadline, b.fair.virtual_deadline);
    if (earlier != 0) return earlier < 0;
    if (a.queue_seq != b.queue_seq) return a.queue_seq < b.queue_seq;
    return a.id < b.id;
  }

  static bool refresh(SchedContext& context) {
    FairNode& at = context.fair.node;
    std::int64_t least = context.fair.vruntime;
    for (const SchedContext* below : {at.left, at.right}) {
      if (below != nullptr && virtual_diff(below->fair.node.subtree_min_vruntime, least) < 0) {
        least = below->fair.node.subtree_min_vruntime;
      }
    }
    const bool changed = at.subtree_min_vruntime != least;
    at.subtree_min_vruntime = least;
    return changed;
  }
};

// Guarded by the runqueue's lock, as every class.
class FairClass final : public SchedClass {
 public:
  // The longest time one charge may cover (13 days).
  static constexpr Nanos kChargeMax = Nanos{1} << 50;

  // `slice_ns`: the request length of contexts that ask for none, 1 .. kSliceMax.
  explicit FairClass(Nanos slice_ns);

  // kNew joins with lag 0, everybody else with the lag it left with, less what a sleeper has paid
  // off; alone on the queue, lag means nothing and is 0. kNew and kWake make a new request;
  // kMigrate and the two restores go on with an unfinished one.
  void enqueue(SchedContext& context, Enqueue why, Nanos now) override;
  // The lag kept by kSleep and kMigrate is at most a request and a slice either way: whoever has
  // overrun beyond that is let off, whoever was starved beyond that does not catch up at once.
  void dequeue(SchedContext& context, Dequeue why, Nanos now) override;
  // The current context while the decision for it stands. Else: among equal deadlines the current
  // context stays, then longest waiting, then the lowest id; a current context that has yielded is
  // chosen only if no other is eligible. O(log n).
  [[nodiscard]] SchedContext* pick(Nanos now) override;
  void set_current(SchedContext& context, Nanos now) override;
  void put_current(SchedContext& context, Nanos now) override;
  // `ran`: 0 .. kChargeMax.
  [[nodiscard]] bool charge(SchedContext& current, Nanos ran, Nanos now) override;
  // True iff a new decision would choose `woken`, and then pick() makes a new one; but a
  // SCHED_BATCH or SCHED_IDLE context never preempts when it wakes, and a SCHED_IDLE one is
  // preempted by any that is not.
  [[nodiscard]] bool preempts(const SchedContext& woken, const SchedContext& current,
                              Nanos now) override;
  // Gives up the rest of the request and makes a new one, behind the eligible contexts that one
  // more request takes it past. Service is not touched, so the lags still sum to zero. A pushed
  // deadline lasts until the context has run: yields do not add up to a penalty, except at one
  // instant, where they carry it behind every eligible context, so that all of those have a turn
  // although no time passes.
  void yield(SchedContext& current, Nanos now) override;
  [[nodiscard]] Nanos slice_end(const SchedContext& current, Nanos now) const override;
  [[nodiscard]] int queued() const override { return queued_; }

  // `visit(SchedContext&)`: the current context, then the others in tree order. `visit` must not
  // change the queue.
  template <typename F>
  void for_each_queued(F&& visit) const {
    if (current_ != nullptr) visit(*current_);
    for (SchedContext* at = tree_.first(); at != nullptr; at = Tree::next(*at)) visit(*at);
  }

  // The waiting contexts by virtual deadline: the first, and the one behind `context`, which is one
  // of them; nullptr: there is none. The current one is left out.
  [[nodiscard]] SchedContext* first() const { return tree_.first(); }
  [[nodiscard]] SchedContext* next(SchedContext& context) const { return Tree::next(context); }
  // Of all queued contexts, the current one included.
  [[nodiscard]] std::int64_t weight() const { return weight_; }

  // V, rounded down; while nothing is queued, where V stopped.
  [[nodiscard]] std::int64_t average_vruntime() const;
  // V - vruntime of a queued context, rounded down; virtual ns.
  [[nodiscard]] std::int64_t lag_of(const SchedContext& context) const;
  // Whether a queued context has had no more service than it should have.
  [[nodiscard]] bool eligible(const SchedContext& context) const;
  [[nodiscard]] const SchedContext* current() const { return current_; }
  // The decision for the current context stands.
  [[nodiscard]] bool decided() const { return current_ != nullptr && decided_ == current_; }
  // The current context has yielded and not run since.
  [[nodiscard]] bool yielded() const { return yielded_; }
  // How far V is from the end of the debt of a sleeper that left this queue; 0: none, or paid.
  // Virtual ns.
  [[nodiscard]] std::int64_t unpaid(const FairState& fair) const;
  [[nodiscard]] const ArrivalOrder& arrivals() const { return arrivals_; }
  [[nodiscard]] const FairCounters& counters() const { return counters_; }

  // nullptr if every invariant holds, else a sentence naming the broken one. O(n log n).
  [[nodiscard]] const char* check() const;

 private:
  using Tree = AugmentedTree<SchedContext, FairTreeTraits>;

  [[nodiscard]] bool eligible_at(std::int64_t vruntime) const {
    return Int128{virtual_diff(vruntime, zero_)} * weight_ <= sum_;
  }
  [[nodiscard]] SchedContext* choose();
  [[nodiscard]] SchedContext* earliest_eligible();
  [[nodiscard]] const SchedContext* latest_eligible() const;
  [[nodiscard]] const char* check_context(const SchedContext& context) const;
  [[nodiscard]] std::int64_t lag_limit(const FairState& fair) const;
  void settle();
  void note_debt(FairState& fair);
  [[nodiscard]] std::int64_t joining_vruntime(const FairState& fair, Enqueue why) const;
  void insert(SchedContext& context);
  void forget_current();

  Tree tree_;
  SchedContext* current_ = nullptr;
  SchedContext* decided_ = nullptr;  // whom pick() chose, while nothing asks for another decision
  bool yielded_ = false;             // current_ has yielded and not run since
  int queued_ = 0;
  std::int64_t weight_ = 0;
  std::int64_t zero_ = 0;
  Int128 sum_ = 0;
  std::uint64_t period_ = 0;  // times the queue has run empty
  Nanos slice_ns_;
  ArrivalOrder arrivals_;
  FairCounters counters_;
};

}  // namespace px::policy
