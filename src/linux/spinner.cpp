#include "linux/spinner.hpp"

#include <algorithm>

#include "linux/clock.hpp"

namespace px::linux_world {

namespace {

constexpr std::uint64_t kProbeSteps = 50'000;
constexpr int kProbes = 5;

void take_steps(std::uint64_t steps) {
  for (; steps > 0; --steps) {
    // The compiler may neither drop the loop nor do several rounds at once.
    asm volatile("" : "+r"(steps));
  }
}

}  // namespace

Spinner::Spinner() {
  // The fastest probe is the one that nothing disturbed.
  Nanos fastest = kNever;
  for (int probe = 0; probe < kProbes; ++probe) {
    const Nanos start = thread_cpu_now();
    take_steps(kProbeSteps);
    fastest = std::min(fastest, thread_cpu_now() - start);
  }
  steps_per_ns_ =
      static_cast<double>(kProbeSteps) / static_cast<double>(std::max<Nanos>(fastest, 1));
}

void Spinner::spin(Nanos duration) const {
  take_steps(static_cast<std::uint64_t>(static_cast<double>(duration) * steps_per_ns_) + 1);
}

}  // namespace px::linux_world
