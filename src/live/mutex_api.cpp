// px::Mutex over the core's mutex.
#include <memory>
#include <stdexcept>

#include "core/chain.hpp"
#include "live/foreign.hpp"
#include "live/runtime.hpp"
#include "live/stop.hpp"
#include "px/mutex.hpp"
#include "px/this_task.hpp"

namespace px {
inline namespace v0 {
namespace {

using Core = core::Mutex<live::Platform>;

static_assert(sizeof(Mutex) == sizeof(Core) && alignof(Mutex) == alignof(Core),
              "px::Mutex has the core's layout");
static_assert(sizeof(Mutex) <= 64, "contract: at most one cache line");
static_assert(static_cast<int>(Protocol::proxy) == static_cast<int>(core::Protocol::kProxy) &&
                  static_cast<int>(Protocol::none) == static_cast<int>(core::Protocol::kNone) &&
                  static_cast<int>(Protocol::inherit) ==
                      static_cast<int>(core::Protocol::kInherit) &&
                  static_cast<int>(Protocol::protect) == static_cast<int>(core::Protocol::kProtect),
              "px::Mutex stores the core's protocol");
static_assert(core::nice_ceiling(-20) == -1 && core::nice_ceiling(19) == -40 &&
                  core::realtime_ceiling(99) == 99 && Core::kSlow == 4,
              "px::Ceiling and px::Mutex write the core's ceiling and word");

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

[[noreturn]] void above_ceiling(const Core& mutex, const detail::TaskObject& me) {
  const int ceiling = mutex.ceiling;
  throw std::system_error(std::make_error_code(std::errc::invalid_argument),
                          "task \"" + me.state->name + "\" ranks above the ceiling of " +
                              label(mutex) + " (" +
                              (ceiling > 0 ? "realtime priority " + std::to_string(ceiling)
                                           : "nice level " + std::to_string(-ceiling - 21)) +
                              "); raise the ceiling or lower the task");
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
  const core::WaitEnd end = mutex.lock(me.runtime->scheduler(), me.core);
  if (end == core::WaitEnd::kDeadlock) throw Deadlock(core::describe_chain(me.core, mutex));
  if (end == core::WaitEnd::kRefused) above_ceiling(mutex, me);
  ++me.held;
}

bool Mutex::try_lock() {
  auto& me = detail::require_task("px::Mutex::try_lock");
  const core::WaitEnd end = core_of(this).try_lock(me.runtime->scheduler(), me.core);
  if (end == core::WaitEnd::kRefused) above_ceiling(core_of(this), me);
  const bool taken = end == core::WaitEnd::kGranted;
  me.held += taken ? 1 : 0;
  detail::poll_preemption();
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

wait_status Mutex::lock_ns(std::int64_t duration_ns, const stop_token& token) {
  auto& me = detail::require_task("px::Mutex::lock");
  auto& mutex = core_of(this);
  if (try_lock()) return wait_status::ready;
  if (token.stop_requested()) return wait_status::stopped;
  if (duration_ns <= 0) return wait_status::timed_out;
  detail::require_may_block(me, "px::Mutex::lock");
  require_same_runtime(mutex, me);
  core::WaitEnd end = core::WaitEnd::kNone;
  {
    const detail::StopWait stop(token.state(), me);
    end = mutex.lock(me.runtime->scheduler(), me.core, me.runtime->instant_in(duration_ns));
  }
  if (end == core::WaitEnd::kDeadlock) throw Deadlock(core::describe_chain(me.core, mutex));
  if (end == core::WaitEnd::kRefused) above_ceiling(mutex, me);
  if (end == core::WaitEnd::kStopped) return wait_status::stopped;
  if (end == core::WaitEnd::kTimedOut) return wait_status::timed_out;
  ++me.held;
  return wait_status::ready;
}

void Mutex::change_protocol(Protocol protocol, std::int8_t ceiling) {
  auto& mutex = core_of(this);
  if (mutex.set_protocol(static_cast<core::Protocol>(protocol), ceiling)) return;
  const auto* owner = mutex.owner();
  throw std::system_error(
      std::make_error_code(std::errc::device_or_resource_busy),
      "the protocol of " + label(mutex) + " cannot be changed while " +
          (owner != nullptr ? "task \"" + std::string(owner->name) + "\" holds it"
                            : std::string("a task waits for it")) +
          "; change it before its first use or between two");
}

void Mutex::set_protocol(Protocol protocol) { change_protocol(protocol, 0); }
void Mutex::set_protocol(Ceiling ceiling) { change_protocol(Protocol::protect, ceiling.code_); }

namespace detail {
void invalid_ceiling(bool realtime, int level) {
  throw std::invalid_argument(
      realtime ? "a ceiling of realtime priority " + std::to_string(level) + "; expected 1 to 99"
               : "a ceiling of nice level " + std::to_string(level) + "; expected -20 to 19");
}
}  // namespace detail

void Mutex::unlock() noexcept {
  auto* me = detail::current_task();
  auto& mutex = core_of(this);
  if (me == nullptr || !mutex.unlock(me->runtime->scheduler(), me->core)) {
    unlock_failed(mutex, me);
  }
  --me->held;
  detail::poll_preemption();
}

}  // namespace v0
}  // namespace px
