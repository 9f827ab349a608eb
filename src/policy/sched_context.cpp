#include "policy/sched_context.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

#include "base/check.hpp"
#include "policy/virtual_time.hpp"

namespace px::policy {

namespace {

constexpr std::array<std::int64_t, kNiceMax - kNiceMin + 1> kNiceWeights = {
    88761, 71755, 56483, 46273, 36291,  // -20
    29154, 23254, 18705, 14949, 11916,  // -15
    9548,  7620,  6100,  4904,  3906,   // -10
    3121,  2501,  1991,  1586,  1277,   // -5
    1024,  820,   655,   526,   423,    // 0
    335,   272,   215,   172,   137,    // 5
    110,   87,    70,    56,    45,     // 10
    36,    29,    23,    18,    15,     // 15
};
static_assert(kNiceWeights[-kNiceMin] == kNiceZeroWeight);

const char* invalid(const FairParams& params) {
  if (params.nice < kNiceMin) return "nice level below -20; expected -20 to 19";
  if (params.nice > kNiceMax) return "nice level above 19; expected -20 to 19";
  if (params.slice_ns < 0) return "negative slice; expected 0 (the default) to 10 s";
  if (params.slice_ns > kSliceMax) return "slice above 10 s; expected 0 (the default) to 10 s";
  return "";
}

const char* invalid(const RealtimeParams& params) {
  if (params.priority < kRtPriorityMin) return "realtime priority below 1; expected 1 to 99";
  if (params.priority > kRtPriorityMax) return "realtime priority above 99; expected 1 to 99";
  return "";
}

const char* invalid(const DeadlineParams& params) {
  if (params.runtime_ns <= 0) return "deadline runtime not above 0; expected at least 1 ns";
  if (params.deadline_ns < params.runtime_ns) {
    return "deadline shorter than the runtime; expected runtime <= deadline <= period";
  }
  if (params.period_ns < params.deadline_ns) {
    return "period shorter than the deadline; expected runtime <= deadline <= period";
  }
  if (params.period_ns > kPeriodMax) return "period above 8796 s; expected at most that";
  return "";
}

void set_fair(SchedContext& context, const FairParams& params) {
  FairState& fair = context.fair;
  const std::int64_t before = fair.weight;
  const std::int64_t weight = weight_of(params);
  if (weight != before) {
    const auto scaled = [&](std::int64_t value) {
      return floor_div(Int128{value} * before, weight);
    };
    fair.lag = scaled(fair.lag);
    fair.debt_queue = nullptr;
    if (fair.requested) {
      // Never to nothing: it would be served before it goes on.
      fair.virtual_deadline = std::max<std::int64_t>(scaled(fair.virtual_deadline), 1);
    }
    fair.remainder = fair.remainder * weight / before;
    fair.weight = weight;
  }
  if (params.slice_ns != context.fair_params.slice_ns) fair.requested = false;
  context.fair_params = params;
}

void set_realtime(SchedContext& context, const RealtimeParams& params) {
  if (params != context.rt_params) context.rt.rr_left_ns = 0;
  context.rt_params = params;
}

// What is left of a budget, and its deadline, outlive a change: nobody gets a second budget by one.
void set_deadline(SchedContext& context, const DeadlineParams& params) {
  DeadlineState& dl = context.dl;
  PX_CHECK(!dl.lingers, "a context that counts as active elsewhere is forgotten there first");
  if (context.class_id != ClassId::kDeadline) dl.slept = true;
  dl.left_ns = std::min(dl.left_ns, params.runtime_ns);
  dl.bandwidth = bandwidth_of(params);
  dl.remainder = 0;
  context.dl_params = params;
}

ClassId class_of(const Params& params) {
  if (std::holds_alternative<FairParams>(params)) return ClassId::kFair;
  return std::holds_alternative<RealtimeParams>(params) ? ClassId::kRealtime : ClassId::kDeadline;
}

}  // namespace

Rank SchedContext::rank_of_rest() const {
  if (class_id == ClassId::kIdle || dl.throttled) return Rank::idle();
  return Rank::deadline(dl.deadline_ns);
}

std::int64_t weight_of(const FairParams& params) {
  if (params.idle_policy) return kIdlePolicyWeight;
  return kNiceWeights[static_cast<std::size_t>(params.nice - kNiceMin)];
}

std::int64_t bandwidth_of(const DeadlineParams& params) {
  return static_cast<std::int64_t>(Int128{params.runtime_ns} * kBandwidthOne / params.period_ns);
}

Nanos zero_lag(const SchedContext& context) {
  const DeadlineParams& params = context.dl_params;
  return context.dl.deadline_ns -
         floor_div(Int128{context.dl.left_ns} * params.period_ns, params.runtime_ns);
}

void set_params(SchedContext& context, const Params& params) {
  PX_CHECK(!context.queued, "parameters may change only while the context is on no queue");
  PX_CHECK(*invalid_params(params) == '\0', "scheduling parameters out of range");
  const ClassId class_id = class_of(params);
  // A place in a realtime level is kept only by who never left the class.
  if (class_id != ClassId::kRealtime) context.rt.saved_priority = 0;
  if (const auto* fair = std::get_if<FairParams>(&params)) {
    set_fair(context, *fair);
  } else if (const auto* realtime = std::get_if<RealtimeParams>(&params)) {
    set_realtime(context, *realtime);
  } else {
    set_deadline(context, std::get<DeadlineParams>(params));
  }
  context.class_id = class_id;
}

Params params_of(const SchedContext& context) {
  if (context.class_id == ClassId::kDeadline) return context.dl_params;
  if (context.class_id == ClassId::kRealtime) return context.rt_params;
  return context.fair_params;
}

const char* invalid_params(const Params& params) {
  return std::visit([](const auto& values) { return invalid(values); }, params);
}

}  // namespace px::policy
