#include "workload/core_run.hpp"

#include <string>
#include <utility>
#include <vector>

#include "workload/error.hpp"
#include "workload/task_names.hpp"

namespace px::workload {

void check_core_run(const Workload& workload, const RunOptions& options, std::string_view world) {
  for (const LockSpec& lock : workload.locks) {
    const Protocol protocol = protocol_of(workload, options, lock);
    if (protocol == Protocol::kProxy || protocol == Protocol::kNone) continue;
    throw Error("lock \"" + lock.name + "\": protocol \"" + name_of(protocol) +
                "\" is not available in world " + std::string(world) +
                ", expected proxy or none (give --protocol, or px.lock_protocol in the workload)");
  }
  check_options(workload, options);
}

std::unique_ptr<trace::Metrics> make_metrics(const Workload& workload, const RunOptions& options,
                                             int cpus, const MaskOf& mask_of) {
  std::vector<trace::MetricsTask> tasks;
  for (const TaskSpec& spec : workload.tasks) {
    tasks.push_back(metrics_task(spec, mask_of(spec.cpus)));
  }
  std::vector<std::string> locks;
  for (const LockSpec& lock : workload.locks) locks.push_back(lock.name);
  trace::MetricsOptions metrics_options;
  metrics_options.cpus = cpus;
  metrics_options.record = options.record;
  metrics_options.duration_ns = duration_of(workload, options);
  return std::make_unique<trace::Metrics>(std::move(tasks), locks, metrics_options);
}

void add_jobs(trace::RunResult& result, std::deque<JobLog>& jobs, Nanos end_ns) {
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    jobs[i].finalize(end_ns);
    result.tasks[i].jobs = jobs[i].take();
    for (const auto& job : result.tasks[i].jobs) {
      result.totals.deadline_misses += job.missed ? 1 : 0;
    }
  }
}

}  // namespace px::workload
