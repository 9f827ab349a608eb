// The sizes of the built-in scenarios: how many states each has, as far as that is known, and where
// the quick tier stops.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "check/scenario.hpp"

namespace px::check {

// What a tier may spend on one exploration.
struct Tier {
  std::uint64_t coarse_states;
  std::uint64_t fine_states;
  double seconds;
};
inline constexpr Tier kQuickTier{700'000, 250'000, 60};
inline constexpr Tier kNightlyTier{2'000'000'000, 2'000'000'000, 3600};

// States at which the quick tier stops exploring a scenario.
[[nodiscard]] std::uint64_t quick_bound(const Scenario& scenario, bool fine);

// Distinct states of a complete stateful exploration of the core as it is; 0: none was complete.
struct StateCount {
  const char* scenario;
  std::uint64_t coarse;
  std::uint64_t fine;
};

// In the order of scenarios(). tests/checker holds it against what the quick tier finds.
[[nodiscard]] const std::vector<StateCount>& state_counts();
// 0 also for a scenario that is none of the built-in ones.
[[nodiscard]] std::uint64_t known_states(std::string_view scenario, bool fine);

// "4321", "3401457 (nightly)", "over 700000": for a list.
[[nodiscard]] std::string size_text(const Scenario& scenario, bool fine);

}  // namespace px::check
