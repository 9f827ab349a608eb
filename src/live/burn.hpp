// The computing of a workload's tasks: a loop that stands for the user's own code.
#pragma once

#include <atomic>

#include "base/time.hpp"
#include "live/clock.hpp"

namespace px::live {

struct BurnGoal {
  Nanos amount = kNever;  // to execute, net of switches
  Nanos end_at = kNever;  // stop at this instant of the clock in any case
};

// Told of each gap between two looks at the clock in which the task was not switched away, yet more
// than trace::kDisturbance passed: the machine took the CPU.
using GapSink = void (*)(void* context, Nanos start, Nanos end);

// Computes until the goal is reached or `stop` is set. `exec_base` is the calling task's: it has
// executed (now - exec_base), which each switch keeps true. The loop lies in a section of its own,
// outside the library's text, so that it can be preempted by signal as a user's code can.
void burn(const TscClock& clock, const std::atomic<Nanos>& exec_base, const BurnGoal& goal,
          const std::atomic<bool>& stop, GapSink on_gap, void* context);

}  // namespace px::live
