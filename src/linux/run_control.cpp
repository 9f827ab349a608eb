#include "linux/run_control.hpp"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <climits>

#include "workload/timer_bank.hpp"

namespace px::linux_world {

namespace {

// Time for the threads to reach their sleep before t_zero.
constexpr Nanos kStartMargin = 2 * kMillisecond;
constexpr Nanos kStartMarginPerTask = 50 * kMicrosecond;

// A futex is the one wait that ends at an absolute instant, on a wakeup, and needs no lock.
void futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t expected, Nanos until) {
  static_assert(sizeof(word) == sizeof(std::uint32_t));
  const timespec when = to_timespec(until);
  ::syscall(SYS_futex, &word, FUTEX_WAIT_BITSET_PRIVATE, expected,
            until == kNever ? nullptr : &when, nullptr, FUTEX_BITSET_MATCH_ANY);
}

void futex_wake_all(std::atomic<std::uint32_t>& word) {
  ::syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, INT_MAX, nullptr, nullptr, 0);
}

}  // namespace

RunControl::RunControl(std::uint32_t tasks, Nanos duration)
    : tasks_(tasks), ready_(tasks), end_(duration < 0 ? kNever : duration), programs_(tasks) {}

bool RunControl::wait_for_t_zero() {
  ready_.count_down();
  phase_.wait(Phase::kGathering, std::memory_order_acquire);
  if (phase_.load(std::memory_order_acquire) == Phase::kCalledOff) return false;
  timespec when = to_timespec(t_zero_);
  while (::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, nullptr) != 0) {
  }
  return true;
}

void RunControl::start() {
  ready_.wait();
  t_zero_ = monotonic_now() + kStartMargin + kStartMarginPerTask * Nanos{tasks_};
  phase_.store(Phase::kStarted, std::memory_order_release);
  phase_.notify_all();
}

void RunControl::call_off() {
  phase_.store(Phase::kCalledOff, std::memory_order_release);
  phase_.notify_all();
}

void RunControl::sleep_until(Nanos until) {
  for (;;) {
    const Nanos wake = std::min(until, end());
    if (now() >= wake) return;
    // The end may come earlier than it was read above: then the word has changed too, or the
    // wakeup comes.
    futex_wait(ended_early_, 0, workload::later(wake, t_zero_));
  }
}

bool RunControl::end_at(Nanos now) {
  if (now >= end()) return false;
  end_.store(now, std::memory_order_release);
  return true;
}

void RunControl::wake_sleepers() {
  ended_early_.store(1, std::memory_order_release);
  futex_wake_all(ended_early_);
}

void RunControl::end_now() {
  {
    const std::lock_guard lock(mutex_);
    if (!end_at(now())) return;
  }
  wake_sleepers();
}

void RunControl::end_deadlocked(const std::string& chain) {
  {
    const std::lock_guard lock(mutex_);
    if (!end_at(now())) return;
    deadlock_ = chain;
  }
  wake_sleepers();
}

void RunControl::end_failed(const std::string& message) {
  {
    const std::lock_guard lock(mutex_);
    if (failure_.empty()) failure_ = message;
    if (!end_at(now())) return;
  }
  wake_sleepers();
}

void RunControl::program_ended() {
  const std::lock_guard lock(mutex_);
  if (--programs_ == 0) programs_done_.notify_all();
}

bool RunControl::wait_for_programs(Nanos timeout) {
  std::unique_lock lock(mutex_);
  return programs_done_.wait_for(lock, std::chrono::nanoseconds(timeout),
                                 [this] { return programs_ == 0; });
}

}  // namespace px::linux_world
