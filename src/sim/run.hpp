// The façade of the sim world: one workload in, one result out.
#pragma once

#include "trace/result.hpp"
#include "workload/options.hpp"

namespace px::sim {

enum class Costs : std::uint8_t { kZero, kLive };

struct SimOptions : workload::RunOptions {
  Costs costs = Costs::kZero;
};

// Runs the workload to its duration (or end) and returns what happened. A deadlock is a result
// (RunResult::deadlock), not an error. Throws workload::Error for what cannot be run here.
[[nodiscard]] trace::RunResult run(const workload::Workload& workload, const SimOptions& options);

}  // namespace px::sim
