#include "policy/admission.hpp"

#include <cstdio>
#include <limits>

#include "base/check.hpp"

namespace px::policy {

namespace {

double percent(std::int64_t bandwidth) {
  return 100.0 * static_cast<double>(bandwidth) / static_cast<double>(kBandwidthOne);
}

}  // namespace

// Rounded up: bandwidths are rounded down, so what fits exactly is admitted.
Admission::Admission(int percent, int cpus)
    : limit_(percent == 0 ? std::numeric_limits<std::int64_t>::max()
                          : (kBandwidthOne * percent + 99) / 100 * cpus) {
  PX_CHECK(percent >= 0 && percent <= 100, "admission limit out of range; expected 0 to 100 %");
}

Admitted Admission::request(SchedContext& context, const Params& params, Nanos now) {
  const auto* deadline = std::get_if<DeadlineParams>(&params);
  const std::int64_t wanted = deadline != nullptr ? bandwidth_of(*deadline) : 0;
  const std::int64_t others = in_use(now) - context.dl.admitted;
  const bool granted = wanted <= context.dl.admitted || wanted <= limit_ - others;
  if (granted) {
    in_use_ = others + wanted;
    context.dl.admitted = wanted;
  }
  return {granted, wanted, others, limit_};
}

void Admission::release(SchedContext& context, Nanos now) {
  if (context.dl.started && zero_lag(context) > now) {
    (void)leaving_.add(context.dl.admitted, zero_lag(context));
  } else {
    in_use_ -= context.dl.admitted;
  }
  context.dl.admitted = 0;
}

std::int64_t Admission::in_use(Nanos now) {
  in_use_ -= leaving_.expire(now).bandwidth;
  return in_use_;
}

std::string describe(const Admitted& refused, int cpus) {
  char text[256];
  (void)std::snprintf(text, sizeof text,
                      "found a deadline task that asks for %.2f %% of a CPU where others have "
                      "%.2f %%, %.2f %% in sum, expected at most %.2f %% on %d CPU%s",
                      percent(refused.asked), percent(refused.others),
                      percent(refused.asked + refused.others), percent(refused.limit), cpus,
                      cpus == 1 ? "" : "s");
  return text;
}

}  // namespace px::policy
