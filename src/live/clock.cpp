#include "live/clock.hpp"

#include <cpuid.h>
#include <sys/prctl.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <limits>

#include "base/check.hpp"

namespace px::live {
namespace {

constexpr Nanos kCalibration = 2 * kMillisecond;
constexpr Nanos kFirstBaseline = 100 * kMillisecond;
constexpr Nanos kLongestBaseline = 64 * kSecond;
// Shorter baselines than this do not improve on the calibration.
constexpr Nanos kShortestBaseline = 20 * kMillisecond;
// How far ahead a refined scale is published, and what must be left of that at publication.
constexpr Nanos kLead = 5 * kMillisecond;
constexpr Nanos kLeadLeft = kMillisecond;

// Bit 8 of EDX in CPUID leaf 0x80000007: the counter runs at one rate in all power states.
bool has_invariant_tsc() noexcept {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  return __get_cpuid(0x80000007U, &eax, &ebx, &ecx, &edx) != 0 && (edx & (1U << 8)) != 0;
}

// A process may be denied the instruction altogether; executing it would then be fatal.
bool may_read_tsc() noexcept {
  int mode = PR_TSC_ENABLE;
  return ::prctl(PR_GET_TSC, &mode) != 0 || mode == PR_TSC_ENABLE;
}

// The kernel compares the counters of all CPUs and watches them; where it has chosen another
// clock source it has found something, or the hypervisor has told it. A container without /sys
// gives no answer, and then CPUID's word has to do.
bool kernel_trusts_tsc() noexcept {
  std::FILE* const file =
      std::fopen("/sys/devices/system/clocksource/clocksource0/current_clocksource", "re");
  if (file == nullptr) return true;
  char name[32] = "";
  const bool read = std::fscanf(file, "%31s", name) == 1;
  std::fclose(file);
  return !read || std::strcmp(name, "tsc") == 0;
}

const char* reason_against_tsc() noexcept {
  if (!may_read_tsc()) return "this process may not read the time-stamp counter";
  if (!has_invariant_tsc()) return "the CPU's time-stamp counter is not invariant";
  if (!kernel_trusts_tsc()) return "the kernel does not use the time-stamp counter as its clock";
  return nullptr;
}

// Multiplier in units of 2^-32 ns per tick; 0 if the two samples cannot be right.
std::int64_t multiplier_between(std::int64_t ticks, Nanos ns) noexcept {
  if (ticks <= 0 || ns <= 0) return 0;
  __extension__ using Wide = __int128;
  const Wide multiplier = ((Wide{ns} << 32) + ticks / 2) / ticks;
  constexpr Wide kSlowest = Wide{100} << 32;  // 10 MHz: no x86-64 CPU counts that slowly
  return multiplier <= 0 || multiplier > kSlowest ? 0 : static_cast<std::int64_t>(multiplier);
}

}  // namespace

TscClock::TscClock(const Options& options) {
  const char* reason = options.use_tsc ? reason_against_tsc() : "";
  if (reason == nullptr && !calibrate()) reason = "the time-stamp counter cannot be calibrated";
  if (reason == nullptr) {
    uses_tsc_ = true;
    return;
  }
  fallback_reason_ = reason;
  origin_ = monotonic();
  monotonic_offset_.store(origin_, std::memory_order_relaxed);
  next_refinement_.store(kNever, std::memory_order_relaxed);
  if (options.notice == nullptr || reason[0] == '\0') return;
  char line[160];
  std::snprintf(line, sizeof line, "px: time is read from CLOCK_MONOTONIC, which costs more: %s\n",
                reason);
  options.notice(line);
}

Nanos TscClock::monotonic() noexcept {
  timespec time{};
  PX_CHECK(::clock_gettime(CLOCK_MONOTONIC, &time) == 0, "CLOCK_MONOTONIC cannot be read");
  return time.tv_sec * kSecond + time.tv_nsec;
}

// Reads the counter on both sides of the other clock and keeps the tightest of several tries: an
// interrupt or the host may come in between any two of them.
TscClock::Sample TscClock::take_sample() noexcept {
  constexpr int kTries = 16;
  Sample best{};
  std::int64_t best_width = std::numeric_limits<std::int64_t>::max();
  for (int i = 0; i < kTries; ++i) {
    _mm_lfence();
    const auto before = static_cast<std::int64_t>(__rdtsc());
    _mm_lfence();
    const Nanos time = monotonic();
    _mm_lfence();
    const auto after = static_cast<std::int64_t>(__rdtsc());
    if (after - before >= best_width || after < before) continue;
    best_width = after - before;
    best = {before + (after - before) / 2, time};
  }
  return best;
}

bool TscClock::calibrate() noexcept {
  const Sample first = take_sample();
  const timespec pause{0, kCalibration};
  ::clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, nullptr);
  const Sample second = take_sample();
  const std::int64_t multiplier =
      multiplier_between(second.ticks - first.ticks, second.monotonic_ns - first.monotonic_ns);
  if (multiplier == 0) return false;
  // Both scales alike: a reading from before the base extends the line to the left.
  scales_[0].store({second.ticks, 0, multiplier});
  scales_[1].store({second.ticks, 0, multiplier});
  monotonic_offset_.store(second.monotonic_ns, std::memory_order_relaxed);
  last_sample_ = second;
  baseline_ns_ = kFirstBaseline;
  next_refinement_.store(baseline_ns_, std::memory_order_relaxed);
  return true;
}

