// ConditionVariable: a wait for something that a px::Mutex guards. Waiters are woken by rank, and
// lend to the tasks that are declared to help (Cucinotta's priority inheritance on condition
// variables).
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>

#include "px/duration.hpp"
#include "px/event_room.hpp"
#include "px/mutex.hpp"

namespace px {
inline namespace v0 {

//   call           the mutex                             afterwards
//   wait           owned by the caller; given up while   owned again, whatever ended the wait
//                  it waits
//   notify_one     owned or not                          the best-ranked waiter goes on
//   notify_all     owned or not                          all go on, one after another
//
// A notification while nobody waits is lost. Waits do not end by themselves: no spurious wakeups.
// The helper of a waiter closes no cycle, and taking the mutex again makes nobody a deadlock's
// victim. Waiting with a lock that does not own its mutex throws
// std::errc::operation_not_permitted. Tasks of one runtime wait on it at a time. Destroying one
// that is waited for is fatal.
class ConditionVariable {
 public:
  // `name`, if not null, outlives it.
  explicit ConditionVariable(const char* name = nullptr);
  ~ConditionVariable();
  ConditionVariable(const ConditionVariable&) = delete;
  ConditionVariable& operator=(const ConditionVariable&) = delete;

  // Any thread.
  void notify_one() noexcept;
  // Any thread.
  void notify_all() noexcept;

  // Until notified. Tasks only.
  void wait(std::unique_lock<Mutex>& lock) { (void)wait_ns(lock, detail::kForEver, {}); }
  // Until predicate(), called with the mutex owned.
  template <typename Predicate>
  void wait(std::unique_lock<Mutex>& lock, Predicate predicate) {
    while (!predicate()) wait(lock);
  }
  // Until notified or the time has passed.
  template <typename Rep, typename Period>
  std::cv_status wait_for(std::unique_lock<Mutex>& lock,
                          const std::chrono::duration<Rep, Period>& duration) {
    return status_of(wait_ns(lock, detail::saturated_ns(duration), {}));
  }
  // What predicate() says in the end.
  template <typename Rep, typename Period, typename Predicate>
  bool wait_for(std::unique_lock<Mutex>& lock, const std::chrono::duration<Rep, Period>& duration,
                Predicate predicate) {
    return wait_until(lock, std::chrono::steady_clock::now() + duration, std::move(predicate));
  }
  // As wait_for, until an instant of any clock.
  template <typename Clock, typename Duration>
  std::cv_status wait_until(std::unique_lock<Mutex>& lock,
                            const std::chrono::time_point<Clock, Duration>& time) {
    return status_of(wait_ns(lock, detail::ns_until(time), {}));
  }
  // What predicate() says in the end.
  template <typename Clock, typename Duration, typename Predicate>
  bool wait_until(std::unique_lock<Mutex>& lock,
                  const std::chrono::time_point<Clock, Duration>& time, Predicate predicate) {
    while (!predicate()) {
      if (wait_until(lock, time) == std::cv_status::timeout) return predicate();
    }
    return true;
  }
  // Until predicate() or a stop request: what predicate() says in the end.
  template <typename Predicate>
  bool wait(std::unique_lock<Mutex>& lock, const stop_token& token, Predicate predicate) {
    while (!predicate()) {
      if (wait_ns(lock, detail::kForEver, token) == wait_status::stopped) return predicate();
    }
    return true;
  }

  // Declares the calling task to serve this condition for as long as one lives: waiters lend to it.
  // On the task's own stack.
  class Helper {
   public:
    // Throws not_a_task.
    explicit Helper(ConditionVariable& condition);
    ~Helper();
    Helper(const Helper&) = delete;
    Helper& operator=(const Helper&) = delete;

   private:
    ConditionVariable& condition_;
    detail::HelperLink link_;
  };

 private:
  static std::cv_status status_of(wait_status status) {
    return status == wait_status::ready ? std::cv_status::no_timeout : std::cv_status::timeout;
  }
  wait_status wait_ns(std::unique_lock<Mutex>& lock, std::int64_t duration_ns,
                      const stop_token& token);
  detail::EventRoom room_;
};

}  // namespace v0
}  // namespace px
