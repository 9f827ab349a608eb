// px::SharedMutex: a cover of core::SharedMutex, and the memory of its holds.
#include "px/shared_mutex.hpp"

#include <stdexcept>
#include <system_error>

#include "core/chain.hpp"
#include "core/shared_mutex.hpp"
#include "live/event_object.hpp"
#include "px/error.hpp"

namespace px {
inline namespace v0 {

namespace {

using CoreShared = core::SharedMutex<live::Platform>;
using detail::event_in;

std::string label(const CoreShared& mutex) {
  return detail::event_label("shared mutex", mutex.name);
}

const char* name_of(bool shared) {
  return shared ? "px::SharedMutex::lock_shared" : "px::SharedMutex::lock";
}

// The caller holds it, or its holders are of another runtime.
[[noreturn]] void refused(CoreShared& mutex, const detail::TaskObject& me, bool shared) {
  live::preempt_disable();
  mutex.wait_lock.lock();
  const bool mine = mutex.helper_place(me.core) != 0;
  mutex.wait_lock.unlock();
  live::preempt_enable_no_check();
  if (!mine) {
    throw std::system_error(make_error_code(errc::other_runtime),
                            label(mutex) + " is held by a task of another runtime than \"" +
                                me.runtime->options().name + "\"");
  }
  throw std::system_error(
      std::make_error_code(std::errc::resource_deadlock_would_occur),
      std::string(name_of(shared)) + ": task \"" + me.state->name + "\" holds " + label(mutex) +
          " already and would wait for itself; unlock it first, or take it for writing at once");
}

[[noreturn]] void unlock_failed(const CoreShared& mutex, const detail::TaskObject* me,
                                bool shared) noexcept {
  detail::fatal("px: unlock" + std::string(shared ? "_shared" : "") + " of " + label(mutex) +
                " by " + (me != nullptr ? "task \"" + me->state->name + "\"" : "a foreign thread") +
                ", which does not hold it " + (shared ? "shared" : "exclusively") +
                "; each unlock needs a lock of the same kind by the same task before it");
}

}  // namespace

SharedMutex::SharedMutex(const char* name, Protocol protocol) {
  if (protocol != Protocol::proxy && protocol != Protocol::none) {
    throw std::invalid_argument("px::SharedMutex under another protocol than proxy or none");
  }
  detail::make_event<CoreShared>(room_, name, protocol == Protocol::proxy);
}

SharedMutex::~SharedMutex() {
  auto& mutex = event_in<CoreShared>(room_);
  live::preempt_disable();
  mutex.wait_lock.lock();
  const auto* holder = mutex.holder();
  mutex.wait_lock.unlock();
  live::preempt_enable_no_check();
  if (holder != nullptr) {
    detail::fatal("px: " + label(mutex) + " is destroyed while task \"" + holder->name +
                  "\" holds it; unlock it and end its users first");
  }
  detail::destroy_event<CoreShared>(room_, "shared mutex");
}

bool SharedMutex::try_acquire(bool shared) {
  auto& me = detail::require_task(name_of(shared));
  auto& mutex = event_in<CoreShared>(room_);
  auto& hold = me.holds.take(shared);
  const core::WaitEnd end = mutex.try_acquire(me.runtime->scheduler(), me.core, hold);
  if (end == core::WaitEnd::kGranted) {
    ++me.held;
    return true;
  }
  me.holds.give_back(hold);
  if (end == core::WaitEnd::kRefused) refused(mutex, me, shared);
  detail::poll_preemption();
  return false;
}

wait_status SharedMutex::acquire_ns(bool shared, std::int64_t duration_ns,
                                    const stop_token& token) {
  if (try_acquire(shared)) return wait_status::ready;
  if (token.stop_requested()) return wait_status::stopped;
  if (duration_ns <= 0) return wait_status::timed_out;
  auto& mutex = event_in<CoreShared>(room_);
  auto& me = detail::waiter_for(mutex, name_of(shared), "shared mutex");
  auto& hold = me.holds.take(shared);
  core::WaitEnd end = core::WaitEnd::kNone;
  {
    const detail::StopWait stop(token.state(), me);
    end =
        mutex.acquire(me.runtime->scheduler(), me.core, hold, me.runtime->instant_in(duration_ns));
  }
  if (end == core::WaitEnd::kGranted) {
    ++me.held;
    return wait_status::ready;
  }
  me.holds.give_back(hold);
  if (end == core::WaitEnd::kDeadlock) throw Deadlock(core::describe_chain(me.core, mutex));
  if (end == core::WaitEnd::kRefused) refused(mutex, me, shared);
  return detail::status_of(end);
}

void SharedMutex::release(bool shared) noexcept {
  auto* me = detail::current_task();
  auto& mutex = event_in<CoreShared>(room_);
  auto* hold = me != nullptr ? mutex.release(me->runtime->scheduler(), me->core, shared) : nullptr;
  if (hold == nullptr) unlock_failed(mutex, me, shared);
  me->holds.give_back(*hold);
  --me->held;
  detail::poll_preemption();
}

}  // namespace v0
}  // namespace px
