// A spin lock for sections of a few instructions.
#pragma once

#include <sched.h>

#include <atomic>

#include "base/annotations.hpp"

namespace px::fiber {

// Held for a few instructions only, by code that is not preempted asynchronously meanwhile. A
// waiter gives its CPU away now and then, since the kernel may have taken the holder off the only
// one.
class PX_CAPABILITY("mutex") SpinLock {
 public:
  void lock() noexcept PX_ACQUIRE() {
    constexpr int kSpinsBeforeYield = 100;
    int spins = 0;
    while (locked_.exchange(true, std::memory_order_acquire)) {
      while (locked_.load(std::memory_order_relaxed)) {
        if (++spins % kSpinsBeforeYield == 0) {
          ::sched_yield();
        } else {
          __builtin_ia32_pause();
        }
      }
    }
  }
  void unlock() noexcept PX_RELEASE() { locked_.store(false, std::memory_order_release); }

 private:
  std::atomic<bool> locked_{false};
};

}  // namespace px::fiber
