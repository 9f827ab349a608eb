// px::Mutex over the core's mutex.
#include <memory>

#include "core/chain.hpp"
#include "live/foreign.hpp"
#include "live/runtime.hpp"
#include "px/mutex.hpp"
#include "px/this_task.hpp"

namespace px {
inline namespace v0 {
namespace {

using Core = core::Mutex<live::Platform>;

static_assert(sizeof(Mutex) == sizeof(Core) && alignof(Mutex) == alignof(Core),
              "px::Mutex has the core's layout");
static_assert(sizeof(Mutex) <= 64, "contract: at most one cache line");

Core& core_of(Mutex* mutex) { return *reinterpret_cast<Core*>(mutex); }

std::string label(const Core& mutex) {
  return mutex.name != nullptr ? "mutex \"" + std::string(mutex.name) + "\"" : "an unnamed mutex";
}

// A lock serves the tasks of one runtime at a time: schedulers know nothing of each other's tasks.
void require_same_runtime(const Core& mutex, const detail::TaskObject& me) {
  const auto* owner = mutex.owner();
  if (owner == nullptr) return;
  const auto* holder = static_cast<const detail::TaskObject*>(owner->user);
  if (holder->runtime == me.runtime) return;
  throw std::system_error(
      make_error_code(errc::other_runtime),
      label(mutex) + " is held by a task of runtime \"" + holder->runtime->options().name + "\"");
}

[[noreturn]] void unlock_failed(const Core& mutex, const detail::TaskObject* me) {
  const auto* owner = mutex.owner();
  detail::fatal("px: unlock of " + label(mutex) + " by " +
                (me != nullptr ? "task \"" + me->state->name + "\"" : "a foreign thread") +
                ", which does not own it (" +
                (owner != nullptr ? "its owner is task \"" + std::string(owner->name) + "\""
                                  : std::string("it is free")) +
                "); every unlock needs a lock by the same task before it");
}

}  // namespace

Mutex::~Mutex() {
  auto& mutex = core_of(this);
  // Waits for an unlock that is still looking at the wait list (contract: destruction is safe as
  // soon as the last owner has unlocked).
  live::preempt_disable();
  mutex.wait_lock.lock();
  const auto* owner = mutex.owner();
  const bool idle = owner == nullptr && mutex.waiters.empty();
  mutex.wait_lock.unlock();
  live::preempt_enable_no_check();
  if (!idle) {
    detail::fatal("px: " + label(mutex) + " is destroyed while " +
                  (owner != nullptr ? "task \"" + std::string(owner->name) + "\" holds it"
                                    : std::string("a task waits for it")) +
                  "; unlock it and end its users first");
  }
}

void Mutex::lock() {
  auto& me = detail::require_task("px::Mutex::lock");
  auto& mutex = core_of(this);
  if (mutex.try_lock(me.core)) [[likely]] {
    ++me.held;
    return;
  }
  detail::require_may_block(me, "px::Mutex::lock");
  require_same_runtime(mutex, me);
  if (mutex.lock(me.runtime->scheduler(), me.core) == core::WaitEnd::kDeadlock) {
    throw Deadlock(core::describe_chain(me.core, mutex));
  }
  ++me.held;
}

bool Mutex::try_lock() {
  auto& me = detail::require_task("px::Mutex::try_lock");
  const bool taken = core_of(this).try_lock(me.core);
  me.held += taken ? 1 : 0;
  return taken;
}

bool Mutex::try_lock_for_ns(std::int64_t duration_ns) {
  auto& me = detail::require_task("px::Mutex::try_lock_for");
  auto& mutex = core_of(this);
  if (try_lock()) return true;
  if (duration_ns <= 0) return false;
  detail::require_may_block(me, "px::Mutex::try_lock_for");
  require_same_runtime(mutex, me);
  const Nanos now = me.runtime->machine().clock().now();
  const Nanos until = duration_ns > kNever - 1 - now ? kNever - 1 : now + duration_ns;
  const bool taken = mutex.lock(me.runtime->scheduler(), me.core, until) == core::WaitEnd::kGranted;
  me.held += taken ? 1 : 0;
  return taken;
}

void Mutex::unlock() noexcept {
  auto* me = detail::current_task();
  auto& mutex = core_of(this);
  if (me == nullptr || !mutex.unlock(me->runtime->scheduler(), me->core)) {
    unlock_failed(mutex, me);
  }
  --me->held;
  if (live::need_resched()) [[unlikely]]
    this_task::checkpoint();
}

}  // namespace v0
}  // namespace px
