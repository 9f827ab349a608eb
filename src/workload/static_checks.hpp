// What can be known of a task's program without running it.
#pragma once

#include <string>
#include <vector>

#include "workload/workload.hpp"

namespace px::workload {

struct Finding {
  Place place;
  std::string text;
};

// Throws Error at the first of: a loop without end that never lets time pass (a task without any
// event included), an unlock of a mutex that the task cannot hold there. Returns what is odd but
// can run: a mutex locked while held, one still held at the end, phases that are never reached.
// `workload` gives the names of files and locks.
[[nodiscard]] std::vector<Finding> check_program(const Workload& workload, const TaskSpec& task);

}  // namespace px::workload
