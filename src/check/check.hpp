// The façade of the check world: what `px check` does.
#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <optional>
#include <string>

#include "check/scenario.hpp"
#include "trace/result.hpp"

namespace px::check {

// The options of the command line, by their names there (contracts, section 5).
struct CheckOptions {
  std::string scenario;  // empty: none named
  bool list = false;
  bool all = false;
  bool nightly = false;
  bool coverage = false;
  bool mutants = false;
  bool list_mutants = false;
  std::string mutant;
  std::string invariant;               // only what breaks this rule counts; empty: any
  int cpus = 0;                        // only scenarios with so many CPUs; 0: all
  int bound = -1;                      // preemptions; -1: 2, and only in mode bounded
  std::string mode = "stateful";       // stateful, breadth, bounded, pct, random
  std::string granularity = "coarse";  // coarse, fine
  double seconds = 0;                  // per exploration; 0: the tier's
  std::uint64_t max_states = 0;        // per exploration; 0: the tier's
  std::uint64_t max_mib = 0;           // memory of an exploration; 0: 12 GiB, or what there is
  std::uint64_t seed = 0;
  std::string replay;
  std::string json;       // file; "-": `out`, which then carries nothing else
  bool progress = false;  // lines on `err` for what takes longer than two seconds
  int jobs = 2;           // explorations at a time, each in a process of its own
  // A scenario that is none of the built-in ones; `scenario` or `replay` names it.
  std::optional<Scenario> given;
  // Called with the first violation as a run that can be drawn, and what it is.
  std::function<void(const trace::RunResult& picture, const std::string& title)> draw;
};

// Exit status: 0 nothing broken, 1 a violation (or a mutant that was not caught), 2 bad usage or a
// replay line that does not fit. The last line on `out` is a summary.
[[nodiscard]] int check_command(const CheckOptions& options, std::ostream& out, std::ostream& err);

}  // namespace px::check
