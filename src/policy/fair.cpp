#include "policy/fair.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace px::policy {

namespace {

// `ns` of execution at `weight` as virtual time, rounded up: a request is never empty.
std::int64_t to_virtual(Nanos ns, std::int64_t weight) {
  if (weight == kNiceZeroWeight) return ns;
  return (ns * kNiceZeroWeight + weight - 1) / weight;
}

std::int64_t virtual_request(const FairState& fair) {
  return to_virtual(fair.slice_ns, fair.weight);
}

bool is_normal(const SchedContext& context) {
  return !context.fair_params.batch && !context.fair_params.idle_policy;
}

}  // namespace

FairClass::FairClass(Nanos slice_ns) : slice_ns_(slice_ns) {
  PX_CHECK(slice_ns > 0 && slice_ns <= kSliceMax, "fair slice out of range; expected 1 ns to 10 s");
}

// Moves zero_ to V rounded down. Then 0 <= sum_ < weight_, and what FAIR-2 says stays true: moving
// zero_ up by d takes w * d off each term.
void FairClass::settle() {
  if (weight_ == 0) return;
  const std::int64_t whole = floor_div(sum_, weight_);
  zero_ = virtual_add(zero_, whole);
  sum_ -= Int128{whole} * weight_;
}

void FairClass::insert(SchedContext& context) {
  ++counters_.inserts;
  counters_.insert_nodes += static_cast<std::uint64_t>(tree_.insert(context));
}

void FairClass::forget_current() {
  if (decided_ == current_) decided_ = nullptr;
  current_ = nullptr;
  yielded_ = false;
}

// With weight w joining W others at V - x, the average moves by w * x / (W + w) towards the
// newcomer, which leaves it a lag of x * W / (W + w). So x = lag * (W + w) / W gives it the lag it
// left with. Settled.
std::int64_t FairClass::joining_vruntime(const FairState& fair, Enqueue why) const {
  if (why == Enqueue::kNew || weight_ == 0) return zero_;
  if (fair.lag == 0) return zero_;
  const std::int64_t behind = floor_div(Int128{fair.lag} * (weight_ + fair.weight), weight_);
  if (fair.debt_queue == this && why == Enqueue::kWake) {
    // Nobody owes more than when it fell asleep, whoever has come and gone since.
    return virtual_add(zero_, std::min(unpaid(fair), -behind));
  }
  return virtual_diff(zero_, behind);
}

// Off the queue, with its lag taken. While it slept alone, or all others fell asleep, nobody is
// left to whom it could owe anything.
void FairClass::note_debt(FairState& fair) {
  if (fair.lag >= 0) return;
  fair.debt_queue = this;
  fair.debt_period = period_;
  fair.debt_end = virtual_diff(zero_, fair.lag);
}

std::int64_t FairClass::unpaid(const FairState& fair) const {
  if (fair.debt_queue != this || fair.debt_period != period_) return 0;
  return std::max<std::int64_t>(virtual_diff(fair.debt_end, average_vruntime()), 0);
}

void FairClass::enqueue(SchedContext& context, Enqueue why, Nanos now) {
  PX_CHECK(!context.queued, "a context can be on one queue only");
  PX_CHECK(context.class_id == ClassId::kFair, "only fair contexts belong on the fair queue");
  FairState& fair = context.fair;
  fair.slice_ns = context.fair_params.slice_ns != 0 ? context.fair_params.slice_ns : slice_ns_;

  settle();
  fair.vruntime = joining_vruntime(fair, why);
  fair.lag = 0;
  fair.debt_queue = nullptr;

  const bool goes_on = fair.requested && why != Enqueue::kNew && why != Enqueue::kWake;
  const std::int64_t left = goes_on ? fair.virtual_deadline : virtual_request(fair);
  fair.request_end = virtual_add(fair.vruntime, left);
  fair.virtual_deadline = fair.request_end;
  fair.requested = true;

  weight_ += fair.weight;
  sum_ += Int128{virtual_diff(fair.vruntime, zero_)} * fair.weight;
  ++queued_;
  context.queued = true;
  context.queue_seq = arrivals_.at(now);
  insert(context);
}

