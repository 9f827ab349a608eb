// The scheduling context: what decides when, and how much, something runs. It is what a blocked
// task lends; the execution context that runs on it is core's business.
//
// Plain data, no locks: everything here is guarded by the lock of the runqueue it is queued on (or
// by the owning task's lock while it is on none).
#pragma once

#include <cstdint>

#include "base/pairing_heap.hpp"
#include "base/time.hpp"
#include "policy/params.hpp"

namespace px::policy {

struct SchedContext;
class FairClass;

inline constexpr std::int64_t kNiceZeroWeight = 1024;

// Links of the fair class's tree (fair.hpp); ordered by (virtual deadline, queue_seq, id).
struct FairNode {
  SchedContext* parent = nullptr;
  SchedContext* left = nullptr;
  SchedContext* right = nullptr;
  bool red = false;
  std::int64_t subtree_min_vruntime = 0;  // augmentation: least vruntime in this subtree
};

// Virtual time is in nanoseconds of a nice-0 task; it wraps (virtual_time.hpp).
struct FairState {
  std::int64_t weight = kNiceZeroWeight;  // from fair_params; written by set_params only
  std::int64_t remainder = 0;  // of the division in the last charge, in 1/weight: no drift
  std::int64_t lag = 0;        // kept while off the queue: V - vruntime
  // A sleeper in debt: the queue whose V has to reach debt_end for it to be paid; nullptr: the debt
  // stays as it is. The queue counts in debt_period how often it has run empty.
  const FairClass* debt_queue = nullptr;
  std::int64_t debt_end = 0;
  std::uint64_t debt_period = 0;
  Nanos slice_ns = 0;            // request length in force
  std::int64_t request_end = 0;  // vruntime at which the current request is served
  bool requested = false;        // there is an unfinished request. Off the queue, virtual_deadline
                                 // then holds how much of it is left (virtual)
  std::int64_t vruntime = 0;     // virtual time received
  // The place in the order. It is request_end, or later for a context that has yielded and not run
  // since.
  std::int64_t virtual_deadline = 0;
  FairNode node;
};

struct RealtimeState {
  Nanos rr_left_ns = 0;          // of the SCHED_RR turn; 0 = the next turn is a full slice
  int saved_priority = 0;        // dequeued by kSave from this priority; 0 = not
  SchedContext* prev = nullptr;  // FIFO list of its priority
  SchedContext* next = nullptr;
};

// What the deadline class has to do at an instant: replenish a context, or forget one that sleeps.
struct DeadlineEvent : HeapNode {
  SchedContext* context = nullptr;
  Nanos at_ns = 0;
};

struct DeadlineNode {
  SchedContext* parent = nullptr;
  SchedContext* left = nullptr;
  SchedContext* right = nullptr;
  bool red = false;
};

struct DeadlineState {
  Nanos left_ns = 0;       // of the budget; below 0 by what was overrun
  Nanos deadline_ns = 0;   // absolute, of the period in force
  bool started = false;    // the two above mean something
  bool slept = false;      // has been off the queue, other than to move: the wakeup rule applies
  bool yielded = false;    // gave the rest of its budget up, and has not blocked since
  bool throttled = false;  // waits, queued, for event.at_ns to be replenished
  bool lingers = false;    // asleep, but its bandwidth counts until event.at_ns (reclaiming)
  int lingers_on = -1;     // the CPU where it does; core's
  std::int64_t bandwidth = 0;  // of its parameters, in 1 / kBandwidthOne of a CPU
  std::int64_t admitted = 0;   // what admission control has reserved for it; guarded by its lock
  std::int64_t remainder = 0;  // of the last charge while reclaiming
  std::uint64_t overruns = 0;  // budgets used up with work left
  DeadlineNode node;
  DeadlineEvent event;
};

inline constexpr std::int64_t kBandwidthOne = std::int64_t{1} << 40;
// A CPU's share for `params`, rounded down.
[[nodiscard]] std::int64_t bandwidth_of(const DeadlineParams& params);
// When a deadline context that runs no more has had neither more nor less than its share.
[[nodiscard]] Nanos zero_lag(const SchedContext& context);

struct SchedContext {
  ClassId class_id = ClassId::kFair;
  bool queued = false;          // on a class queue (the current context counts as queued)
  std::uint32_t id = 0;         // unique in its runtime, in creation order; the last tie-breaker
  void* task = nullptr;         // whose context this is; core's, opaque here
  std::uint64_t queue_seq = 0;  // order of the last enqueue on its queue: longest waiting first
  Nanos charged_ns = 0;         // time consumed by whoever ran on this context
  FairParams fair_params;
  RealtimeParams rt_params;
  FairState fair;
  RealtimeState rt;
  DeadlineParams dl_params;
  DeadlineState dl;

  // A throttled context lends nothing: whatever waits is to be served before it.
  [[nodiscard]] Rank rank() const {
    if (class_id == ClassId::kFair) return Rank::fair();
    if (class_id == ClassId::kRealtime) return Rank::realtime(rt_params.priority);
    return rank_of_rest();
  }

 private:
  [[nodiscard]] Rank rank_of_rest() const;
};

// Nice levels and SCHED_IDLE as Linux weighs them: one nice level is about 10 % of the CPU.
inline constexpr std::int64_t kIdlePolicyWeight = 3;
[[nodiscard]] std::int64_t weight_of(const FairParams& params);

// Sets class and parameters of a context that is on no queue. Values must be in range. The lag and
// what is left of a request are kept in real time: at another weight their virtual length differs.
void set_params(SchedContext& context, const Params& params);
// The parameters of the class the context is in; an idle context has fair ones.
[[nodiscard]] Params params_of(const SchedContext& context);

// "" if the values are in range, else one line: what was found and what was expected.
[[nodiscard]] const char* invalid_params(const Params& params);

}  // namespace px::policy
