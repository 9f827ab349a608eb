#include "cmd_check.hpp"

#include <unistd.h>

#include <iostream>
#include <limits>
#include <ostream>

#include "arguments.hpp"
#include "base/cpu_mask.hpp"
#include "check/check.hpp"
#include "check_workload.hpp"
#include "output.hpp"
#include "report/timeline.hpp"

namespace px::tools {

namespace {

constexpr std::uint64_t kMaxBound = 1000;
constexpr std::uint64_t kMaxMib = std::uint64_t{1} << 30;

check::CheckOptions options_of(const CheckArguments& arguments) {
  check::CheckOptions options;
  options.scenario = arguments.scenario.value_or("");
  options.list = arguments.list;
  options.all = arguments.all;
  options.nightly = arguments.nightly;
  options.coverage = arguments.coverage;
  options.mutants = arguments.mutants;
  options.list_mutants = arguments.list_mutants;
  options.mutant = arguments.mutant.value_or("");
  options.invariant = arguments.invariant.value_or("");
  options.replay = arguments.replay.value_or("");
  options.json = arguments.json.value_or("");
  if (arguments.cpus) {
    options.cpus = static_cast<int>(parse_number("--cpus", *arguments.cpus, 1, kMaxCpus));
  }
  if (arguments.bound) {
    options.bound = static_cast<int>(parse_number("--bound", *arguments.bound, 0, kMaxBound));
  }
  if (arguments.mode) {
    (void)parse_choice("--mode", *arguments.mode,
                       {"stateful", "breadth", "bounded", "pct", "random"});
    options.mode = *arguments.mode;
  }
  if (arguments.granularity) {
    (void)parse_choice("--granularity", *arguments.granularity, {"coarse", "fine"});
    options.granularity = *arguments.granularity;
  }
  if (arguments.seconds) {
    const Nanos seconds = parse_seconds("--seconds", *arguments.seconds, false);
    options.seconds = static_cast<double>(seconds) / static_cast<double>(kSecond);
  }
  if (arguments.max_states) {
    options.max_states = parse_number("--max-states", *arguments.max_states, 1,
                                      std::numeric_limits<std::uint64_t>::max());
  }
  if (arguments.max_mib) {
    options.max_mib = parse_number("--max-mib", *arguments.max_mib, 1, kMaxMib);
  }
  options.progress = ::isatty(STDERR_FILENO) == 1;
  return options;
}

// The scenario that a replay line names.
std::string scenario_in(const std::string& line) {
  constexpr std::string_view kKey = " scenario=";
  const std::size_t at = line.find(kKey);
  if (at == std::string::npos) return "";
  const std::size_t begin = at + kKey.size();
  return line.substr(begin, line.find(' ', begin) - begin);
}

void read_scenario(check::CheckOptions& options) {
  const std::string name = options.replay.empty() ? options.scenario : scenario_in(options.replay);
  if (!names_workload(name)) return;
  if (name.find(' ') != std::string::npos) {
    throw UsageError("found a workload '" + name +
                     "', expected a path without spaces, which a "
                     "replay line can name");
  }
  options.given = scenario_from_file(name);
}

void check_places(const CheckArguments& arguments, const check::CheckOptions& options) {
  std::vector<Output> outputs;
  if (arguments.json) outputs.push_back({"--json", *arguments.json, {}});
  if (arguments.report) outputs.push_back({"--report", *arguments.report, {}});
  std::vector<std::string> inputs;
  if (options.given) inputs.push_back(options.given->name);
  check_outputs(outputs, inputs);
  if (arguments.report && *arguments.report == "-") {
    throw UsageError("--report -: found standard output, where px check prints, expected a file");
  }
}

}  // namespace

int check_command(const CheckArguments& arguments) {
  check::CheckOptions options = options_of(arguments);
  read_scenario(options);
  check_places(arguments, options);
  std::string page;
  if (arguments.report) {
    options.draw = [&page](const trace::RunResult& picture, const std::string& title) {
      page = report::run_report_html({picture}, title);
    };
  }
  StdoutBuffer buffer;
  std::ostream out(&buffer);
  const int status = check::check_command(options, out, std::cerr);
  buffer.finish();
  if (arguments.report && page.empty()) {
    write_stderr("px check: nothing was violated, so there is nothing to draw in " +
                 *arguments.report + "\n");
  } else if (arguments.report) {
    write_outputs({{"--report", *arguments.report, page}}, "");
  }
  return status;
}

}  // namespace px::tools
