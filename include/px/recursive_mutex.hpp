// RecursiveMutex: a Mutex that its owner may lock again.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "px/mutex.hpp"

namespace px {
inline namespace v0 {

// Lockable and TimedLockable. What px::Mutex says of protocols, lending and errors holds here.
//
//   state      lock()                            try_lock()   unlock()
//   free       owned, depth 1                    true         fatal
//   mine       depth + 1                         true         depth - 1; at 0 released
//   another's  waits and lends; then owned       false        fatal
//
// Each lock needs an unlock by the same task. All functions: tasks of a px::Runtime only.
class RecursiveMutex {
 public:
  constexpr RecursiveMutex() noexcept = default;
  // As px::Mutex's.
  explicit constexpr RecursiveMutex(const char* name, Protocol protocol = Protocol::proxy) noexcept
      : mutex_(name, protocol) {}
  // As px::Mutex's.
  constexpr RecursiveMutex(const char* name, Ceiling ceiling) noexcept : mutex_(name, ceiling) {}

  // Throws what px::Mutex::lock() throws, and resource_unavailable_try_again at depth 2^32 - 1.
  void lock();
  // Never blocks. False: another task owns it.
  [[nodiscard]] bool try_lock();
  // False: the time has passed, and another task owns it.
  template <typename Rep, typename Period>
  [[nodiscard]] bool try_lock_for(const std::chrono::duration<Rep, Period>& duration) {
    return again() || first(mutex_.try_lock_for(duration));
  }
  // As try_lock_for, until an instant of any clock.
  template <typename Clock, typename Duration>
  [[nodiscard]] bool try_lock_until(const std::chrono::time_point<Clock, Duration>& time) {
    return again() || first(mutex_.try_lock_until(time));
  }
  // ready: owned. stopped: the request came first.
  wait_status lock(const stop_token& token);
  // By the owner only; by anyone else it is fatal.
  void unlock() noexcept;

 private:
  // True: the caller owns it already, and one level more from here on.
  [[nodiscard]] bool again();
  // Notes that the caller owns it for the first time, if it does.
  bool first(bool owned) noexcept;

  Mutex mutex_;
  std::atomic<std::uint64_t> owner_{0};  // id of the owning task; 0 = none
  std::uint32_t depth_ = 0;              // the owner's own
};

}  // namespace v0
}  // namespace px
