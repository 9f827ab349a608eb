// Admission control of deadline tasks: the sum of their bandwidths (runtime / period) stays within
// the runtime's limit, so that their deadlines can be met.
//
// The sum is over the whole runtime: with affinity masks that pin tasks, whether each CPU can serve
// its own is the user's business (as in Linux outside exclusive cpusets).
#pragma once

#include <string>

#include "policy/leaving.hpp"
#include "policy/sched_context.hpp"

namespace px::policy {

// The answer to a request. All in 1 / kBandwidthOne of a CPU.
struct Admitted {
  bool granted = true;
  std::int64_t asked = 0;
  std::int64_t others = 0;  // what the others have
  std::int64_t limit = 0;
};

// Guarded by the lock of whoever owns it.
class Admission {
 public:
  // `percent` of each of `cpus` CPUs; 0: everything is admitted.
  Admission(int percent, int cpus);

  // `context` is to have `params` from `now` on: reserves what they need in place of what it has.
  // Not granted: nothing changes. Parameters of another class need nothing; what a change gives up
  // is free at once.
  [[nodiscard]] Admitted request(SchedContext& context, const Params& params, Nanos now);
  // The context's task has ended, charged to `now`: what it has is free at its zero-lag instant.
  void release(SchedContext& context, Nanos now);

  // What is reserved at `now`.
  [[nodiscard]] std::int64_t in_use(Nanos now);

 private:
  std::int64_t limit_;
  std::int64_t in_use_ = 0;  // with what is leaving
  LeavingBandwidth leaving_;
};

// Why a request was not granted, in one line.
[[nodiscard]] std::string describe(const Admitted& refused, int cpus);

}  // namespace px::policy
