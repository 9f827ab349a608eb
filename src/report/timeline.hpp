// The report of runs: one self-contained HTML page with a timeline and the numbers of each run.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "trace/result.hpp"

namespace px::report {

// Several runs stand one above the other on a common time axis, in the order given. Needs no
// network and no other file; the same results give the same bytes. Pure function, any thread.
[[nodiscard]] std::string run_report_html(const std::vector<trace::RunResult>& results,
                                          std::string_view title);

}  // namespace px::report
