// One run of the demo's workload, reduced to what the demo shows.
#pragma once

#include <string>
#include <vector>

#include "demo_workload.hpp"
#include "report/demo.hpp"
#include "workload/workload.hpp"
#include "worlds.hpp"

namespace px::tools {

struct DemoSettings {
  World world = World::kSim;
  workload::Protocol protocol = workload::Protocol::kProxy;
  Nanos duration_ns = 0;
  bool proxy_exec = true;
  bool privileged = false;  // realtime threads are wanted, and may be tried
};

// Runs it and looks at the foreground. What cannot be run here comes back as skipped, with the
// reason. Takes duration_ns, except in sim. Where the machine was too busy for the figures to mean
// much, `notes` gets a line that says so.
[[nodiscard]] report::DemoCase run_demo_case(DemoKind kind, const DemoSettings& settings,
                                             std::vector<std::string>& notes);

// What the demo shows of a run; for tests. `result` must be of a demo workload, with its lock calls
// recorded.
[[nodiscard]] report::DemoCase reduce(const trace::RunResult& result,
                                      std::vector<trace::Disturbance> sentinel_gaps);

}  // namespace px::tools
