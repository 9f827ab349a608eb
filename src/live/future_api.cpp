// The shared state of px::Promise and px::Future over the core's flag.
#include "live/event_object.hpp"
#include "live/word_lock.hpp"
#include "px/future.hpp"

namespace px {
inline namespace v0 {
namespace detail {
namespace {

using Flag = core::Flag<live::Platform>;
using Helper = core::Helper<live::Platform>;

Helper& make_helper(HelperLink& link, TaskObject& task) {
  return *new (static_cast<void*>(&link)) Helper{&task.core, nullptr};
}
Helper& helper_in(HelperLink& link) {
  return *std::launder(reinterpret_cast<Helper*>(static_cast<void*>(&link)));
}

void set(Flag& flag) {
  change_event(
      flag, [&] { (void)flag.mark(); }, [&](live::Scheduler& scheduler) { flag.set(scheduler); });
}

}  // namespace

FutureStateBase::FutureStateBase() { make_event<Flag>(room_, "a future"); }
FutureStateBase::~FutureStateBase() {
  clear_producer();
  destroy_event<Flag>(room_, "future");
}

void FutureStateBase::claim() {
  if (claimed_.exchange(true, std::memory_order_acq_rel)) {
    throw std::future_error(std::future_errc::promise_already_satisfied);
  }
}

void FutureStateBase::set_ready() noexcept {
  live::preempt_disable();
  ready_.store(1, std::memory_order_release);
  set(event_in<Flag>(room_));
  {
    const WordLock lock(lock_);
    for (AnyLink* any = any_; any != nullptr; any = any->next) set(*static_cast<Flag*>(any->flag));
  }
  clear_producer();
  ready_.notify_all();
  live::preempt_enable_no_check();
  this_task::checkpoint();
}

wait_status FutureStateBase::wait_ns(std::int64_t duration_ns, const stop_token& token) {
  if (ready()) return wait_status::ready;
  auto& flag = event_in<Flag>(room_);
  if (duration_ns <= 0) return wait_status::timed_out;
  if (current_task() == nullptr) {
    if (duration_ns != kNever || token.stop_possible()) {
      throw std::system_error(make_error_code(errc::not_a_task),
                              "px::Future: a foreign thread waits without a limit only");
    }
    ready_.wait(0, std::memory_order_acquire);
    return wait_status::ready;
  }
  TaskObject& me = waiter_for(flag, "px::Future::wait", "future");
  core::WaitEnd end = core::WaitEnd::kNone;
  {
    const StopWait stop(token.state(), me);
    end =
        flag.wait_until_set(me.runtime->scheduler(), me.core, me.runtime->instant_in(duration_ns));
  }
  if (end == core::WaitEnd::kDeadlock) {
    throw Deadlock(me.state->name + " waits for a future whose producer waits for it");
  }
  return status_of(end);
}

void FutureStateBase::set_producer(const std::shared_ptr<TaskStateBase>& task) {
  if (task == nullptr || task->ended.load(std::memory_order_acquire)) return;
  clear_producer();
  {
    const WordLock lock(lock_);
    if (ready() || producer_ != nullptr) return;
    producer_ = task;
    TaskObject& object = *task->object;
    object.references.fetch_add(1, std::memory_order_relaxed);
    event_in<Flag>(room_).add_helper(object.runtime->scheduler(), make_helper(helper_, object));
  }
  this_task::checkpoint();
}

void FutureStateBase::set_producer_to_caller() {
  set_producer(require_task("px::Promise::set_producer").state);
}

void FutureStateBase::clear_producer() noexcept {
  std::shared_ptr<TaskStateBase> producer;
  {
    const WordLock lock(lock_);
    if (producer_ == nullptr) return;
    producer = std::move(producer_);
    event_in<Flag>(room_).remove_helper(producer->object->runtime->scheduler(), helper_in(helper_));
  }
  producer->runtime->drop_reference(*producer->object);
}

// Each future that is missing has a link to a flag of this very wait, and the wait a helper for
// each producer that is known when it begins.
std::size_t FutureStateBase::wait_any(AnyLink* links, std::size_t count) {
  const auto first_ready = [&] {
    std::size_t at = 0;
    while (at < count && !links[at].state->ready()) ++at;
    return at;
  };
  Flag any;
  TaskObject& me = waiter_for(any, "px::when_any", "future");
  auto& scheduler = me.runtime->scheduler();
  for (std::size_t i = 0; i < count; ++i) {
    FutureStateBase& state = *links[i].state;
    const WordLock lock(state.lock_);
    links[i].flag = &any;
    links[i].next = state.any_;
    state.any_ = &links[i];
    if (state.producer_ == nullptr) continue;
    TaskObject& producer = *state.producer_->object;
    producer.references.fetch_add(1, std::memory_order_relaxed);
    any.add_helper(scheduler, make_helper(links[i].helper, producer));
  }
  if (first_ready() == count) (void)any.wait_until_set(scheduler, me.core);
  for (std::size_t i = 0; i < count; ++i) {
    {
      const WordLock lock(links[i].state->lock_);
      AnyLink** at = &links[i].state->any_;
      while (*at != &links[i]) at = &(*at)->next;
      *at = links[i].next;
    }
    if (links[i].helper.task == nullptr) continue;
    auto& helper = helper_in(links[i].helper);
    any.remove_helper(scheduler, helper);
    auto& producer = *static_cast<TaskObject*>(helper.task->user);
    producer.runtime->drop_reference(producer);
  }
  this_task::checkpoint();
  return first_ready();
}

}  // namespace detail
}  // namespace v0
}  // namespace px
