// When the machine, and not a scheduler, kept a CPU from computing.
//
// On a virtual machine the host takes a CPU away for milliseconds at a time, and a wait that spans
// such a gap says nothing about locks. Two kinds of observer notice: the tasks of a run, while they
// compute (RunResult::disturbances), and a sentinel, a thread of its own that computes on another
// CPU and sees what stops the machine as a whole. Each notes a gap of at least
// trace::kDisturbance between two readings of the clock during which it was not switched away: in
// the live world by the runtime, in the linux world and for the sentinel by the kernel, whose count
// of preemptions says so.
//
// What is not seen: a gap that lies between two tasks, or in one that the kernel preempted too; and
// in the linux world other programs on the same CPU, since they run by the same scheduler's will.
// A gap on the sentinel's CPU need not have touched the run's.
#pragma once

#include <atomic>
#include <thread>
#include <vector>

#include "base/time.hpp"
#include "trace/result.hpp"

namespace px::tools {

class Sentinel {
 public:
  // Watches from now on, from the last CPU that this process may use. With a single CPU it would
  // compete with what it watches over, and does nothing.
  Sentinel();
  ~Sentinel() { (void)stop(); }
  Sentinel(const Sentinel&) = delete;
  Sentinel& operator=(const Sentinel&) = delete;

  // Ends the watch. The gaps seen, in instants of CLOCK_MONOTONIC.
  std::vector<trace::Disturbance> stop();

 private:
  void watch(int cpu);

  std::atomic<bool> stop_{false};
  std::vector<trace::Disturbance> gaps_;  // the thread's until it is joined
  std::thread thread_;
};

// The gaps of one run, overlapping ones as one.
class DisturbanceLog {
 public:
  // Instants count from t_zero; those before it and after `duration` are cut off.
  DisturbanceLog(std::vector<trace::Disturbance> gaps, Nanos duration);

  [[nodiscard]] Nanos total() const;
  // Whether a gap overlaps [start, end].
  [[nodiscard]] bool overlaps(Nanos start, Nanos end) const;

 private:
  std::vector<trace::Disturbance> gaps_;  // ascending, disjoint
};

}  // namespace px::tools
