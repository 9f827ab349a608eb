// Scheduling parameters as users give them, and rank: the order between scheduling contexts.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <variant>

#include "base/time.hpp"

namespace px::policy {

// Classes in rank order: a context of an earlier class always outranks one of a later class.
enum class ClassId : std::uint8_t { kDeadline, kRealtime, kFair, kIdle };

inline constexpr int kClassCount = 4;
inline constexpr int kNiceMin = -20;
inline constexpr int kNiceMax = 19;
inline constexpr int kRtPriorityMin = 1;
inline constexpr int kRtPriorityMax = 99;
inline constexpr Nanos kSliceMax = 10 * kSecond;     // longest request and longest SCHED_RR turn
inline constexpr Nanos kPeriodMax = Nanos{1} << 43;  // longest period of a deadline task: 2.4 hours

struct FairParams {
  int nice = 0;              // kNiceMin .. kNiceMax
  bool batch = false;        // SCHED_BATCH: does not preempt when it wakes
  bool idle_policy = false;  // SCHED_IDLE: the lowest weight, whatever the nice level
  Nanos slice_ns = 0;        // requested slice, up to kSliceMax; 0 = the class's default
  bool operator==(const FairParams&) const = default;
};

struct RealtimeParams {
  int priority = 10;         // kRtPriorityMin .. kRtPriorityMax, higher is more urgent
  bool round_robin = false;  // SCHED_RR; otherwise SCHED_FIFO
  bool operator==(const RealtimeParams&) const = default;
};

// 0 < runtime_ns <= deadline_ns <= period_ns <= kPeriodMax.
struct DeadlineParams {
  Nanos runtime_ns = 0;   // execution guaranteed in each period, and the most it gets there
  Nanos deadline_ns = 0;  // by when after the period's begin
  Nanos period_ns = 0;
  bool operator==(const DeadlineParams&) const = default;
};

using Params = std::variant<FairParams, RealtimeParams, DeadlineParams>;

// Rank decides who may preempt whom and in what order waiters are served: class first, then RT
// priority or absolute deadline. Two fair contexts are always equal in rank: a fair task never
// outranks a fair task.
class Rank {
 public:
  constexpr Rank() = default;
  static constexpr Rank idle() { return Rank(0); }
  static constexpr Rank fair() { return Rank(1); }
  static constexpr Rank realtime(int priority) { return Rank(1 + priority); }
  // Of the deadline class: the earlier, the higher. No deadline is as late as to meet realtime.
  static constexpr Rank deadline(Nanos at_ns) {
    return Rank(std::max(std::numeric_limits<std::int64_t>::max() - at_ns, kDeadlineLeast));
  }
  // The lowest of the deadline class, for who cannot follow the deadlines.
  static constexpr Rank deadline_class() { return Rank(kDeadlineLeast); }
  static constexpr Rank of_value(std::int64_t value) { return Rank(value); }

  constexpr auto operator<=>(const Rank&) const = default;
  [[nodiscard]] constexpr bool outranks(Rank other) const { return value_ > other.value_; }
  [[nodiscard]] constexpr std::int64_t value() const { return value_; }

 private:
  static constexpr std::int64_t kDeadlineLeast = 2 + kRtPriorityMax;
  explicit constexpr Rank(std::int64_t value) : value_(value) {}
  std::int64_t value_ = 0;
};

}  // namespace px::policy
