// What the worlds that run on the core (sim, live) do alike with a workload, before and after.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "trace/metrics.hpp"
#include "workload/job_log.hpp"
#include "workload/options.hpp"

namespace px::workload {

// Throws Error for a lock whose protocol the core does not have, naming `world`, and for what
// check_options() refuses.
void check_core_run(const Workload& workload, const RunOptions& options, std::string_view world);

// CPUs of the run that a task may use, from what its file says (nothing = all).
using MaskOf = std::function<CpuMask(const std::optional<CpuMask>&)>;

// The consumer of the run's events: tasks and locks by their index in the workload.
[[nodiscard]] std::unique_ptr<trace::Metrics> make_metrics(const Workload& workload,
                                                           const RunOptions& options, int cpus,
                                                           const MaskOf& mask_of);

// Moves the tasks' jobs into the result, which lists the tasks in the same order, and counts the
// missed ones. The run ended at `end_ns`.
void add_jobs(trace::RunResult& result, std::deque<JobLog>& jobs, Nanos end_ns);

}  // namespace px::workload
