// What `px run` lets a user choose, common to every world; values already checked by the caller.
#pragma once

#include <cstdint>
#include <optional>

#include "base/time.hpp"
#include "workload/workload.hpp"

namespace px::workload {

struct RunOptions {
  std::optional<int> cpus;           // --cpus; else the workload's, see cpus_of()
  std::optional<Protocol> protocol;  // --protocol: replaces lock_protocol and pi_enabled
  std::optional<Nanos> duration_ns;  // --duration: replaces global.duration; -1 = until all ended
  std::uint64_t seed = 0;
  bool proxy_exec = true;  // PX_PROXY_EXEC: false = `proxy` locks act as `none`
  bool record = true;      // keep segments, waits and holds (--json, --report)
};

// CPUs of a run: --cpus, else global.px.cpus, else the highest CPU mentioned + 1, else 1.
[[nodiscard]] int cpus_of(const Workload& workload, const RunOptions& options);
// Duration of a run in nanoseconds; -1 = until every task has ended.
[[nodiscard]] Nanos duration_of(const Workload& workload, const RunOptions& options);
// Protocol of one lock: its own, else --protocol, else global.px.lock_protocol, else inherit where
// pi_enabled, else proxy; kProxy becomes kNone when proxy_exec is off.
[[nodiscard]] Protocol protocol_of(const Workload& workload, const RunOptions& options,
                                   const LockSpec& lock);
// The protocol that the result names: that of a lock without a protocol of its own.
[[nodiscard]] Protocol protocol_in_force(const Workload& workload, const RunOptions& options);

// Throws Error naming the first deadline task that does not fit: the bandwidths of all of them,
// each at its largest, may sum up to `percent` of each CPU, or to what the workload says instead.
void check_admission(const Workload& workload, const RunOptions& options, int percent);
// The percentage in force: the workload's, else the world's.
[[nodiscard]] inline int admission_percent_of(const Workload& workload, int of_world) {
  return workload.admission_percent.value_or(of_world);
}

// Throws Error for what the reader cannot know: an endless task in a run without a duration, a CPU
// number beyond an explicit number of CPUs (--cpus or global.px.cpus).
void check_options(const Workload& workload, const RunOptions& options);

}  // namespace px::workload
