// A one-shot timer of the kernel that sends a signal to one thread.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <csignal>
#include <ctime>

#include "base/time.hpp"

namespace px::live {

// Instants are nanoseconds of CLOCK_MONOTONIC (TscClock::absolute_monotonic). Any thread may arm
// and disarm, without a lock: whoever finds, after telling the kernel, that another instant has
// been asked for meanwhile tells the kernel again, so the last wish always reaches it. Re-arming a
// timer that is far off costs about 0.5 us, one that becomes the CPU's next interrupt about 3 us.
// The signal comes 10 to 30 us late on a virtual machine.
class SignalTimer {
 public:
  // Sends `signal` to thread `tid` of this process. Disarmed at first. Throws std::system_error
  // (resource_unavailable_try_again) when the user's limit of pending signals is used up.
  SignalTimer(pid_t tid, int signal);
  // A signal already under way still arrives.
  ~SignalTimer();
  SignalTimer(const SignalTimer&) = delete;
  SignalTimer& operator=(const SignalTimer&) = delete;

  // The signal comes at `at`, at once if that has passed; kNever disarms.
  void arm_at(Nanos at) noexcept;
  // As arm_at, but never puts the signal off: does nothing if the timer is armed for `at` or
  // earlier.
  void arm_not_later(Nanos at) noexcept;
  void disarm() noexcept { arm_at(kNever); }

  // The instant asked for last; kNever when disarmed or noted as expired.
  [[nodiscard]] Nanos armed_at() const noexcept {
    return armed_at_.load(std::memory_order_seq_cst);
  }

  // To be called when the signal arrives, with the time now: forgets an instant that has passed.
  // Until then arm_not_later() takes the signal for one still to come, which it is. Safe in a
  // signal handler.
  void note_expiry(Nanos now) noexcept;

 private:
  void tell_kernel(Nanos at) noexcept;

  timer_t timer_{};
  std::atomic<Nanos> armed_at_{kNever};
};

}  // namespace px::live
