// SharedMutex: owned by one task, or shared by any number of them. Whoever waits lends its
// scheduling context to a holder that can run, then to the next one, until the last has left.
#pragma once

#include <chrono>
#include <cstdint>

#include "px/duration.hpp"
#include "px/event_room.hpp"
#include "px/protocol.hpp"
#include "px/stop_token.hpp"

namespace px {
inline namespace v0 {

//   held by          lock()                lock_shared()
//   nobody           owned                 shared
//   readers          waits, lends to them  shared, unless somebody waits whom the caller does not
//                                          outrank; then waits
//   a writer         waits, lends to it    waits, lends to it
//   the caller       throws                throws: a held lock is neither upgraded nor taken again
//
// Waiters get the lock by rank, first come first served among equals (and so among fair tasks): one
// writer, or the readers up to the next writer. So no writer starves, and no reader.
//
// Meets SharedLockable and SharedTimedLockable: std::unique_lock, std::shared_lock. Belongs to the
// runtime of those who hold it (errc::other_runtime). Destroying one that is held or waited for is
// fatal. A deadlock is found along the holder that is lent to; docs/design/0002-shared-mutex.md
// says why. All functions: tasks of a px::Runtime only, else errc::not_a_task.
class SharedMutex {
 public:
  // `name`, a string that outlives the mutex, appears in messages. `protocol`: proxy, or none, with
  // which waiters sleep and lend nothing. Throws std::invalid_argument for another.
  explicit SharedMutex(const char* name = nullptr, Protocol protocol = Protocol::proxy);
  ~SharedMutex();
  SharedMutex(const SharedMutex&) = delete;
  SharedMutex& operator=(const SharedMutex&) = delete;

  // Blocks until the caller owns the mutex alone. Throws Deadlock if waiting would close a cycle,
  // and std::system_error: foreign_lock_held, preemption_off, other_runtime, and
  // std::errc::resource_deadlock_would_occur if the caller holds it already.
  void lock() { static_cast<void>(acquire_ns(false, detail::kForEver, {})); }
  // Never blocks. False: it would have to wait. Throws if the caller holds it already.
  [[nodiscard]] bool try_lock() { return try_acquire(false); }
  // False: the time has passed. Never throws Deadlock.
  template <typename Rep, typename Period>
  [[nodiscard]] bool try_lock_for(const std::chrono::duration<Rep, Period>& duration) {
    return acquire_ns(false, detail::saturated_ns(duration), {}) == wait_status::ready;
  }
  // As try_lock_for, until an instant of any clock.
  template <typename Clock, typename Duration>
  [[nodiscard]] bool try_lock_until(const std::chrono::time_point<Clock, Duration>& time) {
    return acquire_ns(false, detail::ns_until(time), {}) == wait_status::ready;
  }
  // ready (owned) or stopped. Never throws Deadlock.
  wait_status lock(const stop_token& token) { return acquire_ns(false, detail::kForEver, token); }
  // By its owner only; by anyone else it is fatal.
  void unlock() noexcept { release(false); }

  // The same, shared with others.
  void lock_shared() { static_cast<void>(acquire_ns(true, detail::kForEver, {})); }
  // As try_lock().
  [[nodiscard]] bool try_lock_shared() { return try_acquire(true); }
  // As try_lock_for().
  template <typename Rep, typename Period>
  [[nodiscard]] bool try_lock_shared_for(const std::chrono::duration<Rep, Period>& duration) {
    return acquire_ns(true, detail::saturated_ns(duration), {}) == wait_status::ready;
  }
  // As try_lock_until().
  template <typename Clock, typename Duration>
  [[nodiscard]] bool try_lock_shared_until(const std::chrono::time_point<Clock, Duration>& time) {
    return acquire_ns(true, detail::ns_until(time), {}) == wait_status::ready;
  }
  // ready (shared) or stopped. Never throws Deadlock.
  wait_status lock_shared(const stop_token& token) {
    return acquire_ns(true, detail::kForEver, token);
  }
  // By one of those who share it only.
  void unlock_shared() noexcept { release(true); }

 private:
  [[nodiscard]] wait_status acquire_ns(bool shared, std::int64_t duration_ns,
                                       const stop_token& token);
  [[nodiscard]] bool try_acquire(bool shared);
  void release(bool shared) noexcept;

  detail::EventRoom room_;
};

}  // namespace v0
}  // namespace px
