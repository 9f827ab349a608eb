#include "cmd_check.hpp"

#include <unistd.h>

#include <iostream>
#include <limits>
#include <ostream>

#include "arguments.hpp"
#include "base/cpu_mask.hpp"
#include "check/check.hpp"
#include "output.hpp"

namespace px::tools {

namespace {

constexpr std::uint64_t kMaxBound = 1000;

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
  options.replay = arguments.replay.value_or("");
  options.json = arguments.json.value_or("");
  if (arguments.cpus) {
    options.cpus = static_cast<int>(parse_number("--cpus", *arguments.cpus, 1, kMaxCpus));
  }
  if (arguments.bound) {
    options.bound = static_cast<int>(parse_number("--bound", *arguments.bound, 0, kMaxBound));
  }
  if (arguments.mode) {
    (void)parse_choice("--mode", *arguments.mode, {"stateful", "bounded", "pct", "random"});
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
  options.progress = ::isatty(STDERR_FILENO) == 1;
  return options;
}

}  // namespace

int check_command(const CheckArguments& arguments) {
  const check::CheckOptions options = options_of(arguments);
  if (arguments.json) check_outputs({{"--json", *arguments.json, {}}});
  StdoutBuffer buffer;
  std::ostream out(&buffer);
  const int status = check::check_command(options, out, std::cerr);
  buffer.finish();
  return status;
}

}  // namespace px::tools
