// What the threads of one run share besides the locks: its beginning, its end, and waiting for
// them.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <latch>
#include <mutex>
#include <string>

#include "base/time.hpp"
#include "linux/clock.hpp"

namespace px::linux_world {

class RunControl {
 public:
  // `duration`: the end of the run from t_zero; negative = until every program has ended.
  RunControl(std::uint32_t tasks, Nanos duration);

  // --- The start: every thread reports ready, then the main thread names one instant for all.

  // A thread is ready; blocks until t_zero. False: the run was called off, the thread must end.
  [[nodiscard]] bool wait_for_t_zero();
  // Main thread: waits until all are ready, then lets them go at one instant a little later. Each
  // thread sleeps until then on its own timer: woken one by one by this thread, a realtime task
  // could take the CPU before the others have been woken at all.
  void start();
  // Main thread, in place of start(): not all threads could be created.
  void call_off();
  [[nodiscard]] Nanos t_zero() const { return t_zero_; }

  // --- The run. Instants count from t_zero.

  [[nodiscard]] Nanos now() const { return monotonic_now() - t_zero_; }
  // Nothing counts from then on; kNever as long as no end is known.
  [[nodiscard]] Nanos end() const { return end_.load(std::memory_order_acquire); }
  // Returns at `until` or at the end of the run, whichever comes first; at once if that is past.
  void sleep_until(Nanos until);

  // --- The end.

  // Ends the run now, unless it has ended.
  void end_now();
  // Ends the run now because of a deadlock, `chain` in words; only the first one counts, and none
  // after the end.
  void end_deadlocked(const std::string& chain);
  // Ends the run now because it cannot be carried out; `message` is one line for the user.
  void end_failed(const std::string& message);
  // One program has ended.
  void program_ended();
  // Main thread: blocks until every program has ended, `timeout` at most. True if they have.
  [[nodiscard]] bool wait_for_programs(Nanos timeout);

  // When the threads have been joined.
  [[nodiscard]] const std::string& deadlock() const { return deadlock_; }
  [[nodiscard]] const std::string& failure() const { return failure_; }

 private:
  enum class Phase : std::uint32_t { kGathering, kStarted, kCalledOff };

  // The part of end_now() under the lock: false if the run has ended before.
  bool end_at(Nanos now);
  void wake_sleepers();

  const std::uint32_t tasks_;
  std::latch ready_;
  std::atomic<Phase> phase_{Phase::kGathering};
  Nanos t_zero_ = 0;  // written before phase_ becomes kStarted
  std::atomic<Nanos> end_;
  std::atomic<std::uint32_t> ended_early_{0};  // the futex that sleepers wait on

  std::mutex mutex_;  // guards what follows
  std::condition_variable programs_done_;
  std::uint32_t programs_;
  std::string deadlock_;
  std::string failure_;
};

}  // namespace px::linux_world
