// The model checker's searches on scenarios of the core, every rule judged in every state.
#include "bench/meter.hpp"
#include "check/speed.hpp"

namespace px::bench {
namespace {

constexpr double kMebibyte = 1024.0 * 1024.0;
constexpr std::uint64_t kStates = 200'000;
constexpr std::uint64_t kExecutions = 5'000;

// Nanoseconds for one transition, and what a search moves and keeps for it.
Measurement measurement_of(const check::Speed& speed, double ns) {
  const auto transitions = static_cast<double>(speed.transitions);
  Measurement result{ns / transitions,
                     {{"per_second", transitions * 1e9 / ns},
                      {"image_kib", speed.state_bytes / 1024},
                      {"copied_mib_s", speed.copied_bytes / kMebibyte * 1e9 / ns}}};
  if (speed.peak_bytes > 0) {  // a search that remembers
    result.figures.push_back({"dirty_lines", speed.dirty_lines});
    result.figures.push_back({"peak_mib", speed.peak_bytes / kMebibyte});
  }
  return result;
}

template <bool kFine>
Measurement stateful() {
  const double start = thread_cpu_ns();
  const check::Speed speed = check::stateful_speed("deadlock-on-two-cpus", kFine, kStates);
  return measurement_of(speed, thread_cpu_ns() - start);
}

template <bool kFine>
Measurement random() {
  const double start = thread_cpu_ns();
  const check::Speed speed = check::random_speed("deadlock-on-two-cpus", kFine, kExecutions);
  return measurement_of(speed, thread_cpu_ns() - start);
}

}  // namespace

std::vector<Case> check_cases() {
  return {
      {"check/stateful_coarse", "a transition of a stateful search", &stateful<false>, nullptr, 3},
      {"check/stateful_fine", "the same, fine granularity", &stateful<true>, nullptr, 3},
      {"check/random_coarse", "a step of a random execution", &random<false>, nullptr, 3},
      {"check/random_fine", "the same, fine granularity", &random<true>, nullptr, 3}};
}

}  // namespace px::bench
