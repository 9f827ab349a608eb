#include "policy/realtime.hpp"

#include <bit>

#include "base/check.hpp"

namespace px::policy {

namespace {

bool before(const SchedContext& a, const SchedContext& b) {
  return a.queue_seq != b.queue_seq ? a.queue_seq < b.queue_seq : a.id < b.id;
}

bool alone_at_level(const SchedContext& context) { return context.rt.next == &context; }

}  // namespace

RealtimeClass::RealtimeClass(Nanos rr_slice_ns) : rr_slice_ns_(rr_slice_ns) {
  PX_CHECK(rr_slice_ns > 0 && rr_slice_ns <= kSliceMax,
           "round-robin slice out of range; expected 1 ns to 10 s");
}

void RealtimeClass::mark(int priority, bool present) {
  const auto bit = std::uint64_t{1} << (static_cast<unsigned>(priority) % 64);
  auto& word = present_[static_cast<unsigned>(priority) / 64];
  word = present ? word | bit : word & ~bit;
}

// The highest priority below `limit` (1 .. 127) with a context, or -1.
int RealtimeClass::highest_below(int limit) const {
  const auto below = [](int bits) { return (std::uint64_t{1} << static_cast<unsigned>(bits)) - 1; };
  if (limit > 64) {
    const std::uint64_t high = present_[1] & below(limit - 64);
    if (high != 0) return 127 - std::countl_zero(high);
  }
  const std::uint64_t low = present_[0] & (limit >= 64 ? ~std::uint64_t{0} : below(limit));
  return low != 0 ? 63 - std::countl_zero(low) : -1;
}

SchedContext* RealtimeClass::first() const {
  const int priority = highest_below(kRtPriorityMax + 1);
  return priority < 0 ? nullptr : head_of(priority);
}

SchedContext* RealtimeClass::next(const SchedContext& context) const {
  const int priority = context.rt_params.priority;
  if (context.rt.next != head_of(priority)) return context.rt.next;
  const int lower = highest_below(priority);
  return lower < 0 ? nullptr : head_of(lower);
}

// Looks from the tail: what comes there costs one comparison with each context of the same instant.
void RealtimeClass::insert_in_order(SchedContext& context) {
  const int priority = context.rt_params.priority;
  auto& head = heads_[static_cast<std::size_t>(priority)];
  if (head == nullptr) {
    context.rt.prev = context.rt.next = &context;
    head = &context;
    mark(priority, true);
    return;
  }
  SchedContext* after = head->rt.prev;
  while (before(context, *after)) {
    if (after == head) {
      head = &context;
      after = after->rt.prev;
      break;
    }
    after = after->rt.prev;
  }
  context.rt.prev = after;
  context.rt.next = after->rt.next;
  after->rt.next->rt.prev = &context;
  after->rt.next = &context;
}

void RealtimeClass::remove(SchedContext& context) {
  const int priority = context.rt_params.priority;
  auto& head = heads_[static_cast<std::size_t>(priority)];
  if (alone_at_level(context)) {
    head = nullptr;
    mark(priority, false);
  } else {
    if (head == &context) head = context.rt.next;
    context.rt.prev->rt.next = context.rt.next;
    context.rt.next->rt.prev = context.rt.prev;
  }
  context.rt.prev = context.rt.next = nullptr;
}

void RealtimeClass::move_to_head(SchedContext& context) {
  remove(context);
  context.queue_seq = arrivals_.before_all();
  insert_in_order(context);
}

void RealtimeClass::move_to_tail(SchedContext& context) {
  auto& head = heads_[static_cast<std::size_t>(context.rt_params.priority)];
  context.queue_seq = arrivals_.behind_all();
  if (head == &context) {  // the usual case: turning the circle is enough
    head = context.rt.next;
    return;
  }
  remove(context);
  insert_in_order(context);
}

void RealtimeClass::enqueue(SchedContext& context, Enqueue why, Nanos now) {
  PX_CHECK(!context.queued, "a context can be on one queue only");
  PX_CHECK(context.class_id == ClassId::kRealtime, "only realtime contexts belong here");
  const int priority = context.rt_params.priority;
  const int saved = context.rt.saved_priority;
  const bool keeps_place = (why == Enqueue::kRestore && saved == priority) ||
                           (why == Enqueue::kRestorePlace && saved != 0);
  SchedContext* head = head_of(priority);
  if (why == Enqueue::kRestoreHead) {
    context.queue_seq = arrivals_.before_all();
  } else if (!keeps_place) {
    context.queue_seq = arrivals_.at(now);
  }
  const bool keeps_turn = keeps_place || why == Enqueue::kRestoreHead;
  if (!keeps_turn || context.rt.rr_left_ns <= 0) context.rt.rr_left_ns = rr_slice_ns_;
  context.rt.saved_priority = 0;
  context.queued = true;
  ++queued_;
  insert_in_order(context);
  // Among equals the running one stays; only a current context that has given way is not the head.
  if (why == Enqueue::kRestoreHead && head != nullptr && head == current_) move_to_head(*head);
}

void RealtimeClass::dequeue(SchedContext& context, Dequeue why, Nanos /*now*/) {
  PX_CHECK(context.queued, "only a queued context can be dequeued");
  PX_CHECK(context.class_id == ClassId::kRealtime, "only realtime contexts are queued here");
  context.rt.saved_priority = why == Dequeue::kSave ? context.rt_params.priority : 0;
  if (&context == current_) current_ = nullptr;
  remove(context);
  context.queued = false;
  --queued_;
}

SchedContext* RealtimeClass::pick(Nanos /*now*/) { return first(); }

// Numbered before all others, the running context stays ahead of those that come at the instant at
// which it came itself. It is not the head if a change of its parameters has just sent it to the
// tail; then that is its place.
void RealtimeClass::set_current(SchedContext& context, Nanos /*now*/) {
  PX_CHECK(current_ == nullptr, "the current context must be put back before another is set");
  PX_CHECK(context.queued, "only a queued context can become current");
  current_ = &context;
  if (head_of(context.rt_params.priority) == &context) context.queue_seq = arrivals_.before_all();
}

void RealtimeClass::put_current(SchedContext& context, Nanos /*now*/) {
  PX_CHECK(current_ == &context, "only the current context can be put back");
  current_ = nullptr;
}

bool RealtimeClass::charge(SchedContext& current, Nanos ran, Nanos /*now*/) {
  PX_CHECK(current_ == &current, "only the current context pays");
  PX_CHECK(ran >= 0, "a charge cannot be negative");
  if (!current.rt_params.round_robin) return false;
  current.rt.rr_left_ns -= ran;
  if (current.rt.rr_left_ns > 0) return false;
  current.rt.rr_left_ns = rr_slice_ns_;
  if (alone_at_level(current)) return false;
  move_to_tail(current);
  return true;
}

bool RealtimeClass::preempts(const SchedContext& woken, const SchedContext& current,
                             Nanos /*now*/) {
  return woken.rt_params.priority > current.rt_params.priority;
}

void RealtimeClass::yield(SchedContext& current, Nanos /*now*/) {
  PX_CHECK(current_ == &current, "only the current context yields");
  current.rt.rr_left_ns = rr_slice_ns_;
  move_to_tail(current);
}

Nanos RealtimeClass::slice_end(const SchedContext& current, Nanos now) const {
  if (!current.rt_params.round_robin || alone_at_level(current)) return kNever;
  return now + current.rt.rr_left_ns;
}

const char* RealtimeClass::check_level(int priority) const {
  const SchedContext* head = head_of(priority);
  const SchedContext* at = head;
  do {
    if (!at->queued) return "realtime: a context on a list is not marked as queued";
    if (at->class_id != ClassId::kRealtime) return "realtime: a context of another class is queued";
    if (at->rt_params.priority != priority) return "realtime: a context on another level's list";
    if (at->rt.next->rt.prev != at) return "realtime: a list's links differ";
    if (at->rt.rr_left_ns <= 0) return "realtime: a context with a used-up turn";
    if (at->rt.next != head && !before(*at, *at->rt.next)) return "realtime: a list out of order";
    at = at->rt.next;
  } while (at != head);
  return nullptr;
}

const char* RealtimeClass::check() const {
  // Once in every state that a checker visits: without a branch for each of the levels, most of
  // which are empty.
  int lists = 0;
  for (const SchedContext* head : heads_) lists += head != nullptr ? 1 : 0;
  for (int priority = highest_below(kRtPriorityMax + 1); priority >= 0;
       priority = highest_below(priority)) {
    if (head_of(priority) == nullptr) return "realtime: the bitmap names an empty list";
    if (const char* broken = check_level(priority)) return broken;
    --lists;
  }
  if (lists != 0) return "realtime: the bitmap leaves a list out";
  int count = 0;
  bool current_seen = current_ == nullptr;
  for_each_queued([&](const SchedContext& context) {
    ++count;
    if (&context == current_) current_seen = true;
  });
  if (count != queued_) return "realtime: the count differs from the contexts queued";
  if (!current_seen) return "realtime: the current context is not queued";
  return nullptr;
}

}  // namespace px::policy
