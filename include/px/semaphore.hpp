// Semaphore: a count of permits. Waiters are served by rank, first come first served among equals;
// they lend to the tasks that are declared as holders of permits.
#pragma once

#include <chrono>
#include <cstdint>

#include "px/duration.hpp"
#include "px/event_room.hpp"
#include "px/stop_token.hpp"

namespace px {
inline namespace v0 {

//   permits   acquire()                try_acquire()   release(n)
//   some      one less                 true            n more
//   none      waits (and lends to a    false           waiters get them by rank, the rest is kept
//             declared holder)
//
// Declared or not, who may release is not checked: a semaphore has no owner. Deadlocks over
// semaphores are not detected. Tasks of one runtime wait on it at a time (other_runtime); release()
// may be called by any thread. Destroying one that is waited for is fatal.
class Semaphore {
 public:
  // Throws std::invalid_argument for a negative count. `name`, if not null, outlives it.
  explicit Semaphore(std::int64_t permits, const char* name = nullptr);
  ~Semaphore();
  Semaphore(const Semaphore&) = delete;
  Semaphore& operator=(const Semaphore&) = delete;

  // Takes a permit, waiting for one. Throws foreign_lock_held, preemption_off, not_a_task.
  void acquire();
  // Never waits. Any thread.
  [[nodiscard]] bool try_acquire();
  // False: the time has passed.
  template <typename Rep, typename Period>
  [[nodiscard]] bool try_acquire_for(const std::chrono::duration<Rep, Period>& duration) {
    return acquire_ns(detail::saturated_ns(duration), {}) == wait_status::ready;
  }
  // As try_acquire_for, until an instant of any clock.
  template <typename Clock, typename Duration>
  [[nodiscard]] bool try_acquire_until(const std::chrono::time_point<Clock, Duration>& time) {
    return acquire_ns(detail::ns_until(time), {}) == wait_status::ready;
  }
  // ready or stopped.
  wait_status acquire(const stop_token& token);
  // Gives `count` permits. Throws std::invalid_argument for a negative count and
  // std::errc::value_too_large where the count would not fit. Any thread.
  void release(std::int32_t count = 1);

  // Declares the calling task to hold permits for as long as one lives: waiters lend to it. On the
  // task's own stack.
  class Holder {
   public:
    // Throws not_a_task.
    explicit Holder(Semaphore& semaphore);
    ~Holder();
    Holder(const Holder&) = delete;
    Holder& operator=(const Holder&) = delete;

   private:
    Semaphore& semaphore_;
    detail::HelperLink link_;
  };

 private:
  wait_status acquire_ns(std::int64_t duration_ns, const stop_token& token);
  detail::EventRoom room_;
};

}  // namespace v0
}  // namespace px
