#include "cmd_run.hpp"

#include <fmt/format.h>

#include <limits>
#include <string_view>

#include "arguments.hpp"
#include "disturbance.hpp"
#include "output.hpp"
#include "progress.hpp"
#include "report/timeline.hpp"
#include "trace/human.hpp"
#include "trace/result_json.hpp"
#include "trace/summary.hpp"
#include "workload/read.hpp"
#include "worlds.hpp"

namespace px::tools {

namespace {

struct Plan {
  World world = World::kSim;
  workload::RunOptions options;
  bool live_costs = false;
};

Plan plan_of(const RunArguments& arguments) {
  Plan plan;
  if (arguments.world) {
    constexpr World kWorlds[] = {World::kLive, World::kSim, World::kLinux};
    plan.world = kWorlds[parse_choice("--world", *arguments.world, {"live", "sim", "linux"})];
  }
  workload::RunOptions& options = plan.options;
  if (arguments.cpus) {
    options.cpus = static_cast<int>(parse_number("--cpus", *arguments.cpus, 1, kMaxCpus));
  }
  if (arguments.protocol) {
    (void)parse_choice("--protocol", *arguments.protocol, {"none", "inherit", "protect", "proxy"});
    options.protocol = workload::protocol_named(*arguments.protocol);
  }
  if (arguments.duration) {
    options.duration_ns = parse_seconds("--duration", *arguments.duration, true);
  }
  if (arguments.seed) {
    options.seed =
        parse_number("--seed", *arguments.seed, 0, std::numeric_limits<std::uint64_t>::max());
  }
  if (arguments.costs) {
    plan.live_costs = parse_choice("--costs", *arguments.costs, {"zero", "live"}) == 1;
  }
  if (plan.live_costs && plan.world != World::kSim) {
    throw UsageError(std::string("--costs live is for --world sim; world ") + name_of(plan.world) +
                     " has costs of its own");
  }
  if (arguments.placement &&
      parse_choice("--placement", *arguments.placement, {"owner", "donor"}) == 1) {
    throw UsageError("--placement donor is not available in this version; use --placement owner");
  }
  options.proxy_exec = proxy_exec_from_environment();
  options.record = arguments.json || arguments.report;
  return plan;
}

// Where the results go; their texts are still empty.
std::vector<Output> outputs_of(const RunArguments& arguments) {
  if (arguments.trace) {
    throw UsageError("--trace is not available in this version; use --report or --json");
  }
  std::vector<Output> outputs;
  if (arguments.json) outputs.push_back({"--json", *arguments.json, {}});
  if (arguments.report) outputs.push_back({"--report", *arguments.report, {}});
  check_outputs(outputs, arguments.files);
  return outputs;
}

std::string title_of(const RunArguments& arguments) {
  std::string title;
  for (const std::string& file : arguments.files) title += (title.empty() ? "" : ", ") + file;
  return title;
}

// How many deadlines were missed, beside what the machine took away meanwhile; empty if no job has
// one. In sim nothing is taken away.
std::string deadlines_line(const trace::RunResult& result) {
  std::size_t deadlines = 0;
  for (const trace::TaskResult& task : result.tasks) {
    for (const trace::Job& job : task.jobs) deadlines += job.deadline_ns ? 1 : 0;
  }
  if (deadlines == 0) return {};
  const DisturbanceLog log(result.disturbances, result.duration_ns);
  return fmt::format(
      "\n{} of {} deadlines missed; the machine took a CPU away from a computing task for {} in "
      "all, "
      "its host stole {}\n",
      result.totals.deadline_misses, deadlines, trace::human_duration(log.total()),
      trace::human_duration(result.stolen_ns));
}

}  // namespace

int run_command(const RunArguments& arguments) {
  const Plan plan = plan_of(arguments);
  std::vector<Output> outputs = outputs_of(arguments);
  const workload::Workload workload = workload::read_files(arguments.files);
  trace::RunResult result;
  {
    // How long a simulation takes has nothing to do with the time that it simulates.
    const Nanos expected =
        plan.world == World::kSim ? -1 : workload::duration_of(workload, plan.options);
    const Progress progress(std::string("px run, world ") + name_of(plan.world), expected);
    result = run_in(plan.world, workload, plan.options, plan.live_costs);
  }
  std::string summary = trace::summary_table(result);
  if (plan.world != World::kSim) summary += deadlines_line(result);
  for (Output& output : outputs) {
    output.text = output.option == "--json"
                      ? trace::to_json(result)
                      : report::run_report_html({result}, title_of(arguments));
  }
  write_outputs(outputs, summary);
  return result.deadlock.empty() ? 0 : 1;
}

}  // namespace px::tools
