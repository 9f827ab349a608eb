// What results call a task's policy, and what the metrics have to know of it.
#pragma once

#include "policy/sched_context.hpp"
#include "trace/metrics.hpp"
#include "workload/workload.hpp"

namespace px::workload {

// other, batch, idle, fifo, rr or deadline.
[[nodiscard]] inline const char* policy_name(const policy::Params& params) {
  if (const auto* rt = std::get_if<policy::RealtimeParams>(&params)) {
    return rt->round_robin ? "rr" : "fifo";
  }
  if (std::holds_alternative<policy::DeadlineParams>(params)) return "deadline";
  const auto& fair = std::get<policy::FairParams>(params);
  if (fair.idle_policy) return "idle";
  return fair.batch ? "batch" : "other";
}

// For the metrics, which do not follow deadlines: all deadline tasks are of one rank.
[[nodiscard]] inline policy::Rank rank_of(const policy::Params& params) {
  if (std::holds_alternative<policy::DeadlineParams>(params)) {
    return policy::Rank::deadline_class();
  }
  const auto* rt = std::get_if<policy::RealtimeParams>(&params);
  return rt != nullptr ? policy::Rank::realtime(rt->priority) : policy::Rank::fair();
}

// `affinity`: the CPUs of the run that the task may use.
[[nodiscard]] inline trace::MetricsTask metrics_task(const TaskSpec& spec,
                                                     const CpuMask& affinity) {
  trace::MetricsTask task;
  task.name = spec.name;
  task.policy = policy_name(spec.params);
  task.rank = rank_of(spec.params).value();
  task.fair = std::holds_alternative<policy::FairParams>(spec.params);
  task.affinity = affinity;
  return task;
}

}  // namespace px::workload
