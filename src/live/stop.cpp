#include "live/stop.hpp"

#include "live/platform-inl.hpp"
#include "live/word_lock.hpp"
#include "px/this_task.hpp"

namespace px {
inline namespace v0 {
namespace detail {
bool StopState::request() noexcept {
  if (requested_.exchange(true, std::memory_order_seq_cst)) return false;
  {
    const WordLock lock(lock_);
    StopWait::end_waits(*this);
  }
  this_task::checkpoint();
  return true;
}

void StopWait::end_waits(StopState& state) noexcept {
  for (StopWaiter* waiter = state.first_; waiter != nullptr; waiter = waiter->next) {
    TaskObject& task = *waiter->task;
    (void)task.runtime->scheduler().end_wait(task.core, core::WaitEnd::kStopped);
  }
}

StopWait::StopWait(StopState* state, TaskObject& me) : state_(state), waiter_{&me, nullptr} {
  if (state_ == nullptr) return;
  me.core.stop_requested = &state_->requested_;
  const WordLock lock(state_->lock_);
  waiter_.next = state_->first_;
  state_->first_ = &waiter_;
}

StopWait::~StopWait() {
  if (state_ == nullptr) return;
  {
    const WordLock lock(state_->lock_);
    StopWaiter** link = &state_->first_;
    while (*link != &waiter_) link = &(*link)->next;
    *link = waiter_.next;
  }
  waiter_.task->core.stop_requested = nullptr;
}

}  // namespace detail
}  // namespace v0
}  // namespace px
