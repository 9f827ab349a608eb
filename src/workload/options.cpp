#include "workload/options.hpp"

#include <algorithm>

#include "policy/admission.hpp"
#include "workload/error.hpp"
#include "workload/json_tree.hpp"

namespace px::workload {
namespace {

Protocol effective(const RunOptions& options, Protocol protocol) {
  return protocol == Protocol::kProxy && !options.proxy_exec ? Protocol::kNone : protocol;
}

void check_mask(const Workload& workload, const TaskSpec& task, const Place& place,
                const std::optional<CpuMask>& mask, int cpus) {
  if (!mask) return;
  const int beyond = mask->next(cpus - 1);
  if (beyond < 0) return;
  throw Error(workload.files[static_cast<std::size_t>(place.file)], place.line, place.column,
              "found CPU " + std::to_string(beyond) + " for task " + in_quotes(task.name) +
                  ", expected CPUs 0 to " + std::to_string(cpus - 1) + ": the run was given " +
                  std::to_string(cpus));
}

}  // namespace

int cpus_of(const Workload& workload, const RunOptions& options) {
  if (options.cpus) return *options.cpus;
  if (workload.cpus) return *workload.cpus;
  return std::max(workload.highest_cpu + 1, 1);
}

Nanos duration_of(const Workload& workload, const RunOptions& options) {
  return options.duration_ns.value_or(workload.duration_ns);
}

Protocol protocol_of(const Workload& workload, const RunOptions& options, const LockSpec& lock) {
  return lock.protocol ? effective(options, *lock.protocol) : protocol_in_force(workload, options);
}

Protocol protocol_in_force(const Workload& workload, const RunOptions& options) {
  if (options.protocol) return effective(options, *options.protocol);
  if (workload.lock_protocol) return effective(options, *workload.lock_protocol);
  return effective(options, workload.pi_enabled ? Protocol::kInherit : Protocol::kProxy);
}

void check_admission(const Workload& workload, const RunOptions& options, int percent) {
  const int cpus = cpus_of(workload, options);
  policy::Admission admission(admission_percent_of(workload, percent), cpus);
  for (const TaskSpec& task : workload.tasks) {
    policy::Params most = task.params;
    std::int64_t bandwidth = 0;
    const auto consider = [&](const policy::Params& params) {
      const auto* deadline = std::get_if<policy::DeadlineParams>(&params);
      if (deadline == nullptr || policy::bandwidth_of(*deadline) <= bandwidth) return;
      bandwidth = policy::bandwidth_of(*deadline);
      most = params;
    };
    consider(task.params);
    for (const Phase& phase : task.phases) {
      if (phase.params) consider(*phase.params);
    }
    policy::SchedContext context;
    const policy::Admitted admitted = admission.request(context, most, 0);
    if (admitted.granted) continue;
    throw Error(workload.files[static_cast<std::size_t>(task.place.file)], task.place.line,
                task.place.column,
                "task " + in_quotes(task.name) + ": " + policy::describe(admitted, cpus));
  }
}

void check_options(const Workload& workload, const RunOptions& options) {
  if (duration_of(workload, options) < 0) {
    for (const TaskSpec& task : workload.tasks) {
      if (!is_endless(task)) continue;
      throw Error(workload.files[static_cast<std::size_t>(task.place.file)], task.place.line,
                  task.place.column,
                  "found the endless task " + in_quotes(task.name) +
                      " in a run without a duration, expected one: give --duration");
    }
  }
  if (!options.cpus && !workload.cpus) return;
  const int cpus = cpus_of(workload, options);
  for (const TaskSpec& task : workload.tasks) {
    check_mask(workload, task, task.place, task.cpus, cpus);
    for (const Phase& phase : task.phases) {
      check_mask(workload, task, phase.place, phase.cpus, cpus);
    }
  }
}

}  // namespace px::workload
