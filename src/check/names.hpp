// Names that users give, and what is said about those that do not exist.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "check/explorer.hpp"
#include "check/mutants.hpp"
#include "check/scenario.hpp"

namespace px::check {

// Throw std::invalid_argument that names the nearest ones.
[[nodiscard]] const Scenario& known_scenario(std::string_view name);
[[nodiscard]] const MutantInfo& known_mutant(std::string_view name);
// The name, if there is such a rule: "14", "no lost wakeup", "14 no lost wakeup".
[[nodiscard]] std::string known_rule(std::string_view name);

// "14 no lost wakeup", "assertion".
[[nodiscard]] std::string invariant_name(const Breach& breach);
// The name of a way through the core (core::Way), as coverage prints it.
[[nodiscard]] const char* way_name(std::size_t way);

// Lines like "two-tasks: 120000 states, 240000 transitions/s, depth 80, frontier 80" on stderr.
[[nodiscard]] Progress progress_to_stderr(const std::string& name);

}  // namespace px::check
