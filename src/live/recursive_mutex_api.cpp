#include "px/recursive_mutex.hpp"

#include <limits>

#include "px/this_task.hpp"

namespace px {
inline namespace v0 {

bool RecursiveMutex::again() {
  const std::uint64_t me = this_task::id();
  if (me == 0 || owner_.load(std::memory_order_relaxed) != me) return false;
  if (depth_ == std::numeric_limits<std::uint32_t>::max()) {
    throw std::system_error(std::make_error_code(std::errc::resource_unavailable_try_again),
                            "px::RecursiveMutex is locked too often by its owner");
  }
  ++depth_;
  return true;
}

bool RecursiveMutex::first(bool owned) noexcept {
  if (!owned) return false;
  owner_.store(this_task::id(), std::memory_order_relaxed);
  depth_ = 1;
  return true;
}

void RecursiveMutex::lock() {
  if (again()) return;
  mutex_.lock();
  (void)first(true);
}

bool RecursiveMutex::try_lock() { return again() || first(mutex_.try_lock()); }

wait_status RecursiveMutex::lock(const stop_token& token) {
  if (again()) return wait_status::ready;
  const wait_status status = mutex_.lock(token);
  (void)first(status == wait_status::ready);
  return status;
}

void RecursiveMutex::unlock() noexcept {
  // By another task: the mutex says so.
  if (owner_.load(std::memory_order_relaxed) == this_task::id()) {
    if (--depth_ != 0) return;
    owner_.store(0, std::memory_order_relaxed);
  }
  mutex_.unlock();
}

}  // namespace v0
}  // namespace px
