// Random workloads in which tasks of several classes fight for locks on one, two or four CPUs.
#pragma once

#include <cstdint>

#include "workload/workload.hpp"

namespace px::off_means_off {

// A pure function of the seed: 3 to 10 tasks, fair of several nice levels and FIFO of several
// priorities, some bound to one CPU, with nested sections in one global order, sleeps and timers;
// every task ends.
[[nodiscard]] workload::Workload contended_workload(std::uint64_t seed);

}  // namespace px::off_means_off
