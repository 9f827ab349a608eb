// RunResult as the plain-text tables that `px run` prints.
#pragma once

#include <string>

#include "trace/result.hpp"

namespace px::trace {

inline constexpr std::size_t kSummaryWidth = 100;  // columns; names are shortened to fit
inline constexpr std::size_t kSummaryRows = 50;    // tasks and locks shown, the first ones each

// One headline, a table of tasks, a table of locks, then the deadlock chain and the warnings if
// there are any. Every line of the tables fits into kSummaryWidth columns. Ends with a newline.
// Pure function, any thread.
[[nodiscard]] std::string summary_table(const RunResult& result);

}  // namespace px::trace
