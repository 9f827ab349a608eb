// RunResult as JSON, schema 1: what `px run --json` writes (docs/formats/result.md).
#pragma once

#include <string>

#include "trace/result.hpp"

namespace px::trace {

// The same result gives the same bytes. One line for each task, lock and segment; ends with a
// newline. Segments must name tasks of the result. Pure function, any thread.
[[nodiscard]] std::string to_json(const RunResult& result);

}  // namespace px::trace
