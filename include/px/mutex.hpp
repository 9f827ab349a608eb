// Mutex: mutual exclusion for tasks, without unbounded priority inversion: who waits for it lends
// its whole scheduling context (class, priority, weight) to its owner until it is released.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "px/duration.hpp"
#include "px/protocol.hpp"
#include "px/stop_token.hpp"

namespace px {
inline namespace v0 {

// Lockable and TimedLockable (std::lock_guard, std::unique_lock, std::scoped_lock). Not recursive.
//
//   state      lock()                          try_lock()   unlock()
//   free       owned by the caller             true         fatal
//   mine       Deadlock                        false        free, or handed to the paying waiter
//   another's  waits and lends; then owned     false        fatal
//
// Newcomers may take a lock that has been released before the woken waiter gets to it (throughput);
// only a waiter that pays for the owner's time gets it handed over, and one that lost it 8 times in
// a row.
//
// May be a static: constant-initialised, usable before any Runtime exists (but locked only by
// tasks), and locked by tasks of one runtime at a time (other_runtime). A task that ends while it
// holds one is fatal: nobody else could release it. May be destroyed as soon as its last owner has
// unlocked it; destroying one that is held or waited for is fatal. All functions: tasks of a
// px::Runtime only, else errc::not_a_task.
class Mutex {
 public:
  constexpr Mutex() noexcept = default;
  // `name`, a string that outlives the mutex, appears in messages, traces and reports.
  // Protocol::protect without a ceiling has that of realtime priority 99.
  explicit constexpr Mutex(const char* name, Protocol protocol = Protocol::proxy) noexcept
      : protocol_(static_cast<std::uint8_t>(protocol)),
        ceiling_(protocol == Protocol::protect ? 99 : 0),
        name_(name),
        word_(protocol == Protocol::protect ? kSlow : 0) {}
  // Under Protocol::protect.
  constexpr Mutex(const char* name, Ceiling ceiling) noexcept
      : protocol_(static_cast<std::uint8_t>(Protocol::protect)),
        ceiling_(ceiling.code_),
        name_(name),
        word_(kSlow) {}
  ~Mutex();
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  // Blocks until the caller owns the mutex. Throws Deadlock if waiting would close a cycle, and
  // std::system_error (foreign_lock_held, preemption_off) if it may not block here, or
  // (std::errc::invalid_argument) if the caller ranks above the ceiling of a `protect` mutex.
  void lock();
  // Never blocks. False: somebody owns it. Throws invalid_argument as lock() does.
  [[nodiscard]] bool try_lock();
  // False: the time has passed. A hand-over that happens first wins. Never throws Deadlock; throws
  // invalid_argument as lock() does.
  template <typename Rep, typename Period>
  [[nodiscard]] bool try_lock_for(const std::chrono::duration<Rep, Period>& duration) {
    return try_lock_for_ns(detail::saturated_ns(duration));
  }
  // As try_lock_for, until an instant of any clock; a change of that clock meanwhile is not seen.
  template <typename Clock, typename Duration>
  [[nodiscard]] bool try_lock_until(const std::chrono::time_point<Clock, Duration>& time) {
    return try_lock_for_ns(detail::ns_until(time));
  }
  // As lock(), until a stop is requested: ready (owned) or stopped. A hand-over that happens before
  // the request wins. Never throws Deadlock.
  wait_status lock(const stop_token& token) { return lock_ns(detail::kForEver, token); }
  // The same with a time limit: ready, timed_out or stopped.
  template <typename Rep, typename Period>
  wait_status try_lock_for(const std::chrono::duration<Rep, Period>& duration,
                           const stop_token& token) {
    return lock_ns(detail::saturated_ns(duration), token);
  }
  // The same until an instant of any clock.
  template <typename Clock, typename Duration>
  wait_status try_lock_until(const std::chrono::time_point<Clock, Duration>& time,
                             const stop_token& token) {
    return lock_ns(detail::ns_until(time), token);
  }
  // By the owner only; by anyone else it is fatal.
  void unlock() noexcept;

  // Changes the protocol of a mutex that nobody owns, waits for or is about to lock; any thread.
  // Throws std::system_error (device_or_resource_busy) if it is owned or waited for.
  void set_protocol(Protocol protocol);
  // To Protocol::protect with that ceiling; as above.
  void set_protocol(Ceiling ceiling);

 private:
  // The bit of the owner word that keeps every lock and unlock off the fast path.
  static constexpr std::uintptr_t kSlow = 4;

  friend class ConditionVariable;
  [[nodiscard]] bool try_lock_for_ns(std::int64_t duration_ns);
  [[nodiscard]] wait_status lock_ns(std::int64_t duration_ns, const stop_token& token);
  void change_protocol(Protocol protocol, std::int8_t ceiling);

  // The layout of the core's mutex (checked where both are known). Zero, but for name, protocol and
  // ceiling, is an unlocked one.
  [[maybe_unused]] std::uint32_t wait_lock_ = 0;
  [[maybe_unused]] std::uint8_t kind_ = 0;
  [[maybe_unused]] std::uint8_t protocol_ = 0;
  [[maybe_unused]] std::int8_t ceiling_ = 0;
  [[maybe_unused]] std::uint32_t id_ = 0;
  [[maybe_unused]] void* first_waiter_ = nullptr;
  [[maybe_unused]] void* last_waiter_ = nullptr;
  [[maybe_unused]] const char* name_ = nullptr;
  [[maybe_unused]] std::uintptr_t word_ = 0;
  [[maybe_unused]] std::int64_t boost_ = 0;
  [[maybe_unused]] void* next_boost_ = nullptr;
};

}  // namespace v0
}  // namespace px
