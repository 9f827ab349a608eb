// One task as a thread: what the interpreter asks for, done by the kernel, and what can be measured
// of it from within.
#pragma once

#include <cstdint>
#include <vector>

#include "linux/lock_table.hpp"
#include "linux/run_control.hpp"
#include "linux/scheduling.hpp"
#include "linux/spinner.hpp"
#include "linux/thread_usage.hpp"
#include "trace/latency_histogram.hpp"
#include "trace/result.hpp"
#include "workload/workload.hpp"

namespace px::linux_world {

// What all threads of a run share; outlives them.
struct RunShared {
  const workload::Workload& workload;
  const HostCpus& host_cpus;
  const Spinner& spinner;
  RunControl& control;
  LockTable& locks;
  CpuMask all_cpus;     // the host's CPUs of a task without an affinity
  bool record = false;  // keep lock calls, waits, holds and disturbances
};

// Every function but take_result() and the like is called by the task's own thread.
class ThreadPort {
 public:
  // A task that takes free locks in a tight loop would fill the memory in a minute.
  static constexpr std::size_t kMaxHolds = 1'000'000;

  ThreadPort(const RunShared& shared, std::uint32_t task);

  // Gives the thread the task's own parameters. Before t_zero.
  void prepare();
  // At t_zero: counting begins here.
  void begin();
  // The program has ended, and with it the counting. Waits for the end of the run if a lock is
  // still held, since nobody else may get it before, then gives all locks up.
  void end();

  // workload::TaskPort; its comment says what each of them does.
  [[nodiscard]] Nanos now() const { return shared_.control.now(); }
  [[nodiscard]] bool stopping() { return count_until(now()); }
  void apply(const policy::Params& params, const std::optional<CpuMask>& cpus);
  void before_op(const workload::Op&) {}
  void run(Nanos amount);
  void run_wall(Nanos amount);
  void sleep_until(Nanos until);
  [[nodiscard]] bool lock(const workload::Op& op);
  void unlock(const workload::Op& op);

  // When the thread has been joined.
  [[nodiscard]] trace::TaskResult take_result();
  [[nodiscard]] Nanos ended_at() const { return ended_at_; }
  [[nodiscard]] const std::vector<Refusal>& refusals() const { return refusals_; }
  [[nodiscard]] const std::vector<trace::Wait>& waits() const { return waits_; }
  [[nodiscard]] const std::vector<trace::Hold>& holds() const { return holds_; }
  // Whether there were more holds than are kept.
  [[nodiscard]] bool holds_dropped() const { return holds_.size() == kMaxHolds; }
  [[nodiscard]] const std::vector<trace::Disturbance>& disturbances() const {
    return disturbances_;
  }

 private:
  void refused(Refusal refusal);
  // Whether the run has ended; then the counting ends, and nothing that happens later counts.
  bool count_until(Nanos now);
  // `overrun`: how long ago the run has ended.
  void stop_counting(Nanos overrun);
  void release(std::uint32_t lock);
  void count_call(std::uint32_t lock, const LockTable::Answer& answer);
  // Computes a stretch of at most `amount` and looks at the clocks. True if the run has ended.
  bool compute(Nanos amount);
  void look_for_gap(Nanos before, Nanos after, Nanos computed);

  const RunShared& shared_;
  const std::uint32_t task_;
  std::vector<std::uint32_t> held_;  // in the order of locking

  bool counting_ = false;
  Nanos ended_at_ = 0;  // the program's end
  ThreadUsage usage_at_start_;
  Nanos cpu_seen_ = 0;  // the thread's CPU clock when it was last read
  std::uint64_t preemptions_seen_ = 0;
  int stretches_unwatched_ = 0;  // since preemptions_seen_ was brought up to date

  trace::TaskResult result_;
  trace::LatencySamples lock_waits_;
  std::vector<trace::Wait> waits_;
  std::vector<trace::Hold> holds_;
  std::vector<trace::Disturbance> disturbances_;
  std::vector<Refusal> refusals_;
};

}  // namespace px::linux_world
