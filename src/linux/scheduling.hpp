// Scheduling parameters of a workload as those of a thread, and what the kernel says to them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/cpu_mask.hpp"
#include "policy/params.hpp"

namespace px::linux_world {

// The CPUs that this process may use: CPU i of a run is the i-th of them, modulo their number.
class HostCpus {
 public:
  // Reads the calling thread's affinity mask. Throws workload::Error if the kernel does not tell.
  HostCpus();

  [[nodiscard]] int count() const { return static_cast<int>(numbers_.size()); }
  // The kernel's numbers of the given CPUs of a run.
  [[nodiscard]] CpuMask host_mask(const CpuMask& cpus_of_run) const;

 private:
  std::vector<int> numbers_;
};

// Something that the kernel refused.
struct Refusal {
  const char* what = "";  // nice, policy or affinity
  std::string text;       // what was asked for and the kernel's answer
};

// Both act on the calling thread.
[[nodiscard]] std::optional<Refusal> set_affinity(const CpuMask& host_cpus);
// Sets the policy even if it is the ordinary one: a thread inherits that of its creator. A nice
// level goes with the policies other than SCHED_FIFO and SCHED_RR.
[[nodiscard]] std::vector<Refusal> set_params(const policy::Params& params);

}  // namespace px::linux_world
