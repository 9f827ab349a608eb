#include "workload/core_run.hpp"

#include <string>
#include <utility>
#include <vector>

#include "workload/task_names.hpp"

namespace px::workload {

void check_core_run(const Workload& workload, const RunOptions& options, int admission_percent) {
  for (std::uint32_t i = 0; i < workload.locks.size(); ++i) {
    if (protocol_of(workload, options, workload.locks[i]) != Protocol::kProtect) continue;
    static_cast<void>(ceiling_of(workload, i));  // what is wrong with it is said now
  }
  check_options(workload, options);
  check_admission(workload, options, admission_percent);
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
