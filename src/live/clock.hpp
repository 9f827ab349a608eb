// The live world's clock: the CPU's time-stamp counter scaled to nanoseconds, about 10 ns a reading
// and no system call.
//
// The counter is calibrated against CLOCK_MONOTONIC over 2 ms at construction (within 50 ppm) and
// measured anew, over ever longer baselines, whenever refine_if_due() finds that it is time. A
// refined scale is published ahead of the counter value from which it applies, and continues the
// old one there, so the clock stays one continuous function of the counter: it never jumps or goes
// back, whichever scale a reader gets to see. The offset to CLOCK_MONOTONIC is remeasured at the
// same moment, so that timers armed through absolute_monotonic() do not drift.
//
// Without an invariant counter that the kernel itself trusts, the clock reads CLOCK_MONOTONIC
// instead (about 21 ns) and says so once.
#pragma once

#include <x86intrin.h>

#include <atomic>
#include <cstdint>

#include "base/time.hpp"

namespace px::live {

// One line for the user, ended by a newline.
using Notice = void (*)(const char* line) noexcept;

class TscClock {
 public:
  struct Options {
    bool use_tsc = true;  // false: CLOCK_MONOTONIC, without a notice
    Notice notice = nullptr;
  };

  // Blocks for about 2 ms. Instants count from the end of construction.
  explicit TscClock(const Options& options);
  TscClock() : TscClock(Options{}) {}
  TscClock(const TscClock&) = delete;
  TscClock& operator=(const TscClock&) = delete;

  // Nanoseconds since construction. Any thread, any context: it never waits for a refinement, also
  // in a signal handler that interrupts one. Readings of one thread never decrease. Readings of two
  // threads ordered by other means may disagree by the few tens of nanoseconds by which a CPU
  // reorders a counter read; who subtracts across threads clamps at zero.
  [[nodiscard]] Nanos now() const noexcept {
    if (!uses_tsc_) [[unlikely]]
      return monotonic() - origin_;
    for (;;) {
      const std::uint32_t sequence = sequence_.load(std::memory_order_acquire);
      const auto ticks = static_cast<std::int64_t>(__rdtsc());
      Scale scale = scales_[current_index(sequence)].load();
      if (ticks < scale.base_ticks) [[unlikely]] {
        if ((sequence & kWriting) != 0) continue;  // a fresh reading is past the base by now
        scale = scales_[1 - current_index(sequence)].load();
      }
      if (sequence_.load(std::memory_order_relaxed) == sequence) [[likely]] {
        return scaled(scale, ticks);
      }
    }
  }

  // The instant `at` of this clock on CLOCK_MONOTONIC, for timers; and back. kNever stays kNever.
  // Exact to the calibration error since the last refinement. Any thread.
  [[nodiscard]] Nanos absolute_monotonic(Nanos at) const noexcept {
    const Nanos offset = monotonic_offset_.load(std::memory_order_relaxed);
    return at >= kNever - offset ? kNever : at + offset;
  }
  [[nodiscard]] Nanos from_monotonic(Nanos at) const noexcept {
    return at == kNever ? kNever : at - monotonic_offset_.load(std::memory_order_relaxed);
  }

  // Measures the scale anew if the last measurement is old enough for that to improve it (after
  // 0.1 s, then at doubling distances up to 64 s); otherwise one load and one compare. Cheap enough
  // for every timer expiry. Any thread, preemption off; one refines at a time, the others go on.
  void refine_if_due(Nanos now) noexcept {
    if (now >= next_refinement_.load(std::memory_order_relaxed)) refine();
  }

  // Whether now() reads the counter, and if not, why ("" otherwise; a static string).
  [[nodiscard]] bool uses_tsc() const noexcept { return uses_tsc_; }
  [[nodiscard]] const char* fallback_reason() const noexcept { return fallback_reason_; }

 private:
  // now = base_ns + (ticks - base_ticks) * multiplier / 2^32, from base_ticks on. The product has
  // 128 bits, so it is right for centuries; 2^-32 ns per tick is a resolution of under 1 ppb.
  struct Scale {
    std::int64_t base_ticks;
    Nanos base_ns;
    std::int64_t multiplier;
  };
  class SharedScale {
   public:
    // Acquire and release pair up member by member: whoever loads a new member also sees the mark
    // kWriting that was stored before it, and rejects the mixture.
    [[nodiscard]] Scale load() const noexcept {
      return {base_ticks_.load(std::memory_order_acquire), base_ns_.load(std::memory_order_acquire),
              multiplier_.load(std::memory_order_acquire)};
    }
    void store(const Scale& scale) noexcept {
      base_ticks_.store(scale.base_ticks, std::memory_order_release);
      base_ns_.store(scale.base_ns, std::memory_order_release);
      multiplier_.store(scale.multiplier, std::memory_order_release);
    }

   private:
    std::atomic<std::int64_t> base_ticks_{0};
    std::atomic<Nanos> base_ns_{0};
    std::atomic<std::int64_t> multiplier_{0};
  };
  // One moment seen on both clocks.
  struct Sample {
    std::int64_t ticks;
    Nanos monotonic_ns;
  };
  __extension__ using Wide = __int128;
  static constexpr int kShift = 32;

  static Nanos scaled(const Scale& scale, std::int64_t ticks) noexcept {
    return scale.base_ns +
           static_cast<Nanos>((Wide{ticks - scale.base_ticks} * scale.multiplier) >> kShift);
  }
  // Bit 0 of the sequence number: the other scale is being overwritten. Bit 1: which is current.
  static constexpr std::uint32_t kWriting = 1;
  static constexpr unsigned current_index(std::uint32_t sequence) noexcept {
    return (sequence >> 1) & 1;
  }
  static Nanos monotonic() noexcept;
  static Sample take_sample() noexcept;
  [[nodiscard]] bool calibrate() noexcept;
  void refine() noexcept;
  void publish(std::uint32_t sequence, const Scale& current, std::int64_t multiplier) noexcept;

  // Constant after construction.
  bool uses_tsc_ = false;
  const char* fallback_reason_ = "";
  Nanos origin_ = 0;  // construction, on CLOCK_MONOTONIC

  // The current scale and the one before it, which still holds below the current one's base. Both
  // are read-only between refinements.
  alignas(64) std::atomic<std::uint32_t> sequence_{0};
  std::atomic<bool> refining_{false};
  SharedScale scales_[2];
  alignas(64) std::atomic<Nanos> monotonic_offset_{0};
  std::atomic<Nanos> next_refinement_{kNever};

  // Guarded by refining_.
  Sample last_sample_{};
  Nanos baseline_ns_ = 0;
};

}  // namespace px::live
