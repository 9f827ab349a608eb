// Ceilings of locks under protocol `protect`.
#pragma once

#include <cstdint>

#include "workload/workload.hpp"

namespace px::workload {

// The ceiling of a lock: one of the two.
struct Ceiling {
  bool realtime = false;
  int level = 0;  // realtime: priority 1 to 99; else a nice level

  // Whether a task with these parameters ranks above it.
  [[nodiscard]] bool is_below(const policy::Params& params) const;
};

// The ceiling of a lock: the one given, else the highest rank that a task has where it locks it (a
// lock that nobody locks: the lowest). Throws Error for a task that ranks above a given ceiling
// where it locks the lock, naming the place: it could never get it.
[[nodiscard]] Ceiling ceiling_of(const Workload& workload, std::uint32_t lock);

}  // namespace px::workload
