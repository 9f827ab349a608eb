// The result of one run: what `px run --json` prints (schema 1) and what the report draws.
// All instants count from t_zero = 0. The meaning of each field is in docs/formats/result.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"

namespace px::trace {

struct Job {
  Nanos release_ns = 0;
  std::optional<Nanos> start_ns;   // first executed; nothing = never
  std::optional<Nanos> finish_ns;  // nothing = unfinished at the end
  std::optional<Nanos> deadline_ns;
  bool missed = false;
};

struct LatencySummary {
  std::uint64_t count = 0;
  std::uint64_t contended = 0;
  Nanos p50 = 0;
  Nanos p99 = 0;
  Nanos p999 = 0;
  Nanos max = 0;
};

// One lock call that found its lock taken: from its start to its end, or to the end of the run.
struct LockCall {
  Nanos start_ns = 0;
  Nanos wait_ns = 0;
  bool acquired = false;  // false: given up, or unfinished when the run ended
};

struct TaskResult {
  std::string name;
  std::string policy;  // other, batch, idle, fifo, rr, deadline
  Nanos executed_ns = 0;
  Nanos charged_ns = 0;
  Nanos donated_ns = 0;
  Nanos received_ns = 0;
  Nanos blocked_ns = 0;
  Nanos runnable_ns = 0;
  Nanos inversion_ns = 0;
  bool inversion_is_upper_bound = false;  // fair tasks
  std::uint64_t switches = 0;
  std::uint64_t preemptions = 0;
  std::uint64_t migrations = 0;
  std::uint64_t proxy_migrations = 0;
  LatencySummary lock_wait;
  std::vector<LockCall> lock_calls;  // in order of their ends; only if recorded, not in the JSON
  std::vector<Job> jobs;
  std::vector<std::string> refused;  // linux world: what the kernel refused, e.g. "nice"
};

struct LockResult {
  std::string name;
  std::uint64_t acquisitions = 0;
  std::uint64_t contended = 0;
  std::uint64_t handoffs = 0;
  Nanos max_hold_ns = 0;
  std::uint64_t max_chain = 0;  // locks in the longest blocked-on chain that ended here
};

// A maximal interval in which one CPU ran one (exec, donor) pair; idle is left out.
struct Segment {
  int cpu = 0;
  Nanos start_ns = 0;
  Nanos end_ns = 0;
  std::uint32_t exec = 0;   // index into RunResult::tasks
  std::uint32_t donor = 0;  // likewise; equal to exec without proxying
};

// An interval in which a task was blocked on a lock; for the report's lock rows and arrows. A lock
// call that is woken and loses the lock again has several.
struct Wait {
  std::uint32_t task = 0;
  std::uint32_t lock = 0;
  Nanos start_ns = 0;
  Nanos end_ns = 0;
};

// An interval in which a task held a lock.
struct Hold {
  std::uint32_t task = 0;
  std::uint32_t lock = 0;
  Nanos start_ns = 0;
  Nanos end_ns = 0;
};

// An interval in which a task was queued, neither blocked nor running.
struct Runnable {
  std::uint32_t task = 0;
  Nanos start_ns = 0;
  Nanos end_ns = 0;
};

// A lock passed straight from its owner to a waiter.
struct Handoff {
  std::uint32_t lock = 0;
  std::uint32_t from = 0;  // tasks
  std::uint32_t to = 0;
  Nanos at_ns = 0;
};

// An interval in which the machine took a CPU away from a thread that was computing, without an
// event of the scheduler under test.
struct Disturbance {
  Nanos start_ns = 0;
  Nanos end_ns = 0;
};

inline constexpr Nanos kDisturbance = 200 * kMicrosecond;  // shorter gaps are not listed

struct Totals {
  std::uint64_t events = 0;
  std::uint64_t switches = 0;
  Nanos proxied_ns = 0;
  std::uint64_t deadline_misses = 0;
};

struct RunResult {
  std::string world;  // sim, live, linux
  int cpus = 1;
  std::string protocol;  // the one in force: "none" where proxying is off
  std::string placement = "owner";
  Nanos duration_ns = 0;
  std::uint64_t seed = 0;
  std::vector<TaskResult> tasks;
  std::vector<LockResult> locks;
  std::vector<Segment> segments;          // sorted by (start, cpu)
  std::vector<Wait> waits;                // not part of the JSON
  std::vector<Hold> holds;                // not part of the JSON
  std::vector<Runnable> runnable;         // not part of the JSON
  std::vector<Handoff> handoffs;          // not part of the JSON
  std::vector<Disturbance> disturbances;  // live and linux; in no order; not part of the JSON
  // Live and linux: what the host of the machine took away from it during the run, summed over the
  // machine's CPUs; not part of the JSON.
  Nanos stolen_ns = 0;
  Nanos t_zero_ns = 0;  // live and linux: CLOCK_MONOTONIC at t_zero; not part of the JSON
  Totals totals;
  // A deadlock or dead end, as its wait-for chain in words; empty = none. Exit status 1.
  std::string deadlock;
  std::vector<std::string> warnings;
};

}  // namespace px::trace
