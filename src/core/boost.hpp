// What holding a lock adds to its owner's own parameters (protocols `inherit` and `protect`): a
// number, so that it fits into the lock and the strongest of several is a comparison.
#pragma once

#include <cstdint>
#include <limits>
#include <variant>

#include "policy/sched_context.hpp"

namespace px::core {

// 0: nothing. Negative: a nice level, -(level + 21), so -40 (nice 19) to -1 (nice -20). Otherwise
// the value of a Rank above the fair one.
using BoostCode = std::int64_t;

[[nodiscard]] constexpr BoostCode boost_of_nice(int nice) { return -(BoostCode{nice} + 21); }

// What a waiter of that rank gives: a fair one gives nothing, as an rt_mutex's; a deadline task the
// highest realtime priority.
[[nodiscard]] constexpr BoostCode boost_of_rank(policy::Rank rank) {
  constexpr BoostCode kMost = policy::Rank::realtime(policy::kRtPriorityMax).value();
  if (!rank.outranks(policy::Rank::fair())) return 0;
  return rank.value() < kMost ? rank.value() : kMost;
}

// The stronger of two, where a realtime rank is stronger than any nice level.
[[nodiscard]] constexpr BoostCode stronger_boost(BoostCode a, BoostCode b) {
  constexpr auto order = [](BoostCode code) {
    return code == 0 ? std::numeric_limits<BoostCode>::min() : code;
  };
  return order(a) < order(b) ? b : a;
}

// The highest of the parameters that the code stands for: SCHED_FIFO at that rank, or that level.
// `base` itself where it is at least as good.
[[nodiscard]] inline policy::Params boosted_params(const policy::Params& base, BoostCode code) {
  if (code == 0) return base;
  const auto* fair = std::get_if<policy::FairParams>(&base);
  if (code < 0) {
    const int nice = static_cast<int>(-code - 21);
    if (fair == nullptr || (fair->nice <= nice && !fair->idle_policy)) return base;
    policy::FairParams raised = *fair;
    raised.nice = nice;
    raised.idle_policy = false;
    return raised;
  }
  const auto* rt = std::get_if<policy::RealtimeParams>(&base);
  const auto priority = static_cast<int>(code - policy::Rank::fair().value());
  if (fair == nullptr && (rt == nullptr || rt->priority >= priority)) return base;
  return policy::RealtimeParams{priority, false};
}

// A ceiling as a lock keeps it: 1 to 99 a realtime priority, else boost_of_nice(); 0 = none.
using CeilingByte = std::int8_t;
[[nodiscard]] constexpr CeilingByte realtime_ceiling(int priority) {
  return static_cast<CeilingByte>(priority);
}
[[nodiscard]] constexpr CeilingByte nice_ceiling(int nice) {
  return static_cast<CeilingByte>(boost_of_nice(nice));
}
[[nodiscard]] constexpr BoostCode boost_of_ceiling(CeilingByte ceiling) {
  return ceiling > 0 ? policy::Rank::realtime(ceiling).value() : ceiling;
}

// Whether a task with these parameters ranks above the ceiling, so that the lock refuses it.
[[nodiscard]] inline bool above_ceiling(const policy::Params& params, CeilingByte ceiling) {
  const auto* fair = std::get_if<policy::FairParams>(&params);
  if (fair != nullptr) {
    return ceiling < 0 && !fair->idle_policy && boost_of_nice(fair->nice) > ceiling;
  }
  const auto* rt = std::get_if<policy::RealtimeParams>(&params);
  return rt == nullptr || ceiling < 0 || rt->priority > ceiling;
}

}  // namespace px::core
