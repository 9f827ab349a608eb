// What is the case at one instant of a run, as the events tell it: who runs where and for whom, who
// is queued, who waits for what. Written by Metrics, read by InversionFinder.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/cpu_mask.hpp"
#include "trace/event.hpp"
#include "trace/wait_graph.hpp"

namespace px::trace {

inline constexpr std::int32_t kNoCpu = -1;

struct TaskState {
  std::int64_t rank = 0;  // policy::Rank::value of its context
  bool fair = false;
  bool queued = false;         // on a runqueue, or running
  std::int32_t cpu = kNoCpu;   // where its execution context is
  std::uint32_t affinity = 0;  // index into RunState's masks
};

struct CpuState {
  std::uint32_t exec = kIdleTask;
  std::uint32_t donor = kIdleTask;
  bool online = true;
};

struct RunState {
  RunState(std::size_t task_count, std::size_t cpu_count, std::size_t locks)
      : waits(task_count, locks), tasks(task_count), cpus(cpu_count), masks(1) {}

  // Queued, neither blocked nor running.
  [[nodiscard]] bool runnable(std::uint32_t task) const {
    return tasks[task].queued && tasks[task].cpu == kNoCpu && !waits.blocked(task);
  }
  // An online CPU that the execution context of `task` may use.
  [[nodiscard]] bool may_use(std::uint32_t task, std::size_t cpu) const {
    return cpus[cpu].online && masks[tasks[task].affinity].has(static_cast<int>(cpu));
  }
  void set_affinity(std::uint32_t task, const CpuMask& mask) {
    const auto found = std::find(masks.begin(), masks.end(), mask);
    tasks[task].affinity = static_cast<std::uint32_t>(found - masks.begin());
    if (found == masks.end()) masks.push_back(mask);
  }

  WaitGraph waits;
  std::vector<TaskState> tasks;
  std::vector<CpuState> cpus;
  // The different affinities there are: few, however many tasks share them.
  std::vector<CpuMask> masks;
};

}  // namespace px::trace
