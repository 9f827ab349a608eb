// Mutex: mutual exclusion for tasks, without unbounded priority inversion: who waits for it lends
// its whole scheduling context (class, priority, weight) to its owner until it is released.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "px/duration.hpp"

namespace px {
inline namespace v0 {

enum class Protocol : std::uint8_t {
  proxy,  // waiters lend their scheduling context to the owner
  none,   // waiters sleep; the owner runs on its own
};

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
  explicit constexpr Mutex(const char* name, Protocol protocol = Protocol::proxy) noexcept
      : protocol_(static_cast<std::uint8_t>(protocol)), name_(name) {}
  ~Mutex();
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  // Blocks until the caller owns the mutex. Throws Deadlock if waiting would close a cycle, and
  // std::system_error (foreign_lock_held, preemption_off) if it may not block here.
  void lock();
  // Never blocks. False: somebody owns it.
  [[nodiscard]] bool try_lock();
  // False: the time has passed. A hand-over that happens first wins. Never throws Deadlock.
  template <typename Rep, typename Period>
  [[nodiscard]] bool try_lock_for(const std::chrono::duration<Rep, Period>& duration) {
    return try_lock_for_ns(detail::saturated_ns(duration));
  }
  // As try_lock_for, until an instant of any clock; a change of that clock meanwhile is not seen.
  template <typename Clock, typename Duration>
  [[nodiscard]] bool try_lock_until(const std::chrono::time_point<Clock, Duration>& time) {
    return try_lock_for_ns(detail::ns_until(time));
  }
  // By the owner only; by anyone else it is fatal.
  void unlock() noexcept;

 private:
  [[nodiscard]] bool try_lock_for_ns(std::int64_t duration_ns);

  // The layout of the core's mutex (checked where both are known). Zero, but for name and protocol,
  // is an unlocked one.
  [[maybe_unused]] std::uint32_t wait_lock_ = 0;
  [[maybe_unused]] std::uint8_t kind_ = 0;
  [[maybe_unused]] std::uint8_t protocol_ = 0;
  [[maybe_unused]] std::uint32_t id_ = 0;
  [[maybe_unused]] void* first_waiter_ = nullptr;
  [[maybe_unused]] void* last_waiter_ = nullptr;
  [[maybe_unused]] const char* name_ = nullptr;
  [[maybe_unused]] std::uintptr_t word_ = 0;
};

}  // namespace v0
}  // namespace px
