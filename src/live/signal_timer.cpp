#include "live/signal_timer.hpp"

#include <algorithm>
#include <cerrno>
#include <string>
#include <system_error>

#include "base/check.hpp"

// The name that later C libraries give this member of the kernel's structure.
#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

namespace px::live {

SignalTimer::SignalTimer(pid_t tid, int signal) {
  sigevent event{};
  event.sigev_notify = SIGEV_THREAD_ID;
  event.sigev_signo = signal;
  event.sigev_notify_thread_id = tid;
  if (::timer_create(CLOCK_MONOTONIC, &event, &timer_) == 0) return;
  const int error = errno;
  throw std::system_error(
      error, std::generic_category(),
      "a preemption timer for thread " + std::to_string(tid) +
          " cannot be created; each worker needs one pending signal (ulimit -i)");
}

SignalTimer::~SignalTimer() { ::timer_delete(timer_); }

void SignalTimer::arm_at(Nanos at) noexcept {
  armed_at_.store(at, std::memory_order_seq_cst);
  tell_kernel(at);
}

void SignalTimer::arm_not_later(Nanos at) noexcept {
  Nanos armed = armed_at_.load(std::memory_order_seq_cst);
  do {
    if (armed <= at) return;
  } while (!armed_at_.compare_exchange_weak(armed, at, std::memory_order_seq_cst));
  tell_kernel(at);
}

void SignalTimer::note_expiry(Nanos now) noexcept {
  Nanos armed = armed_at_.load(std::memory_order_seq_cst);
  if (armed > now) return;
  // Loses to a new wish, as it should.
  armed_at_.compare_exchange_strong(armed, kNever, std::memory_order_seq_cst);
}

// The last one to call the kernel looks at armed_at_ after its call, so it sees every wish that was
// made before, and leaves only if its own is still the last.
void SignalTimer::tell_kernel(Nanos at) noexcept {
  for (;;) {
    itimerspec setting{};
    if (at != kNever) {
      // Zero would disarm, and the kernel takes no negative times.
      const Nanos time = std::max<Nanos>(at, 1);
      setting.it_value.tv_sec = time / kSecond;
      setting.it_value.tv_nsec = time % kSecond;
    }
    PX_CHECK(::timer_settime(timer_, TIMER_ABSTIME, &setting, nullptr) == 0,
             "the kernel refuses to arm a timer that it has created");
    const Nanos wish = armed_at_.load(std::memory_order_seq_cst);
    if (wish == at) return;
    at = wish;
  }
}

}  // namespace px::live
