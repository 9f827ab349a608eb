// The next instants of a workload's timers while it runs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <vector>

#include "base/time.hpp"
#include "workload/workload.hpp"

namespace px::workload {

// instant + amount, or kNever if that is beyond what Nanos can hold. Neither may be negative.
[[nodiscard]] constexpr Nanos later(Nanos instant, Nanos amount) {
  return amount > kNever - instant ? kNever : instant + amount;
}

// A timer shared by several tasks has one next instant for all of them, one whose name starts with
// "unique" has one in each task instance. All memory is taken by the constructor. Any task may use
// the bank at any time: each next instant is read and written as one relaxed atomic, since it
// publishes nothing but itself.
class TimerBank {
 public:
  // `memory` must outlive the bank; by default the heap.
  explicit TimerBank(const Workload& workload,
                     std::pmr::memory_resource* memory = std::pmr::get_default_resource());
  TimerBank(const TimerBank&) = delete;
  TimerBank& operator=(const TimerBank&) = delete;

  // Moves the timer's next instant on by `period` and returns it. The first use of a timer counts
  // from `first`. `task` is an index into Workload::tasks; the task's program must use `timer`.
  [[nodiscard]] Nanos advance(std::size_t task, std::uint32_t timer, Nanos first, Nanos period);
  // Sets the next instant to `now`: what relative mode does after a miss.
  void restart(std::size_t task, std::uint32_t timer, Nanos now);

 private:
  static constexpr Nanos kUnused = -1;

  [[nodiscard]] Nanos& slot(std::size_t task, std::uint32_t timer);

  // The unique timers of task i are unique_[begin_[i]] ... unique_[begin_[i + 1] - 1], ascending.
  std::pmr::vector<std::size_t> begin_;
  std::pmr::vector<std::uint32_t> unique_;
  std::pmr::vector<bool> is_unique_;  // by timer index
  // One per timer index (unused for unique ones), then one per entry of unique_. Once the
  // constructor is done they are touched through std::atomic_ref only.
  std::pmr::vector<Nanos> next_;
};

}  // namespace px::workload