void TscClock::refine() noexcept {
  if (refining_.exchange(true, std::memory_order_acquire)) return;
  const Sample sample = take_sample();
  const Nanos elapsed = sample.monotonic_ns - last_sample_.monotonic_ns;
  if (elapsed >= kShortestBaseline) {
    const std::uint32_t sequence = sequence_.load(std::memory_order_relaxed);
    const Scale current = scales_[current_index(sequence)].load();
    const Nanos now = scaled(current, sample.ticks);
    publish(sequence, current, multiplier_between(sample.ticks - last_sample_.ticks, elapsed));
    monotonic_offset_.store(sample.monotonic_ns - now, std::memory_order_relaxed);
    last_sample_ = sample;
    baseline_ns_ = std::min(2 * baseline_ns_, kLongestBaseline);
    next_refinement_.store(now + baseline_ns_, std::memory_order_relaxed);
  }
  refining_.store(false, std::memory_order_release);
}

// Makes `multiplier` the scale from kLead after this moment on, where it continues `current`. By
// now the previous scale has not been in use for long: the last one took effect kLead after the
// last sample. A thread that loses its CPU for longer than kLeadLeft between the last check and the
// store after it could still publish late; others may then see a step of the slopes' difference
// over that time, 50 ns for a millisecond.
void TscClock::publish(std::uint32_t sequence, const Scale& current,
                       std::int64_t multiplier) noexcept {
  // CLOCK_MONOTONIC is slewed by at most 500 ppm and stands still while the machine is suspended,
  // which the counter may not; a scale further off than that is no measurement of the counter.
  if (std::abs(multiplier - current.multiplier) > current.multiplier / 1000) return;
  const auto ticks_of = [&current](Nanos ns) {
    return static_cast<std::int64_t>((Wide{ns} << kShift) / current.multiplier);
  };
  const std::int64_t base = static_cast<std::int64_t>(__rdtsc()) + ticks_of(kLead);
  sequence_.store(sequence | kWriting, std::memory_order_relaxed);
  scales_[1 - current_index(sequence)].store({base, scaled(current, base), multiplier});
  const bool in_time = static_cast<std::int64_t>(__rdtsc()) < base - ticks_of(kLeadLeft);
  if (in_time) {
    sequence_.store(sequence + 2, std::memory_order_release);
  } else {
    // The scale before the current one is not needed any more, so nothing has to be put back.
    sequence_.store(sequence + 4, std::memory_order_release);
  }
}

}  // namespace px::live
