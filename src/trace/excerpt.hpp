// A part of a run, as a run of its own.
#pragma once

#include "trace/result.hpp"

namespace px::trace {

// The intervals and hand-offs of `result` in [from, to), cut at its edges and moved so that `from`
// becomes 0; names, policies and the description of the run stay, all numbers that belong to the
// whole run are 0 and its jobs are gone. `from` must not lie behind `to`. Pure function.
[[nodiscard]] RunResult excerpt_of(const RunResult& result, Nanos from, Nanos to);

}  // namespace px::trace
