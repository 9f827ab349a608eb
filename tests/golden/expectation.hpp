// What a golden workload must give: the sidecar files X.expect.json of this folder, described in
// README.md.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"

namespace px::golden {

// One interval of execution; names, so that a message can be read.
struct Interval {
  int cpu = 0;
  Nanos start = 0;
  Nanos end = 0;
  std::string exec;
  std::string donor;
  bool operator==(const Interval&) const = default;
};

struct Expectation {
  std::string protocol;
  Nanos until = kNever;                              // intervals are compared up to here
  std::vector<Interval> intervals;                   // all CPUs, by (start, cpu); idle left out
  std::map<std::string, std::vector<Nanos>> finish;  // per task: the end of each job
  std::optional<std::uint64_t> deadline_misses;
};

// Reads one sidecar, one expectation for each protocol in it, with all times in nanoseconds.
// Throws std::runtime_error naming the file when it cannot be read.
[[nodiscard]] std::vector<Expectation> read_expectations(const std::string& path);

// The parts of `intervals` before `until`, one line each, for comparison and for messages.
[[nodiscard]] std::string text_of(const std::vector<Interval>& intervals, Nanos until);

}  // namespace px::golden
