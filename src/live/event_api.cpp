// px::Semaphore, ConditionVariable, Latch, Barrier and EventCount over the core's events.
#include <stdexcept>

#include "live/event_object.hpp"
#include "px/condition_variable.hpp"
#include "px/rendezvous.hpp"
#include "px/semaphore.hpp"

namespace px {
inline namespace v0 {
namespace {

using CoreSemaphore = core::Semaphore<live::Platform>;
using CoreCondition = core::Condition<live::Platform>;
using CoreLatch = core::Latch<live::Platform>;
using CoreBarrier = core::Barrier<live::Platform>;
using CoreEventCount = core::EventCount<live::Platform>;
using detail::event_in;
using detail::kForEver;

std::int64_t checked_count(std::int64_t count, std::int64_t least, const char* what) {
  if (count >= least) return count;
  throw std::invalid_argument(std::string(what) + " of " + std::to_string(count) + "; expected " +
                              std::to_string(least) + " or more");
}

// Waits by `wait(task, limit)` until told so, the time has passed or a stop is requested.
template <typename Core, typename Wait>
wait_status wait_on(Core& event, const char* call, const char* kind, std::int64_t duration_ns,
                    const stop_token& token, Wait wait) {
  detail::TaskObject& me = detail::waiter_for(event, call, kind);
  const detail::StopWait stop(token.state(), me);
  return detail::status_of(wait(me, me.runtime->instant_in(duration_ns)));
}

// read(event) under its lock. Any thread.
template <typename Core, typename Read>
auto look_at(Core& event, Read read) {
  live::preempt_disable();
  event.wait_lock.lock();
  const auto result = read(event);
  event.wait_lock.unlock();
  live::preempt_enable_no_check();
  detail::poll_preemption();
  return result;
}

}  // namespace

// --- Semaphore

Semaphore::Semaphore(std::int64_t permits, const char* name) {
  detail::make_event<CoreSemaphore>(room_, name, checked_count(permits, 0, "a semaphore"));
}
Semaphore::~Semaphore() { detail::destroy_event<CoreSemaphore>(room_, "semaphore"); }

void Semaphore::acquire() { (void)acquire_ns(kForEver, {}); }
wait_status Semaphore::acquire(const stop_token& token) { return acquire_ns(kForEver, token); }

bool Semaphore::try_acquire() {
  return look_at(event_in<CoreSemaphore>(room_), [](CoreSemaphore& event) { return event.take(); });
}

wait_status Semaphore::acquire_ns(std::int64_t duration_ns, const stop_token& token) {
  auto& event = event_in<CoreSemaphore>(room_);
  if (duration_ns <= 0) return try_acquire() ? wait_status::ready : wait_status::timed_out;
  return wait_on(event, "px::Semaphore::acquire", "semaphore", duration_ns, token,
                 [&](detail::TaskObject& me, Nanos limit) {
                   return event.acquire(me.runtime->scheduler(), me.core, limit);
                 });
}

void Semaphore::release(std::int32_t count) {
  checked_count(count, 0, "a release");
  auto& event = event_in<CoreSemaphore>(room_);
  bool fits = true;
  detail::change_event(
      event, [&] { fits = event.add(count); },
      [&](live::Scheduler& scheduler) { fits = event.release(scheduler, count); });
  if (!fits) {
    throw std::system_error(std::make_error_code(std::errc::value_too_large),
                            "px::Semaphore::release: the count of permits does not fit");
  }
}

Semaphore::Holder::Holder(Semaphore& semaphore) : semaphore_(semaphore) {
  detail::declare_helper(event_in<CoreSemaphore>(semaphore_.room_), link_, "px::Semaphore::Holder");
}
Semaphore::Holder::~Holder() {
  detail::undeclare_helper(event_in<CoreSemaphore>(semaphore_.room_), link_);
}

// --- ConditionVariable

ConditionVariable::ConditionVariable(const char* name) {
  detail::make_event<CoreCondition>(room_, name);
}
ConditionVariable::~ConditionVariable() {
  detail::destroy_event<CoreCondition>(room_, "condition variable");
}

void ConditionVariable::notify_one() noexcept {
  auto& event = event_in<CoreCondition>(room_);
  detail::change_event(
      event, [] {}, [&](live::Scheduler& scheduler) { event.notify_some(scheduler, 1); });
}
void ConditionVariable::notify_all() noexcept {
  auto& event = event_in<CoreCondition>(room_);
  detail::change_event(
      event, [] {},
      [&](live::Scheduler& scheduler) { event.notify_some(scheduler, CoreCondition::kAll); });
}

wait_status ConditionVariable::wait_ns(std::unique_lock<Mutex>& lock, std::int64_t duration_ns,
                                       const stop_token& token) {
  auto& event = event_in<CoreCondition>(room_);
  auto* mutex = reinterpret_cast<core::Mutex<live::Platform>*>(lock.mutex());
  detail::TaskObject& me =
      detail::waiter_for(event, "px::ConditionVariable::wait", "condition variable");
  if (!lock.owns_lock() || !mutex->owned_by(me.core)) {
    throw std::system_error(std::make_error_code(std::errc::operation_not_permitted),
                            "task \"" + me.state->name + "\" waits for " +
                                detail::event_label("condition variable", event.name) +
                                " without owning the mutex; lock it before");
  }
  if (duration_ns <= 0) return wait_status::timed_out;
  const detail::StopWait stop(token.state(), me);
  return detail::status_of(
      event.wait(me.runtime->scheduler(), me.core, *mutex, me.runtime->instant_in(duration_ns)));
}

ConditionVariable::Helper::Helper(ConditionVariable& condition) : condition_(condition) {
  detail::declare_helper(event_in<CoreCondition>(condition_.room_), link_,
                         "px::ConditionVariable::Helper");
}
ConditionVariable::Helper::~Helper() {
  detail::undeclare_helper(event_in<CoreCondition>(condition_.room_), link_);
}

// --- Latch

Latch::Latch(std::int64_t count, const char* name) {
  detail::make_event<CoreLatch>(room_, name, checked_count(count, 0, "a latch"));
}
Latch::~Latch() { detail::destroy_event<CoreLatch>(room_, "latch"); }

void Latch::count_down(std::int64_t by) {
  checked_count(by, 0, "a count_down");
  auto& event = event_in<CoreLatch>(room_);
  bool fits = true;
  detail::change_event(
      event, [&] { fits = event.subtract(by); },
      [&](live::Scheduler& scheduler) { fits = event.count_down(scheduler, by); });
  if (!fits) {
    throw std::invalid_argument("px::Latch::count_down by " + std::to_string(by) +
                                ", which is more than is left");
  }
}
bool Latch::try_wait() {
  return look_at(event_in<CoreLatch>(room_),
                 [](const CoreLatch& event) { return event.reached(); });
}
void Latch::wait() { (void)wait(stop_token()); }
wait_status Latch::wait(const stop_token& token) {
  auto& event = event_in<CoreLatch>(room_);
  return wait_on(event, "px::Latch::wait", "latch", kForEver, token,
                 [&](detail::TaskObject& me, Nanos limit) {
                   return event.wait_for_zero(me.runtime->scheduler(), me.core, limit);
                 });
}
void Latch::arrive_and_wait(std::int64_t by) {
  count_down(by);
  wait();
}

// --- Barrier

Barrier::Barrier(std::int32_t parties, const char* name) {
  detail::make_event<CoreBarrier>(room_, name,
                                  static_cast<int>(checked_count(parties, 1, "a barrier")));
}
Barrier::~Barrier() { detail::destroy_event<CoreBarrier>(room_, "barrier"); }

void Barrier::arrive_and_wait() { (void)arrive_and_wait(stop_token()); }
wait_status Barrier::arrive_and_wait(const stop_token& token) {
  auto& event = event_in<CoreBarrier>(room_);
  return wait_on(event, "px::Barrier::arrive_and_wait", "barrier", kForEver, token,
                 [&](detail::TaskObject& me, Nanos limit) {
                   return event.arrive(me.runtime->scheduler(), me.core, limit);
                 });
}
void Barrier::arrive_and_drop() {
  auto& event = event_in<CoreBarrier>(room_);
  detail::change_event(
      event, [&] { event.drop_unwaited(); },
      [&](live::Scheduler& scheduler) { event.drop(scheduler); });
}

// --- EventCount

EventCount::EventCount(const char* name) { detail::make_event<CoreEventCount>(room_, name); }
EventCount::~EventCount() { detail::destroy_event<CoreEventCount>(room_, "event count"); }

EventCount::Key EventCount::prepare_wait() {
  return look_at(event_in<CoreEventCount>(room_),
                 [](const CoreEventCount& event) { return event.key(); });
}
void EventCount::wait(Key key) { (void)wait(key, stop_token()); }
wait_status EventCount::wait(Key key, const stop_token& token) {
  auto& event = event_in<CoreEventCount>(room_);
  return wait_on(event, "px::EventCount::wait", "event count", kForEver, token,
                 [&](detail::TaskObject& me, Nanos limit) {
                   return event.wait_past(me.runtime->scheduler(), me.core, key, limit);
                 });
}
void EventCount::notify_one() {
  auto& event = event_in<CoreEventCount>(room_);
  detail::change_event(
      event, [&] { event.count_up(); },
      [&](live::Scheduler& scheduler) { event.notify_some(scheduler, 1); });
}
void EventCount::notify_all() {
  auto& event = event_in<CoreEventCount>(room_);
  detail::change_event(
      event, [&] { event.count_up(); },
      [&](live::Scheduler& scheduler) { event.notify_some(scheduler, CoreEventCount::kAll); });
}

}  // namespace v0
}  // namespace px
