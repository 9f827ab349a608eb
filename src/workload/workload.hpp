// A workload as plain data: tasks, their programs, the locks they name. Written by the reader
// (read.hpp), run by every world through the one interpreter (interpreter.hpp).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/cpu_mask.hpp"
#include "base/time.hpp"
#include "policy/params.hpp"

namespace px::workload {

// Lock protocols (docs/GLOSSARY.md). Which worlds support which is the world's business.
enum class Protocol : std::uint8_t { kNone, kInherit, kProtect, kProxy };

[[nodiscard]] const char* name_of(Protocol protocol);
[[nodiscard]] std::optional<Protocol> protocol_named(std::string_view name);

// Where a thing stands in its file; for messages "FILE:LINE:COLUMN: ...".
struct Place {
  int file = 0;  // index into Workload::files
  int line = 0;
  int column = 0;
};

enum class OpKind : std::uint8_t {
  kRun,      // amount_ns of execution
  kRuntime,  // amount_ns of wall time, preemption included (rt-app's `runtime`)
  kSleep,    // amount_ns, relative
  kTimer,    // wait for the next instant of timer `index`; period amount_ns; `absolute`
  kLock,     // resource `index`
  kUnlock,   // resource `index`
};

struct Op {
  OpKind kind{};
  bool absolute = false;    // kTimer: mode "absolute": a missed instant is caught up
  std::uint32_t index = 0;  // kLock, kUnlock: Workload::locks; kTimer: Workload::timers
  Nanos amount_ns = 0;
  Place place;
};

// What may differ from phase to phase; applied at the start of every iteration of the phase.
struct Phase {
  std::int64_t loop = 1;  // iterations; -1 = for ever
  // Nothing = as before: like rt-app, parameters stay as they are until a phase sets others.
  std::optional<policy::Params> params;
  std::optional<CpuMask> cpus;  // nothing = the task's, whatever the phase before had
  std::vector<Op> ops;
  Place place;
};

// One task instance: `instance: K` gives K of these, named key-0 ... key-(K-1).
struct TaskSpec {
  std::string name;
  policy::Params params;
  std::optional<CpuMask> cpus;  // nothing = every CPU of the run
  Nanos delay_ns = 0;           // from t_zero, applied once
  std::int64_t loop = 1;        // iterations over all phases; -1 = for ever
  bool has_phases = false;      // written with a "phases" object
  std::vector<Phase> phases;
  Place place;
};

struct LockSpec {
  std::string name;
  std::optional<Protocol> protocol;  // the resource's own; nothing = the workload's
  std::optional<int> ceiling;        // kProtect: RT priority given in the file
  Place place;
};

struct TimerSpec {
  std::string name;
  bool unique = false;  // a `ref` that starts with "unique": one timer per task instance
};

// Whether the task never ends by itself.
[[nodiscard]] bool is_endless(const TaskSpec& task);

struct Workload {
  std::vector<std::string> files;
  std::vector<TaskSpec> tasks;  // in file order: the order of ties
  std::vector<LockSpec> locks;
  std::vector<TimerSpec> timers;
  std::optional<Protocol> lock_protocol;   // global.px.lock_protocol
  bool pi_enabled = false;                 // global.pi_enabled
  Nanos duration_ns = -1;                  // -1 = until every task has ended
  std::optional<int> cpus;                 // global.px.cpus
  int highest_cpu = -1;                    // highest CPU number mentioned anywhere
  Nanos slice_ns = 0;                      // global.px.slice_us; 0 = the world's default
  int llc_cpus = 0;                        // global.px.llc_cpus; 0 = the world's topology
  std::optional<Nanos> migration_cost_ns;  // global.px.migration_cost_us
  std::optional<int> admission_percent;    // global.px.admission_percent; nothing = the world's
  bool deadline_reclaim = false;           // global.px.reclaim
  std::vector<std::string> notes;          // one line for each thing ignored
};

}  // namespace px::workload
