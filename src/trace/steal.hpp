// What the host of a virtual machine took away from it.
#pragma once

#include "base/time.hpp"

namespace px::trace {

// The time since the machine's start in which its host ran something else although one of the
// machine's CPUs had work: "steal" in /proc/stat, summed over all CPUs, in steps of the kernel's
// clock tick. 0 where the host does not tell. Any thread; opens a file.
[[nodiscard]] Nanos stolen_time();

}  // namespace px::trace
