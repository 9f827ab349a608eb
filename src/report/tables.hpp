// The numbers of runs as HTML tables. Names are escaped; a swatch before a task's name gets its
// timeline colour from the scripts.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "trace/result.hpp"

namespace px::report {

inline constexpr std::size_t kTableRows = 200;  // tasks and locks shown, the first ones each

// The tasks and locks of one run.
[[nodiscard]] std::string run_tables(const trace::RunResult& result);

// One row for each run: what a comparison looks at first.
[[nodiscard]] std::string comparison_table(const std::vector<trace::RunResult>& results);

}  // namespace px::report
