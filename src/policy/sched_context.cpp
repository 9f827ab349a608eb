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

}  // namespace

std::int64_t weight_of(const FairParams& params) {
  if (params.idle_policy) return kIdlePolicyWeight;
  return kNiceWeights[static_cast<std::size_t>(params.nice - kNiceMin)];
}

void set_params(SchedContext& context, const Params& params) {
  PX_CHECK(!context.queued, "parameters may change only while the context is on no queue");
  PX_CHECK(*invalid_params(params) == '\0', "scheduling parameters out of range");
  const auto* fair = std::get_if<FairParams>(&params);
  const ClassId class_id = fair != nullptr ? ClassId::kFair : ClassId::kRealtime;
  // A place in a realtime level is kept only by who never left the class.
  if (class_id != ClassId::kRealtime) context.rt.saved_priority = 0;
  context.class_id = class_id;
  if (fair != nullptr) {
    set_fair(context, *fair);
  } else {
    set_realtime(context, std::get<RealtimeParams>(params));
  }
}

Params params_of(const SchedContext& context) {
  PX_CHECK(context.class_id != ClassId::kDeadline, "no parameters of the deadline class exist");
  if (context.class_id == ClassId::kRealtime) return context.rt_params;
  return context.fair_params;
}

const char* invalid_params(const Params& params) {
  return std::visit([](const auto& values) { return invalid(values); }, params);
}

}  // namespace px::policy
