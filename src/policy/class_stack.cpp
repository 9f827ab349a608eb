#include "policy/class_stack.hpp"

#include "base/check.hpp"

namespace px::policy {

namespace {

// Calls `action` with the class of `context`, by its own type: no virtual call on the way.
template <typename Deadline, typename Realtime, typename Fair, typename F>
decltype(auto) with_class(const SchedContext& context, Deadline& deadline, Realtime& realtime,
                          Fair& fair, F action) {
  if (context.class_id == ClassId::kFair) return action(fair);
  if (context.class_id == ClassId::kRealtime) return action(realtime);
  PX_CHECK(context.class_id == ClassId::kDeadline, "a context of this class is on no class queue");
  return action(deadline);
}

}  // namespace

ClassStack::ClassStack(const Tunables& tunables)
    : deadline_(tunables.deadline_reclaim, tunables.deadline_limit_percent),
      realtime_(tunables.rr_slice_ns),
      fair_(tunables.fair_slice_ns) {}

void ClassStack::enqueue(SchedContext& context, Enqueue why, Nanos now) {
  with_class(context, deadline_, realtime_, fair_,
             [&](auto& cls) { cls.enqueue(context, why, now); });
}

void ClassStack::dequeue(SchedContext& context, Dequeue why, Nanos now) {
  with_class(context, deadline_, realtime_, fair_,
             [&](auto& cls) { cls.dequeue(context, why, now); });
}

SchedContext* ClassStack::pick(Nanos now) {
  if (deadline_.ready() > 0) [[unlikely]]
    return deadline_.pick(now);
  SchedContext* best = realtime_.pick(now);
  return best != nullptr ? best : fair_.pick(now);
}

void ClassStack::set_current(SchedContext& context, Nanos now) {
  if (context.class_id == ClassId::kIdle) return;
  with_class(context, deadline_, realtime_, fair_,
             [&](auto& cls) { cls.set_current(context, now); });
}

void ClassStack::put_current(SchedContext& context, Nanos now) {
  if (context.class_id == ClassId::kIdle) return;
  with_class(context, deadline_, realtime_, fair_,
             [&](auto& cls) { cls.put_current(context, now); });
}

bool ClassStack::charge(SchedContext& current, Nanos ran, Nanos now) {
  return with_class(current, deadline_, realtime_, fair_,
                    [&](auto& cls) { return cls.charge(current, ran, now); });
}

bool ClassStack::preempts(const SchedContext& woken, const SchedContext& current, Nanos now) {
  if (woken.class_id != current.class_id) {
    return woken.class_id < current.class_id &&
           !(woken.class_id == ClassId::kDeadline && woken.dl.throttled);
  }
  if (woken.class_id == ClassId::kIdle) return false;
  return with_class(woken, deadline_, realtime_, fair_,
                    [&](auto& cls) { return cls.preempts(woken, current, now); });
}

void ClassStack::yield(SchedContext& current, Nanos now) {
  if (current.class_id == ClassId::kIdle) return;
  with_class(current, deadline_, realtime_, fair_, [&](auto& cls) { cls.yield(current, now); });
}

Nanos ClassStack::slice_end(const SchedContext& current, Nanos now) const {
  if (current.class_id == ClassId::kIdle) return kNever;
  return with_class(current, deadline_, realtime_, fair_,
                    [&](const auto& cls) { return cls.slice_end(current, now); });
}

const char* ClassStack::check() const {
  if (const char* broken = deadline_.check()) return broken;
  if (const char* broken = realtime_.check()) return broken;
  if (const char* broken = fair_.check()) return broken;
  const int current = (deadline_.current() != nullptr ? 1 : 0) +
                      (realtime_.current() != nullptr ? 1 : 0) +
                      (fair_.current() != nullptr ? 1 : 0);
  if (current > 1) {
    return "classes: two contexts are current on one CPU";
  }
  return nullptr;
}

}  // namespace px::policy
