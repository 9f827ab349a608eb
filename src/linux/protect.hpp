// Ceilings of PTHREAD_PRIO_PROTECT mutexes.
#pragma once

#include <cstdint>

#include "workload/workload.hpp"

namespace px::linux_world {

// The ceiling of a lock: the one given, else the highest realtime priority that a task which locks
// it ever has. Throws workload::Error for a task that could never lock such a mutex: pthreads give
// priority ceilings to realtime tasks only, and none may rank above the ceiling.
[[nodiscard]] int ceiling_of(const workload::Workload& workload, std::uint32_t lock);

}  // namespace px::linux_world
