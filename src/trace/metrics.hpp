// From events to results: the online consumer that computes the numbers of a RunResult.
//
// docs/formats/result.md says what each number means. Events come in time order, those of one CPU
// in the order in which they happened (event.hpp has the rules); merging CPUs is the caller's
// business. Not thread-safe: one thread feeds one Metrics.
//
// Without `record` and `inversion` an event costs some tens of nanoseconds and allocates nothing
// (except when the store of a task's waits grows, which is amortised).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/cpu_mask.hpp"
#include "base/time.hpp"
#include "trace/event.hpp"
#include "trace/inversion.hpp"
#include "trace/latency_histogram.hpp"
#include "trace/result.hpp"
#include "trace/run_state.hpp"

namespace px::trace {

struct MetricsTask {
  std::string name;
  std::string policy;     // other, batch, idle, fifo, rr, deadline
  std::int64_t rank = 0;  // policy::Rank::value of its context
  bool fair = false;      // rank does not order it: its inversion is an upper bound
  CpuMask affinity;       // where its execution context may be
};

struct MetricsOptions {
  int cpus = 1;
  bool record = true;      // keep segments, waits, holds, runnable intervals and hand-offs
  bool inversion = true;   // compute inversion_ns; false leaves it 0
  Nanos duration_ns = -1;  // nothing after this instant counts; negative = no limit
};

class Metrics {
 public:
  Metrics(std::vector<MetricsTask> tasks, const std::vector<std::string>& locks,
          const MetricsOptions& options);

  // Takes in one event. Its time must not lie before that of an earlier event; if it does, it
  // counts as simultaneous with the latest one. Tasks, locks (Event::lock = index + 1) and CPUs
  // must be those of the constructor.
  void on_event(const Event& event);

  // Changes that take effect at the time of the latest event. For ordered streams of events there
  // is EventKind::kRank as well.
  void on_rank(std::uint32_t task, std::int64_t rank, std::optional<bool> fair = std::nullopt);
  void on_affinity(std::uint32_t task, const CpuMask& affinity);
  void on_online(int cpu, bool online);  // all CPUs are online at first

  // Ends the run at `end` (or at the duration, whichever is earlier): what is unfinished counts
  // with its length so far. Fills cpus, duration_ns, tasks (without jobs and refusals), locks, the
  // recorded intervals in ascending order of start, and totals.switches and .proxied_ns. Call once.
  [[nodiscard]] RunResult finish(Nanos end);

 private:
  struct TaskData {
    Nanos blocked_since = 0;   // meaningful while blocked
    Nanos runnable_since = 0;  // meaningful while `runnable`
    bool runnable = false;
    Nanos call_since = 0;  // start of the contended lock call in progress
    Nanos call_until = 0;  // when its latest wait ended: its end, if it turns out abandoned
    std::uint32_t call_lock = kNoLock;
    std::int32_t last_cpu = kNoCpu;
    LatencySamples waits;
  };
  struct LockData {
    Nanos held_since = 0;  // meaningful while it has an owner
  };
  struct CpuData {
    Nanos since = 0;                    // exec and donor run since then, not yet accounted
    std::uint32_t last_task = kNoTask;  // the latest one that ran here; idle left out
    std::vector<Segment> segments;
  };

  void advance(Nanos now);
  void apply(const Event& event);

  void switch_to(std::uint16_t cpu, std::uint32_t exec, std::uint32_t donor);
  void leave(std::uint32_t task, std::uint16_t cpu);
  void enter(std::uint32_t task, std::uint16_t cpu);
  void leave_queue(std::uint32_t task);
  void account(std::uint16_t cpu);
  void add_segment(std::uint16_t cpu, Nanos start, std::uint32_t exec, std::uint32_t donor);

  void block(std::uint32_t task, std::uint32_t number, std::uint32_t owner);
  void end_wait(std::uint32_t task);  // does nothing if it does not wait
  void account_wait(std::uint32_t task);
  void measure_joined_chain(std::uint32_t task);
  void measure_cut_chains(std::uint32_t task);
  void acquire(std::uint32_t task, std::uint32_t lock, bool waited);
  void release(std::uint32_t task, std::uint32_t lock);
  void hand_off(std::uint32_t from, std::uint32_t to, std::uint32_t lock);
  void own(std::uint32_t link, std::uint32_t owner);

  [[nodiscard]] std::uint32_t lock_index(std::uint32_t number) const;
  [[nodiscard]] bool is_lock(std::uint32_t link) const { return link < locks_.size(); }
  // What a task waits for that waits for the end of `owner`: a link behind the real locks.
  [[nodiscard]] std::uint32_t exit_link(std::uint32_t owner) const;

  void begin_call(std::uint32_t task, std::uint32_t lock);
  void abandon_call(std::uint32_t task);
  void end_call(std::uint32_t task, Nanos end, bool acquired);
  // Starts or ends the runnable interval of `task`, as its state now says.
  void settle(std::uint32_t task);

  [[nodiscard]] bool is_task(std::uint32_t task) const { return task < tasks_.size(); }
  void end_everything();
  void collect_segments();

  MetricsOptions options_;
  Nanos limit_;
  Nanos now_ = 0;
  RunState state_;
  InversionFinder finder_;
  std::vector<std::uint32_t> inverted_;  // as of the state in force since now_
  bool inverted_is_stale_ = true;
  std::vector<TaskData> tasks_;
  std::vector<LockData> locks_;
  std::vector<CpuData> cpus_;
  RunResult result_;
};

}  // namespace px::trace
