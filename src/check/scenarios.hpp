// The built-in scenarios.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "check/explorer.hpp"
#include "check/scenario.hpp"

namespace px::check {

// All of them, in the order in which they are listed. Built once.
[[nodiscard]] const std::vector<Scenario>& scenarios();
// Those of deadline tasks and their budgets; called once, to build the list above.
void add_deadline_scenarios(std::vector<Scenario>& all);
// nullptr: there is none of that name.
[[nodiscard]] const Scenario* find_scenario(std::string_view name);

// Did the exploration reach this outcome of find_proxy_task ("parked", "linked", ...)? Throws
// std::invalid_argument for a name that is none.
[[nodiscard]] bool reached(const Exploration& exploration, std::string_view outcome);

}  // namespace px::check