void FairClass::dequeue(SchedContext& context, Dequeue why, Nanos /*now*/) {
  PX_CHECK(context.queued, "only a queued context can be dequeued");
  PX_CHECK(context.class_id == ClassId::kFair, "only fair contexts are on the fair queue");
  FairState& fair = context.fair;
  settle();
  fair.lag = virtual_diff(zero_, fair.vruntime);
  if (why == Dequeue::kSleep || why == Dequeue::kEnd) {
    fair.requested = false;
  } else {
    fair.virtual_deadline = virtual_diff(fair.request_end, fair.vruntime);
  }
  // A change of parameters is no way to be let off.
  if (why != Dequeue::kSave && fair.lag != 0) {
    const std::int64_t limit = lag_limit(fair);
    fair.lag = std::clamp(fair.lag, -limit, limit);
  }
  if (why == Dequeue::kSleep) note_debt(fair);

  if (&context == current_) {
    forget_current();
  } else {
    if (&context == decided_) decided_ = nullptr;
    tree_.erase(context);
  }
  weight_ -= fair.weight;
  sum_ -= Int128{virtual_diff(fair.vruntime, zero_)} * fair.weight;
  if (--queued_ == 0) ++period_;
  context.queued = false;
}

std::int64_t FairClass::lag_limit(const FairState& fair) const {
  return to_virtual(fair.slice_ns + slice_ns_, fair.weight);
}

// In deadline order the first eligible context is wanted; mostly that is the first of all. If not:
// whenever anything in a left subtree is eligible, it is in there; so one way down is enough.
SchedContext* FairClass::earliest_eligible() {
  SchedContext* at = tree_.first();
  if (at == nullptr) return nullptr;
  ++counters_.picks;
  ++counters_.pick_nodes;
  if (eligible_at(at->fair.vruntime)) return at;
  at = tree_.root();
  while (at != nullptr) {
    ++counters_.pick_nodes;
    SchedContext* left = at->fair.node.left;
    if (left != nullptr && eligible_at(left->fair.node.subtree_min_vruntime)) {
      at = left;
    } else if (eligible_at(at->fair.vruntime)) {
      return at;
    } else {
      at = at->fair.node.right;
    }
  }
  return nullptr;
}

// The same from the other end.
const SchedContext* FairClass::latest_eligible() const {
  const SchedContext* at = tree_.last();
  if (at == nullptr || eligible_at(at->fair.vruntime)) return at;
  at = tree_.root();
  while (at != nullptr) {
    const SchedContext* right = at->fair.node.right;
    if (right != nullptr && eligible_at(right->fair.node.subtree_min_vruntime)) {
      at = right;
    } else if (eligible_at(at->fair.vruntime)) {
      return at;
    } else {
      at = at->fair.node.left;
    }
  }
  return nullptr;
}

SchedContext* FairClass::pick(Nanos /*now*/) {
  if (!decided()) decided_ = choose();
  return decided_;
}

SchedContext* FairClass::choose() {
  SchedContext* best = earliest_eligible();
  if (current_ == nullptr) return best;
  if (best == nullptr) return current_;  // FAIR-4: then it is eligible itself
  if (yielded_ || !eligible_at(current_->fair.vruntime)) return best;
  return virtual_diff(current_->fair.virtual_deadline, best->fair.virtual_deadline) <= 0 ? current_
                                                                                         : best;
}

void FairClass::set_current(SchedContext& context, Nanos /*now*/) {
  PX_CHECK(current_ == nullptr, "the current context must be put back before another is set");
  PX_CHECK(context.queued, "only a queued context can become current");
  tree_.erase(context);
  current_ = &context;
}

void FairClass::put_current(SchedContext& context, Nanos now) {
  PX_CHECK(current_ == &context, "only the current context can be put back");
  forget_current();
  context.queue_seq = arrivals_.at(now);
  insert(context);
}

bool FairClass::charge(SchedContext& current, Nanos ran, Nanos /*now*/) {
  PX_CHECK(current_ == &current, "only the current context pays");
  PX_CHECK(ran >= 0 && ran <= kChargeMax, "a charge must cover 0 to 2^50 ns");
  if (ran == 0) return false;
  FairState& fair = current.fair;
  yielded_ = false;
  if (fair.weight == kNiceZeroWeight) {
    fair.vruntime = virtual_add(fair.vruntime, ran);
    sum_ += Int128{ran} * kNiceZeroWeight;
  } else {
    const auto due = static_cast<std::uint64_t>(ran * kNiceZeroWeight + fair.remainder);
    const auto weight = static_cast<std::uint64_t>(fair.weight);
    const auto whole = static_cast<std::int64_t>(due / weight);
    fair.remainder = static_cast<std::int64_t>(due % weight);
    fair.vruntime = virtual_add(fair.vruntime, whole);
    sum_ += Int128{whole} * fair.weight;
  }

  const std::int64_t beyond = virtual_diff(fair.vruntime, fair.request_end);
  if (beyond < 0) {
    fair.virtual_deadline = fair.request_end;
    return false;
  }
  // Served: the next request follows on from this one, unless it would be over already.
  const std::int64_t request = virtual_request(fair);
  fair.request_end = virtual_add(beyond < request ? fair.request_end : fair.vruntime, request);
  fair.virtual_deadline = fair.request_end;
  settle();
  decided_ = nullptr;
  return queued_ > 1;
}

