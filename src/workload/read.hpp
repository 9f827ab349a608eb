// The reader: rt-app's workload files, read tolerantly, as one Workload.
// The accepted language is described, construct by construct, in docs/formats/workload.md.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "workload/error.hpp"
#include "workload/workload.hpp"

namespace px::workload {

inline constexpr std::size_t kMaxTasks = 1'000'000;      // instances in all
inline constexpr std::size_t kMaxOpsInAll = 16'000'000;  // events of all instances

// Reads the files as one workload, merged in the order given: tasks and resources are joined; of a
// setting given twice the last one counts. Throws Error at the first mistake, an unreadable file or
// a folder included. `paths` must not be empty. Does I/O; any thread.
[[nodiscard]] Workload read_files(const std::vector<std::string>& paths);

// The same for one text; `file_name` is what messages call it.
[[nodiscard]] Workload read_text(std::string_view text, std::string file_name);

}  // namespace px::workload
