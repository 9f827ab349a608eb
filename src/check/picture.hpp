// A counterexample as a run that the report can draw: one row per CPU, a step of the schedule for
// each microsecond.
#pragma once

#include <string>

#include "check/scenario.hpp"
#include "trace/result.hpp"

namespace px::check {

inline constexpr Nanos kStepWidth = kMicrosecond;  // of one step, on the picture's time axis

// Follows a replay line from the start. `given`: the scenario that the line names, if it is none of
// the built-in ones. Throws std::invalid_argument as replay() does.
[[nodiscard]] trace::RunResult picture_of(const std::string& line, const Scenario* given = nullptr);

}  // namespace px::check
