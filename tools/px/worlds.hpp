// The worlds by name, behind one call.
#pragma once

#include <cstdint>

#include "trace/result.hpp"
#include "workload/options.hpp"

namespace px::tools {

enum class World : std::uint8_t { kSim, kLive, kLinux };

[[nodiscard]] const char* name_of(World world);

// Runs the workload in one world. `live_costs`: sim charges what the live world was measured to
// spend; elsewhere without meaning. Throws workload::Error for what cannot be run there.
[[nodiscard]] trace::RunResult run_in(World world, const workload::Workload& workload,
                                      const workload::RunOptions& options, bool live_costs);

}  // namespace px::tools
