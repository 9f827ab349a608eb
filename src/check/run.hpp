// One exploration of one scenario, in this process or in a child, as plain data.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "check/explorer.hpp"
#include "check/mutants.hpp"
#include "check/scenario.hpp"

namespace px::check {

struct RunRequest {
  const Scenario* scenario = nullptr;
  std::string mode = "stateful";
  Granularity granularity = Granularity::kCoarse;
  const MutantInfo* mutant = nullptr;  // nullptr: none is seeded
  int bound = 2;
  Limits limits;
  bool minimise = true;
  bool coverage = false;  // count the premises of the rules
};

struct RunReport {
  std::string scenario;
  std::string mode;
  std::string granularity;
  std::string mutant;  // "" : none
  int cpus = 0;
  std::uint64_t states = 0;
  std::uint64_t transitions = 0;
  std::uint64_t executions = 0;
  std::uint64_t final_states = 0;
  std::uint64_t depth = 0;
  std::uint64_t compared = 0;
  std::uint64_t dead_paths = 0;
  std::uint64_t state_bytes = 0;
  std::uint64_t peak_bytes = 0;
  double seconds = 0;
  double miss_probability = 0;
  bool complete = false;
  std::string stopped;
  std::vector<std::uint64_t> ways;
  std::vector<std::string> missing;     // outcomes declared and not reached
  std::vector<std::uint64_t> premises;  // states in which each held; empty unless asked for
  bool violated = false;
  int number = 0;
  std::string invariant;
  std::string message;
  std::string replay;
  std::string table;
};

// Explores in this process. Running out of memory ends it cleanly, with what was counted.
[[nodiscard]] RunReport run(const RunRequest& request, const Progress& progress);

// Bytes that each of `jobs` explorations may use: its share of the machine's memory.
[[nodiscard]] std::uint64_t memory_for(int jobs);

// Explores each request in a child process, at most `jobs` at a time; a crash of a child is a
// violation named "crash". A child that needs more than memory_for(jobs) ends as run() says. Calls
// `done` in the order of the requests. Progress goes to stderr.
void run_all(const std::vector<RunRequest>& requests, int jobs, bool progress,
             const std::function<void(const RunReport&)>& done);

// Follows a replay line. Throws std::invalid_argument if it names what does not exist or stops
// fitting, and says where. `given`: the scenario that it names, if it is none of the built-in ones.
[[nodiscard]] RunReport replay(const std::string& line, const Scenario* given = nullptr);

}  // namespace px::check
