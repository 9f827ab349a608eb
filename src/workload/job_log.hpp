// The jobs of one task: what its activations released, started and finished
// (docs/formats/result.md).
#pragma once

#include <optional>
#include <vector>

#include "base/time.hpp"
#include "trace/result.hpp"
#include "workload/cursor.hpp"
#include "workload/workload.hpp"

namespace px::workload {

// The deadline of a job released at `release_ns`: the task's own in the deadline class, else when
// the timer that ends it comes next; nothing for others.
[[nodiscard]] std::optional<Nanos> deadline_of_job(const policy::Params& params,
                                                   const Activation& activation, Nanos release_ns);

// Written by the task as it runs, read when it no longer does: no lock. A job is listed from its
// release on, so that a task that never ran, or was stopped in mid-event, still shows it. Memory
// comes in chunks that are never moved: a job costs no copying of earlier ones.
class JobLog {
 public:
  // Records nothing, allocates nothing.
  JobLog() = default;
  // Records the task's jobs; the first is released here, at the task's delay.
  explicit JobLog(const TaskSpec& task);

  [[nodiscard]] bool enabled() const { return enabled_; }
  // True if a job is open that has not been started.
  [[nodiscard]] bool awaits_start() const { return open_ && !last().start_ns; }

  // Opens the next job; the one before must be finished.
  void open(Nanos release_ns, std::optional<Nanos> deadline_ns);
  // The open job's first event begins. Only while awaits_start().
  void start(Nanos now_ns);
  // The open job's last event has completed; without an open job, nothing.
  void finish(Nanos now_ns);

  // Once, when the run has ended at `end_ns`: takes back what happened after it, marks unfinished
  // jobs missed whose deadline is not later, drops a job released at the end or after it.
  void finalize(Nanos end_ns);
  // The jobs in order of release. Leaves the log empty and disabled.
  [[nodiscard]] std::vector<trace::Job> take();

 private:
  [[nodiscard]] trace::Job& last() { return chunks_.back().back(); }
  [[nodiscard]] const trace::Job& last() const { return chunks_.back().back(); }

  std::vector<std::vector<trace::Job>> chunks_;
  bool enabled_ = false;
  bool open_ = false;  // last() is unfinished
};

}  // namespace px::workload
