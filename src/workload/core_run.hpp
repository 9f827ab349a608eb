// What the worlds that run on the core (sim, live) do alike with a workload, before and after.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>

#include "base/check.hpp"
#include "trace/metrics.hpp"
#include "workload/ceiling.hpp"
#include "workload/job_log.hpp"
#include "workload/options.hpp"

namespace px::workload {

// Throws Error for a task that ranks above the ceiling of a lock that it takes, and for what
// check_options() and check_admission() refuse; `admission_percent` is the world's.
void check_core_run(const Workload& workload, const RunOptions& options, int admission_percent);

// Gives a mutex of the core, which nobody uses yet, the protocol of lock `index` in this run.
template <typename Mutex>
void set_protocol(Mutex& mutex, const Workload& workload, const RunOptions& options,
                  std::uint32_t index) {
  using Wanted = decltype(mutex.protocol);
  Wanted wanted = Wanted::kProxy;
  auto limit = mutex.ceiling;
  switch (protocol_of(workload, options, workload.locks[index])) {
    case Protocol::kNone:
      wanted = Wanted::kNone;
      break;
    case Protocol::kInherit:
      wanted = Wanted::kInherit;
      break;
    case Protocol::kProtect: {
      const Ceiling ceiling = ceiling_of(workload, index);
      wanted = Wanted::kProtect;
      limit = Mutex::ceiling_at(ceiling.realtime, ceiling.level);
      break;
    }
    case Protocol::kProxy:
      break;
  }
  const bool idle = mutex.set_protocol(wanted, limit);
  PX_CHECK(idle, "a protocol is given before anybody uses the lock");
}

// CPUs of the run that a task may use, from what its file says (nothing = all).
using MaskOf = std::function<CpuMask(const std::optional<CpuMask>&)>;

// The consumer of the run's events: tasks and locks by their index in the workload.
[[nodiscard]] std::unique_ptr<trace::Metrics> make_metrics(const Workload& workload,
                                                           const RunOptions& options, int cpus,
                                                           const MaskOf& mask_of);

// Moves the tasks' jobs into the result, which lists the tasks in the same order, and counts the
// missed ones. The run ended at `end_ns`.
void add_jobs(trace::RunResult& result, std::deque<JobLog>& jobs, Nanos end_ns);

}  // namespace px::workload
