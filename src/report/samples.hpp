// Made-up runs with known content, for the tests of the reports and for looking at the pages.
#pragma once

#include "report/demo.hpp"
#include "trace/result.hpp"

namespace px::report {

// The textbook inversion on one CPU, in milliseconds: L takes m at 1, H comes at 3 and wants m at
// 5, M comes at 4 and computes for 10. With `proxy` L finishes its section on H's context at once.
[[nodiscard]] trace::RunResult textbook_run(bool proxy);

// `segments` segments on 4 CPUs of 12 tasks and 3 locks, the same for the same seed.
[[nodiscard]] trace::RunResult busy_run(std::size_t segments, std::uint64_t seed);

// A demo whose figures have the magnitudes of a real one.
[[nodiscard]] DemoResult sample_demo();

}  // namespace px::report
