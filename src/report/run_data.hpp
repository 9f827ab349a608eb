// A run as the compact JSON that the timeline scripts read (tracks.js): lists of integers, instants
// as differences. A segment takes about 15 bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "trace/result.hpp"

namespace px::report {

// "sim, proxy" and, where there is more than the usual to say, "sim, proxy, donor placement".
[[nodiscard]] std::string run_label(const trace::RunResult& result);

// A note for the page where the world of the run cannot say who ran when; else nothing.
[[nodiscard]] std::string missing_segments_note(const trace::RunResult& result);

// `marked` = a task whose longest wait the timeline points out. Intervals must name tasks, locks
// and CPUs of the result. Pure function.
[[nodiscard]] std::string run_data(const trace::RunResult& result,
                                   std::optional<std::uint32_t> marked = std::nullopt);

}  // namespace px::report
