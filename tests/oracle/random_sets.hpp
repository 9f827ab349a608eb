// Random one-CPU FIFO task sets that block on each other, and the two forms in which others read
// them: as the product's workload and as an rt-app file. A set is a pure function of seed and
// options.
#pragma once

#include <cstdint>
#include <string>

#include "reference_scheduler.hpp"
#include "workload/workload.hpp"

namespace px::oracle {

struct SetOptions {
  bool equal_priorities = false;  // several tasks of one level; otherwise all levels are distinct
  bool sleeps = false;            // some tasks sleep, also with a lock held
};

// 3 to 8 tasks, 1 to 4 locks, nested sections in one global order (so that nothing deadlocks),
// random arrivals. Half of the sets lie on a coarse grid, where many things happen at one instant,
// half on a microsecond grid. About two in five contain a ladder: tasks that arrive one after
// another, each holding a lock and then wanting the lock of the one before, with random others
// among them.
[[nodiscard]] TaskSet random_set(std::uint64_t seed, const SetOptions& options = {});

// Task i is "T<i>", lock i is "m<i>". Every time must be a whole number of microseconds.
[[nodiscard]] workload::Workload workload_of(const TaskSet& set);

// The same set as a file for `px run`.
[[nodiscard]] std::string rtapp_json(const TaskSet& set);

}  // namespace px::oracle
