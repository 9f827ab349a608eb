// A workload file as a scenario of the checker.
#pragma once

#include <string>
#include <string_view>

#include "check/check.hpp"

namespace px::tools {

// Is this name, given where a scenario is expected, that of a workload file?
[[nodiscard]] bool names_workload(std::string_view name);

// Reads the file and makes a scenario of its name: loops are unrolled, `run` and `runtime` become
// work of any length, a `timer` a sleep of its period. Throws workload::Error for what the reader
// refuses, and for what is too big for the checker or cannot be said in its scripts, with its
// place.
[[nodiscard]] check::Scenario scenario_from_file(const std::string& path);

}  // namespace px::tools
