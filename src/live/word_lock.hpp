// A spin lock in a word that public headers can name. Held for a few instructions and wakeups.
#pragma once

#include <atomic>
#include <cstdint>

#include "live/platform-inl.hpp"

namespace px {
inline namespace v0 {
namespace detail {

// Preemption is off while one lives.
class WordLock {
 public:
  explicit WordLock(std::atomic<std::uint32_t>& word) : word_(word) {
    live::preempt_disable();
    while (word_.exchange(1, std::memory_order_acquire) != 0) __builtin_ia32_pause();
  }
  ~WordLock() {
    word_.store(0, std::memory_order_release);
    live::preempt_enable_no_check();
  }
  WordLock(const WordLock&) = delete;
  WordLock& operator=(const WordLock&) = delete;

 private:
  std::atomic<std::uint32_t>& word_;
};

}  // namespace detail
}  // namespace v0
}  // namespace px
