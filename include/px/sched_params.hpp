// Scheduling parameters of a task, one struct per class, and sets of CPUs.
#pragma once

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <variant>

namespace px {
inline namespace v0 {

// Shares the CPU by weight (EEVDF). Weight from nice as in Linux: each level is about 1.25 times
// the next; 0 = 1024.
struct Fair {
  int nice = 0;                       // -20 (most) .. 19 (least)
  std::chrono::nanoseconds slice{0};  // requested slice; 0 = the runtime's default
};

// Runs before every fair task; higher priority first. FIFO, or round robin among equals.
struct Realtime {
  int priority = 10;  // 1 .. 99, 99 first
  bool round_robin = false;
};

// `runtime` of CPU time in every `period`, due `deadline` after each begin of one; before every
// realtime task, the earliest deadline first. Whoever has used its runtime up waits for its next
// period (yield gives the rest up); so nobody else's deadlines suffer. A task that does not fit
// beside the others is refused: errc::not_admitted.
struct Deadline {
  std::chrono::nanoseconds runtime{0};
  std::chrono::nanoseconds deadline{0};  // 0 = the period
  std::chrono::nanoseconds period{0};
};

// Runs when nobody else wants the CPU (the lowest weight of the fair class).
struct Idle {};

using SchedParams = std::variant<Fair, Realtime, Deadline, Idle>;

// CPUs of a runtime, numbered from 0. Empty = all of them.
class CpuSet {
 public:
  // The empty set.
  constexpr CpuSet() = default;
  // The given CPUs, as by add().
  constexpr CpuSet(std::initializer_list<int> cpus) {
    for (const int cpu : cpus) add(cpu);
  }
  // Numbers outside 0 .. 1023 are ignored.
  constexpr void add(int cpu) {
    if (cpu >= 0 && cpu < kSize) words_[cpu / 64] |= std::uint64_t{1} << (cpu % 64);
  }
  // Whether the set contains that CPU; false for a number out of range.
  [[nodiscard]] constexpr bool has(int cpu) const {
    return cpu >= 0 && cpu < kSize && ((words_[cpu / 64] >> (cpu % 64)) & 1) != 0;
  }
  // Whether it contains none.
  [[nodiscard]] constexpr bool empty() const {
    for (const auto word : words_) {
      if (word != 0) return false;
    }
    return true;
  }

  static constexpr int kSize = 1024;

 private:
  std::uint64_t words_[kSize / 64] = {};
};

}  // namespace v0
}  // namespace px
