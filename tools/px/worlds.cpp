#include "worlds.hpp"

#include "base/check.hpp"
#include "linux/run.hpp"
#include "live/run.hpp"
#include "sim/run.hpp"

namespace px::tools {

const char* name_of(World world) {
  switch (world) {
    case World::kSim:
      return "sim";
    case World::kLive:
      return "live";
    case World::kLinux:
      return "linux";
  }
  check_failed(__FILE__, __LINE__, "world", "a world without a name");
}

trace::RunResult run_in(World world, const workload::Workload& workload,
                        const workload::RunOptions& options, bool live_costs) {
  switch (world) {
    case World::kSim: {
      sim::SimOptions sim_options{options};
      if (live_costs) sim_options.costs = sim::Costs::kLive;
      return sim::run(workload, sim_options);
    }
    case World::kLive:
      return live::run(workload, live::LiveOptions{options});
    case World::kLinux:
      return linux_world::run(workload, linux_world::LinuxOptions{options});
  }
  check_failed(__FILE__, __LINE__, "world", "a world that cannot run");
}

}  // namespace px::tools
