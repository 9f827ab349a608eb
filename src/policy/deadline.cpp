#include "policy/deadline.hpp"

#include <algorithm>

#include "base/check.hpp"
#include "policy/virtual_time.hpp"

namespace px::policy {

namespace {

// Where the period after that of the deadline in force begins.
Nanos next_period(const SchedContext& context) {
  return context.dl.deadline_ns - context.dl_params.deadline_ns + context.dl_params.period_ns;
}

bool constrained(const DeadlineParams& params) { return params.deadline_ns < params.period_ns; }

// Would what is left, used before the deadline, exceed the context's density?
bool exceeds_density(const SchedContext& context, Nanos now) {
  const DeadlineParams& params = context.dl_params;
  return Int128{context.dl.left_ns} * params.deadline_ns >
         Int128{context.dl.deadline_ns - now} * params.runtime_ns;
}

}  // namespace

DeadlineClass::DeadlineClass(bool reclaim, int limit_percent)
    : reclaim_(reclaim), most_(kBandwidthOne / 100 * limit_percent) {
  PX_CHECK(limit_percent >= 1 && limit_percent <= 100, "share of a CPU out of range");
  if (limit_percent == 100) most_ = kBandwidthOne;
}

void DeadlineClass::begin_period(SchedContext& context, Nanos now) {
  context.dl.left_ns = context.dl_params.runtime_ns;
  context.dl.deadline_ns = now + context.dl_params.deadline_ns;
  context.dl.started = true;
}

// The next budget: as many periods on as it takes to pay what was overrun. Who has fallen behind by
// more than that begins anew.
void DeadlineClass::refill(SchedContext& context, Nanos now) {
  DeadlineState& dl = context.dl;
  const DeadlineParams& params = context.dl_params;
  dl.throttled = dl.yielded = false;
  const Nanos periods = dl.left_ns > 0 ? 0 : -dl.left_ns / params.runtime_ns + 1;
  dl.left_ns += periods * params.runtime_ns;
  dl.deadline_ns += periods * params.period_ns;
  if (dl.deadline_ns <= now) begin_period(context, now);
}

void DeadlineClass::apply_wakeup_rule(SchedContext& context, Nanos now) {
  DeadlineState& dl = context.dl;
  const DeadlineParams& params = context.dl_params;
  if (now >= next_period(context)) {
    begin_period(context, now);
  } else if (now >= dl.deadline_ns) {
    dl.left_ns = std::min<Nanos>(dl.left_ns, 0);  // constrained: nothing before the next period
  } else if (dl.left_ns > 0 && exceeds_density(context, now)) {
    if (constrained(params)) {
      dl.left_ns =
          static_cast<Nanos>(Int128{dl.deadline_ns - now} * params.runtime_ns / params.deadline_ns);
    } else {
      begin_period(context, now);
    }
  }
}

void DeadlineClass::insert_ready(SchedContext& context, Nanos now) {
  context.queue_seq = arrivals_.at(now);
  ready_.insert(context);
  ++ready_count_;
}

void DeadlineClass::insert_event(SchedContext& context, Nanos at_ns) {
  context.dl.event.context = &context;
  context.dl.event.at_ns = at_ns;
  events_.insert(context.dl.event);
}

// Not in the tree; nothing left. Its rank falls below everybody's.
void DeadlineClass::throttle(SchedContext& context) {
  context.dl.throttled = true;
  insert_event(context, next_period(context));
}

void DeadlineClass::enqueue(SchedContext& context, Enqueue why, Nanos now) {
  PX_CHECK(!context.queued, "a context can be on one queue only");
  PX_CHECK(context.class_id == ClassId::kDeadline, "only deadline contexts belong here");
  DeadlineState& dl = context.dl;
  PX_CHECK(!dl.lingers, "a context that lingers is forgotten before it is queued");
  const bool was_off = dl.slept || why == Enqueue::kNew || why == Enqueue::kWake;
  dl.slept = false;
  context.queued = true;
  ++queued_;
  ++in_use_;
  if (reclaim_) active_ += dl.bandwidth;
  if (dl.throttled && dl.event.at_ns > now) {
    events_.insert(dl.event);
    return;
  }
  if (!dl.started) {
    begin_period(context, now);
  } else if (dl.throttled) {
    refill(context, now);
  } else if (was_off) {
    apply_wakeup_rule(context, now);
  }
  if (dl.left_ns <= 0 && next_period(context) <= now) refill(context, now);
  if (dl.left_ns <= 0) {
    throttle(context);
  } else {
    insert_ready(context, now);
  }
}

void DeadlineClass::dequeue(SchedContext& context, Dequeue why, Nanos now) {
  PX_CHECK(context.queued, "only a queued context can be dequeued");
  PX_CHECK(context.class_id == ClassId::kDeadline, "only deadline contexts are queued here");
  DeadlineState& dl = context.dl;
  if (&context == current_) current_ = nullptr;
  if (dl.throttled) {
    events_.remove(dl.event);
  } else {
    ready_.erase(context);
    --ready_count_;
  }
  context.queued = false;
  --queued_;
  if (why == Dequeue::kSleep) dl.slept = true;
  if (reclaim_ && zero_lag(context) > now) {
    if (why == Dequeue::kSleep && !dl.throttled) {
      dl.lingers = true;
      insert_event(context, zero_lag(context));
      return;
    }
    if (why == Dequeue::kEnd) {
      if (!leaving_.add(dl.bandwidth, zero_lag(context))) --in_use_;
      return;
    }
  }
  --in_use_;
  if (reclaim_) active_ -= dl.bandwidth;
}

void DeadlineClass::forget(SchedContext& context) {
  PX_CHECK(context.dl.lingers, "only a context that lingers can be forgotten");
  events_.remove(context.dl.event);
  context.dl.lingers = false;
  --in_use_;
  active_ -= context.dl.bandwidth;
}

SchedContext* DeadlineClass::pick(Nanos /*now*/) { return ready_.first(); }

// Numbered before all others it stays ahead of those that come with the same deadline.
void DeadlineClass::set_current(SchedContext& context, Nanos /*now*/) {
  PX_CHECK(current_ == nullptr, "the current context must be put back before another is set");
  PX_CHECK(context.queued, "only a queued context can become current");
  current_ = &context;
  if (ready_.first() == &context) context.queue_seq = arrivals_.before_all();
}

void DeadlineClass::put_current(SchedContext& context, Nanos /*now*/) {
  PX_CHECK(current_ == &context, "only the current context can be put back");
  current_ = nullptr;
}

// Budget paid per nanosecond, in 1 / kBandwidthOne of one: 1 unless bandwidth is reclaimed.
std::int64_t DeadlineClass::rate_of(const SchedContext& context) const {
  const std::int64_t rate = std::max(context.dl.bandwidth, active_);
  if (most_ == kBandwidthOne) return std::min(rate, kBandwidthOne);
  return static_cast<std::int64_t>(
      std::min(Int128{rate} * kBandwidthOne / most_, Int128{kBandwidthOne}));
}

bool DeadlineClass::charge(SchedContext& current, Nanos ran, Nanos /*now*/) {
  PX_CHECK(current_ == &current, "only the current context pays");
  PX_CHECK(ran >= 0, "a charge cannot be negative");
  DeadlineState& dl = current.dl;
  if (reclaim_) {
    const Int128 due = Int128{ran} * rate_of(current) + dl.remainder;
    dl.left_ns -= static_cast<Nanos>(due / kBandwidthOne);
    dl.remainder = static_cast<std::int64_t>(due % kBandwidthOne);
  } else {
    dl.left_ns -= ran;
  }
  return dl.left_ns <= 0;
}

Nanos DeadlineClass::slice_end(const SchedContext& current, Nanos now) const {
  const DeadlineState& dl = current.dl;
  if (dl.left_ns <= 0) return kNever;
  if (!reclaim_) return now + dl.left_ns;
  const std::int64_t rate = rate_of(current);
  const Int128 due = Int128{dl.left_ns} * kBandwidthOne - dl.remainder;
  return now + static_cast<Nanos>((due + rate - 1) / rate);
}

bool DeadlineClass::preempts(const SchedContext& woken, const SchedContext& current,
                             Nanos /*now*/) {
  return !woken.dl.throttled && woken.dl.deadline_ns < current.dl.deadline_ns;
}

void DeadlineClass::yield(SchedContext& current, Nanos /*now*/) {
  PX_CHECK(current_ == &current, "only the current context yields");
  current.dl.yielded = true;
}

bool DeadlineClass::settle(SchedContext& current, Nanos now) {
  if (current_ != &current) return false;
  if (current.dl.yielded) current.dl.left_ns = std::min<Nanos>(current.dl.left_ns, 0);
  if (current.dl.left_ns > 0) return false;
  if (!current.dl.yielded) ++current.dl.overruns;
  current_ = nullptr;
  ready_.erase(current);
  --ready_count_;
  if (next_period(current) > now) {
    throttle(current);
  } else {
    refill(current, now);
    insert_ready(current, now);
  }
  return true;
}

SchedContext* DeadlineClass::replenish(Nanos now) {
  const LeavingBandwidth::Gone gone = leaving_.expire(now);
  active_ -= gone.bandwidth;
  in_use_ -= gone.entries;
  while (DeadlineEvent* event = events_.first()) {
    if (event->at_ns > now) return nullptr;
    SchedContext& context = *event->context;
    if (context.dl.lingers) {
      forget(context);
      continue;
    }
    events_.remove(*event);
    refill(context, now);
    insert_ready(context, now);
    return &context;
  }
  return nullptr;
}

const char* DeadlineClass::check() const {
  if (const char* broken = ready_.check()) return broken;
  const char* broken = nullptr;
  int count = 0;
  bool current_seen = current_ == nullptr;
  std::int64_t bandwidth = 0;
  for_each_ready([&](const SchedContext& context) {
    ++count;
    bandwidth += context.dl.bandwidth;
    if (&context == current_) current_seen = true;
    if (!context.queued) broken = "deadline: a ready context is not marked as queued";
    if (context.class_id != ClassId::kDeadline) broken = "deadline: another class's context";
    if (context.dl.throttled) broken = "deadline: a throttled context is ready";
    if (&context != current_ && context.dl.left_ns <= 0) broken = "deadline: ready with no budget";
  });
  if (broken != nullptr) return broken;
  if (count != ready_count_) return "deadline: the count differs from the contexts ready";
  if (!current_seen) return "deadline: the current context is not ready";
  if (queued_ < ready_count_) return "deadline: more contexts ready than queued";
  if (reclaim_ && bandwidth > active_) return "deadline: active bandwidth below that queued";
  return nullptr;
}

}  // namespace px::policy
