// The façade of the live world: one workload in, one result out.
#pragma once

#include "trace/result.hpp"
#include "workload/options.hpp"

namespace px::live {

struct LiveOptions : workload::RunOptions {};

// Runs the workload to its duration (or end) and returns what happened. A deadlock is a result
// (RunResult::deadlock), not an error. Throws workload::Error for what cannot be run here.
[[nodiscard]] trace::RunResult run(const workload::Workload& workload, const LiveOptions& options);

}  // namespace px::live
