// How fast the searches go on a built-in scenario, every rule judged: for px bench.
#pragma once

#include <cstdint>
#include <string_view>

namespace px::check {

struct Speed {
  std::uint64_t transitions = 0;
  double seconds = 0;
  double state_bytes = 0;   // of one state: objects and the live parts of the stacks
  double copied_bytes = 0;  // to remember and to restore states
  double dirty_lines = 0;   // of 64 bytes, changed by a transition, on average
  double peak_bytes = 0;    // what the search kept
};

// A depth-first search over digests, self-test and livelock search included, that ends at so many
// states. Throws std::invalid_argument for a name that is none. In this process; not while another
// machine exists in it.
[[nodiscard]] Speed stateful_speed(std::string_view scenario, bool fine, std::uint64_t max_states);
// Random executions, `executions` of them.
[[nodiscard]] Speed random_speed(std::string_view scenario, bool fine, std::uint64_t executions);

}  // namespace px::check
