// A wait of the calling task that a stop request ends, for as long as one of these lives.
#pragma once

#include "live/runtime.hpp"
#include "px/stop_token.hpp"

namespace px {
inline namespace v0 {
namespace detail {

struct StopWaiter {
  TaskObject* task = nullptr;
  StopWaiter* next = nullptr;
};

// On the waiting task's stack, around one wait. The order that makes no request go lost: registered
// here first, then the core opens the wait and looks at the flag (Scheduler::open_wait).
class StopWait {
 public:
  // `state` may be null: then it does nothing.
  StopWait(StopState* state, TaskObject& me);
  ~StopWait();
  StopWait(const StopWait&) = delete;
  StopWait& operator=(const StopWait&) = delete;

  // Under StopState::lock_, preemption off.
  static void end_waits(StopState& state) noexcept;

 private:
  StopState* state_;
  StopWaiter waiter_;
};

}  // namespace detail
}  // namespace v0
}  // namespace px
