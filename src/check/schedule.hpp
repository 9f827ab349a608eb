// Replay lines, and what a finding looks like to a reader.
//
// A line names everything that is needed, and no addresses:
//   px1 scenario=two-tasks mode=stateful granularity=coarse cpus=2 mutant=none loop=0
//   steps=0x12,1x3,i1,t trail=hQ3ZpA... state=0123456789abcdef
// Steps are run-length coded: N = the CPU's next operation, iN = an interrupt on it, fN = its
// oldest buffered store reaches memory, t = time moves. The trail has a letter for each step, of
// the state that it leaves, and `state` is the digest at the end; so a line that was damaged, or
// that another core printed, is refused at the step where it stops to fit. `state=any` in their
// place takes whatever states there are: for schedules that are to outlive changes of the core.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "check/explorer.hpp"

namespace px::check {

struct Schedule {
  std::string scenario;
  std::string mode = "stateful";
  Granularity granularity = Granularity::kCoarse;
  bool store_buffers = false;
  int cpus = 1;
  std::string mutant = "none";
  std::size_t loop = 0;
  Path steps;
  std::optional<Trail> trail;
};

[[nodiscard]] std::string to_line(const Schedule& schedule);
// Throws std::invalid_argument: what was found, what was expected.
[[nodiscard]] Schedule parse_line(std::string_view line);

// One row per step, one column per CPU. Follows the path on the machine, which stands at its root,
// and leaves it there.
[[nodiscard]] std::string table_of(Machine& machine, const Path& path, std::size_t loop);

// A path to the same broken property with fewer preemptions, no longer than the one given: drops
// switches one after the other and keeps what still fails.
[[nodiscard]] Finding minimised(Machine& machine, const Finding& finding);

}  // namespace px::check