bool FairClass::preempts(const SchedContext& woken, const SchedContext& current, Nanos /*now*/) {
  const bool idle_gives_way = current.fair_params.idle_policy && !woken.fair_params.idle_policy;
  if (!idle_gives_way && (!is_normal(woken) || choose() != &woken)) return false;
  decided_ = nullptr;
  return true;
}

void FairClass::yield(SchedContext& current, Nanos /*now*/) {
  PX_CHECK(current_ == &current, "only the current context yields");
  FairState& fair = current.fair;
  const std::int64_t request = virtual_request(fair);
  const std::int64_t pushed = virtual_diff(fair.virtual_deadline, fair.vruntime) + request;
  std::int64_t deadline = request;
  if (const SchedContext* last = latest_eligible()) {
    const std::int64_t end = virtual_diff(last->fair.virtual_deadline, fair.vruntime);
    deadline = std::max(request, std::min(pushed, end));
  }
  fair.request_end = virtual_add(fair.vruntime, request);
  fair.virtual_deadline = virtual_add(fair.vruntime, deadline);
  current.queue_seq = arrivals_.behind_all();
  yielded_ = true;
  decided_ = nullptr;
}

// The least time after which charge() moves vruntime to request_end: rounded up, and what the last
// charges left over counts.
Nanos FairClass::slice_end(const SchedContext& current, Nanos now) const {
  if (queued_ <= 1) return kNever;
  const FairState& fair = current.fair;
  const std::int64_t left = virtual_diff(fair.request_end, fair.vruntime);
  if (fair.weight == kNiceZeroWeight) return now + left;
  const std::int64_t due = left * fair.weight - fair.remainder;
  return now + (due + kNiceZeroWeight - 1) / kNiceZeroWeight;
}

std::int64_t FairClass::average_vruntime() const {
  return weight_ == 0 ? zero_ : virtual_add(zero_, floor_div(sum_, weight_));
}

std::int64_t FairClass::lag_of(const SchedContext& context) const {
  PX_CHECK(context.queued, "only a queued context has a lag that moves");
  return virtual_diff(average_vruntime(), context.fair.vruntime);
}

bool FairClass::eligible(const SchedContext& context) const {
  PX_CHECK(context.queued, "only a queued context can be eligible");
  return eligible_at(context.fair.vruntime);
}

const char* FairClass::check_context(const SchedContext& context) const {
  const FairState& fair = context.fair;
  if (!context.queued) return "fair: a context on the queue is not marked as queued";
  if (context.class_id != ClassId::kFair) return "fair: a context of another class is queued";
  if (fair.weight != weight_of(context.fair_params)) return "fair: a weight not of its nice level";
  if (fair.remainder < 0 || fair.remainder >= fair.weight) return "fair: a remainder out of range";
  if (virtual_diff(fair.vruntime, fair.request_end) >= 0) return "fair: a served request goes on";
  if (virtual_diff(fair.request_end, fair.virtual_deadline) > 0) {
    return "fair: a virtual deadline before the end of its request";
  }
  return nullptr;
}

const char* FairClass::check() const {
  if (const char* broken = tree_.check()) return broken;
  const char* broken = nullptr;
  int count = 0;
  std::int64_t weight = 0;
  Int128 sum = 0;
  bool any_eligible = false;
  for_each_queued([&](const SchedContext& context) {
    ++count;
    if (broken == nullptr) broken = check_context(context);
    if (count > 1 && &context == current_) broken = "fair: the current context is in the tree";
    weight += context.fair.weight;
    sum += Int128{virtual_diff(context.fair.vruntime, zero_)} * context.fair.weight;
    any_eligible = any_eligible || eligible_at(context.fair.vruntime);
  });
  if (broken != nullptr) return broken;
  if (count != queued_) return "fair: the count differs from the contexts queued";
  if (weight != weight_) return "fair: the weight differs from the sum of weights";
  if (sum != sum_) return "fair: the lags do not sum to zero";
  if (count > 0 && !any_eligible) return "fair: nothing queued is eligible";
  if (yielded_ && current_ == nullptr) return "fair: a yield of no context";
  return nullptr;
}

}  // namespace px::policy
