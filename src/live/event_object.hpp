// What the public covers of the core's events have in common: their memory, who may wait, and how
// a thread that belongs to no runtime notifies.
#pragma once

#include <new>
#include <string>

#include "core/sync.hpp"
#include "live/foreign.hpp"
#include "live/platform-inl.hpp"
#include "live/runtime.hpp"
#include "live/stop.hpp"
#include "px/event_room.hpp"
#include "px/this_task.hpp"

namespace px {
inline namespace v0 {
namespace detail {

static_assert(sizeof(HelperLink) == sizeof(core::Helper<live::Platform>) &&
                  alignof(HelperLink) == alignof(core::Helper<live::Platform>),
              "px::detail::HelperLink has the core's layout");

template <typename Core>
[[nodiscard]] Core& event_in(EventRoom& room) {
  static_assert(sizeof(Core) <= sizeof(EventRoom) && alignof(Core) <= alignof(EventRoom));
  return *std::launder(reinterpret_cast<Core*>(room.bytes));
}

template <typename Core, typename... Args>
void make_event(EventRoom& room, const char* name, Args... args) {
  auto& event = *new (room.bytes) Core(args...);
  event.name = name;
}

[[nodiscard]] inline std::string event_label(const char* kind, const char* name) {
  return name != nullptr ? std::string(kind) + " \"" + name + "\""
                         : std::string("an unnamed ") + kind;
}

// Waits for a notification that is still on its way out; fatal if somebody waits.
template <typename Core>
void destroy_event(EventRoom& room, const char* kind) {
  auto& event = event_in<Core>(room);
  live::preempt_disable();
  event.wait_lock.lock();
  const auto* waiter = event.waiters.first();
  event.wait_lock.unlock();
  live::preempt_enable_no_check();
  if (waiter != nullptr) {
    fatal("px: " + event_label(kind, event.name) + " is destroyed while task \"" + waiter->name +
          "\" waits for it; notify or stop its waiters and join them first");
  }
  event.~Core();
}

// The caller, about to wait for up to `duration_ns`. Throws if it may not.
template <typename Core>
[[nodiscard]] TaskObject& waiter_for(Core& event, const char* call, const char* kind) {
  TaskObject& me = require_task(call);
  require_may_block(me, call);
  live::preempt_disable();
  event.wait_lock.lock();
  const auto* other = event.waiters.first();
  const RuntimeImpl* runtime =
      other != nullptr ? static_cast<const TaskObject*>(other->user)->runtime : me.runtime;
  event.wait_lock.unlock();
  live::preempt_enable_no_check();
  if (runtime == me.runtime) return me;
  throw std::system_error(make_error_code(errc::other_runtime),
                          event_label(kind, event.name) + " is waited for by a task of runtime \"" +
                              runtime->options().name + "\"");
}

[[nodiscard]] inline wait_status status_of(core::WaitEnd end) {
  if (end == core::WaitEnd::kTimedOut) return wait_status::timed_out;
  return end == core::WaitEnd::kStopped ? wait_status::stopped : wait_status::ready;
}

// The state of an event changes. `quiet()`: under wait_lock, where nobody waits; `loud(scheduler)`:
// no lock held, where somebody does, with that one's scheduler. Any thread.
template <typename Core, typename Quiet, typename Loud>
void change_event(Core& event, Quiet quiet, Loud loud) {
  live::preempt_disable();
  event.wait_lock.lock();
  const auto* waiter = event.waiters.first();
  RuntimeImpl* runtime = nullptr;
  if (waiter == nullptr) {
    quiet();
  } else {
    runtime = static_cast<TaskObject*>(waiter->user)->runtime;
  }
  event.wait_lock.unlock();
  if (runtime != nullptr) loud(runtime->scheduler());
  live::preempt_enable_no_check();
  this_task::checkpoint();
}

// The calling task helps from here on, or does not any more.
template <typename Core>
void declare_helper(Core& event, HelperLink& link, const char* call) {
  TaskObject& me = require_task(call);
  auto* helper = new (static_cast<void*>(&link)) core::Helper<live::Platform>{&me.core, nullptr};
  event.add_helper(me.runtime->scheduler(), *helper);
}
template <typename Core>
void undeclare_helper(Core& event, HelperLink& link) {
  auto& helper = *std::launder(reinterpret_cast<core::Helper<live::Platform>*>(&link));
  auto& me = *static_cast<TaskObject*>(helper.task->user);
  event.remove_helper(me.runtime->scheduler(), helper);
}

}  // namespace detail
}  // namespace v0
}  // namespace px
