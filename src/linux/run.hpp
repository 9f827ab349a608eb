// The façade of the linux world: one workload in, one result out.
#pragma once

#include <string>

#include "trace/result.hpp"
#include "workload/options.hpp"

namespace px::linux_world {

struct LinuxOptions : workload::RunOptions {};

// Runs the workload to its duration (or end) and returns what happened. A deadlock is a result
// (RunResult::deadlock), not an error. Throws workload::Error for what cannot be run here.
[[nodiscard]] trace::RunResult run(const workload::Workload& workload, const LinuxOptions& options);

// Empty if the kernel lets this process have SCHED_FIFO threads, else its answer, on one line.
[[nodiscard]] std::string realtime_refusal();

}  // namespace px::linux_world
