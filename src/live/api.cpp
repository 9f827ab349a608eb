// The public interface over the live world: px::Runtime, px::this_task, errors.
#include <pthread.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>

#include "fiber/sanitizer.hpp"
#include "live/foreign.hpp"
#include "live/platform-inl.hpp"
#include "live/runtime.hpp"
#include "px/error.hpp"
#include "px/task_local.hpp"
#include "px/this_task.hpp"
#include "px/version.hpp"

namespace px {
inline namespace v0 {
namespace {

std::atomic<FatalHandler> fatal_handler{nullptr};

class ErrorCategory final : public std::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "px"; }
  [[nodiscard]] std::string message(int code) const override {
    switch (static_cast<errc>(code)) {
      case errc::not_a_task:
        return "this px call needs a task of a px::Runtime; spawn one, or use Runtime::run";
      case errc::other_runtime:
        return "the object belongs to another px::Runtime";
      case errc::invalid_params:
        return "scheduling parameters out of range";
      case errc::invalid_affinity:
        return "the CPU set names no CPU of the runtime that is online";
      case errc::not_supported:
        return "not supported by this version or machine";
      case errc::foreign_lock_held:
        return "a px call would block while a lock of another library is held; release that first";
      case errc::preemption_off:
        return "a px call would block under a px::PreemptGuard; end the guard's scope first";
      case errc::runtime_stopped:
        return "the runtime is being destroyed and accepts no more tasks";
      case errc::signal_in_use:
        return "the preemption signal has a handler already";
      case errc::last_cpu:
        return "no other CPU of the runtime is online";
      case errc::not_admitted:
        return "the deadline tasks of the runtime would ask for more than its limit";
      case errc::invalid_join:
        return "nothing to join: an empty handle, or the calling task itself";
    }
    return "unknown px error";
  }
  [[nodiscard]] std::error_condition default_error_condition(int code) const noexcept override {
    if (static_cast<errc>(code) == errc::not_supported) return std::errc::not_supported;
    return {code, *this};
  }
};

}  // namespace

const char* version() noexcept { return "0.1.0"; }

const std::error_category& error_category() noexcept {
  static const ErrorCategory category;
  return category;
}

std::error_code make_error_code(errc code) noexcept {
  return {static_cast<int>(code), error_category()};
}

Deadlock::Deadlock(const std::string& chain)
    : std::system_error(std::make_error_code(std::errc::resource_deadlock_would_occur), chain) {}

FatalHandler set_fatal_handler(FatalHandler handler) noexcept {
  return fatal_handler.exchange(handler, std::memory_order_acq_rel);
}

namespace detail {

void fatal(const std::string& line) noexcept {
  if (const FatalHandler handler = fatal_handler.load(std::memory_order_acquire)) {
    handler(line.c_str());
  } else {
    std::fprintf(stderr, "%s\n", line.c_str());
  }
  std::abort();
}

TaskObject* current_task() noexcept {
  const auto* carrier = static_cast<const live::Carrier*>(live::current_worker());
  if (carrier == nullptr || carrier->current == nullptr) return nullptr;
  return static_cast<TaskObject*>(carrier->current->user);
}

TaskObject& require_task(const char* call) {
  TaskObject* me = current_task();
  if (me == nullptr) throw std::system_error(make_error_code(errc::not_a_task), call);
  return *me;
}

void require_may_block(const TaskObject& me, const char* call) {
  if (live::preempt_count() != 0) {
    throw std::system_error(make_error_code(errc::preemption_off),
                            std::string(call) + " in task \"" + me.state->name + "\"");
  }
  if (live::foreign_held() != 0) {
    throw std::system_error(make_error_code(errc::foreign_lock_held),
                            std::string(call) + " in task \"" + me.state->name + "\"");
  }
}

// Shorter periods would leave the machine to its timers.
policy::DeadlineParams deadline_params(const Deadline& params) {
  constexpr Nanos kShortestPeriod = 100 * kMicrosecond;
  policy::DeadlineParams p;
  p.runtime_ns = params.runtime.count();
  p.period_ns = params.period.count();
  p.deadline_ns = params.deadline.count() != 0 ? params.deadline.count() : p.period_ns;
  if (p.period_ns > 0 && p.period_ns < kShortestPeriod) {
    throw std::system_error(make_error_code(errc::invalid_params),
                            "deadline period below 100 us; expected 100 us to 8796 s");
  }
  return p;
}

policy::Params core_params(const SchedParams& params) {
  policy::Params result;
  if (const auto* fair = std::get_if<Fair>(&params)) {
    policy::FairParams p;
    p.nice = fair->nice;
    p.slice_ns = fair->slice.count();
    result = p;
  } else if (const auto* rt = std::get_if<Realtime>(&params)) {
    result = policy::RealtimeParams{rt->priority, rt->round_robin};
  } else if (std::holds_alternative<Idle>(params)) {
    policy::FairParams p;
    p.idle_policy = true;
    result = p;
  } else {
    result = deadline_params(std::get<Deadline>(params));
  }
  if (const char* why = policy::invalid_params(result); *why != '\0') {
    throw std::system_error(make_error_code(errc::invalid_params), why);
  }
  return result;
}

void start_task(RuntimeImpl& runtime, const TaskOptions& options,
                std::shared_ptr<TaskStateBase> state) {
  runtime.start(options, std::move(state));
}
void join_task(TaskStateBase& state) { state.runtime->join(state); }
void join_at_destruction(TaskStateBase& state) noexcept {
  try {
    state.runtime->join(state);
  } catch (const std::exception& error) {
    fatal("px: the handle of task \"" + state.name + "\" is destroyed where it cannot be joined: " +
          error.what() + "; join it, or detach it, before");
  }
}
void request_stop(TaskStateBase& state) noexcept { (void)state.stop.request(); }
void detach_task(TaskStateBase& state) noexcept {
  state.detached.store(true, std::memory_order_release);
  state.runtime->drop_reference(*state.object);
}
void set_task_params(TaskStateBase& state, const SchedParams& params) {
  const policy::Params checked = core_params(params);
  if (state.ended.load(std::memory_order_acquire)) return;
  state.runtime->change_params(*state.object, checked);
}
void set_task_affinity(TaskStateBase& state, const CpuSet& cpus) {
  if (state.ended.load(std::memory_order_acquire)) return;
  state.runtime->set_affinity(state.object->core, cpus);
}
void* task_slot(const void* key, void* (*create)(), void (*destroy)(void*)) {
  auto& state = *require_task("px::task_local").state;
  for (const auto& slot : state.slots) {
    if (slot.key == key) return slot.object;
  }
  void* object = create();
  state.slots.push_back({key, object, destroy});
  return object;
}
RuntimeImpl& current_runtime() { return *require_task("px::spawn").runtime; }

}  // namespace detail

Runtime::Runtime(RuntimeOptions options)
    : impl_(std::make_shared<detail::RuntimeImpl>(std::move(options))) {}
Runtime::~Runtime() { impl_->shut_down(); }
int Runtime::cpus() const noexcept { return impl_->machine().cpus(); }
void Runtime::offline(int cpu) { impl_->offline(cpu); }
void Runtime::online(int cpu) { impl_->online(cpu); }
bool Runtime::is_online(int cpu) const {
  return impl_->scheduler().is_online(impl_->checked_cpu(cpu, "px::Runtime::is_online"));
}
std::string Runtime::notices() const { return impl_->notices(); }
Runtime::PreemptionCounts Runtime::preemptions() const noexcept {
  const auto counts = impl_->machine().preemptions();
  return {counts.asynchronous, counts.refused, counts.retried, counts.exchanges};
}

namespace this_task {

void yield() {
  auto& me = detail::require_task("px::this_task::yield");
  detail::require_may_block(me, "px::this_task::yield");
  me.runtime->scheduler().yield();
}

void sleep_for_ns(std::int64_t duration_ns) {
  auto& me = detail::require_task("px::this_task::sleep_for");
  if (duration_ns <= 0) return;
  detail::require_may_block(me, "px::this_task::sleep_for");
  auto& runtime = *me.runtime;
  const Nanos now = runtime.machine().clock().now();
  const Nanos until = duration_ns > kNever - now ? kNever : now + duration_ns;
  (void)runtime.scheduler().sleep_until(until);
}

void checkpoint() noexcept {
#if PX_TSAN
  // It holds signals back until the program calls into libc.
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
#endif
  if (!live::need_resched()) [[likely]]
    return;
  if (live::preempt_count() != 0 || live::foreign_held() != 0) return;
  if (auto* me = detail::current_task()) me->runtime->scheduler().preempt_now();
}

std::uint64_t id() noexcept {
  detail::poll_preemption();
  const auto* me = detail::current_task();
  return me != nullptr ? me->core.id : 0;
}

const char* name() noexcept {
  detail::poll_preemption();
  const auto* me = detail::current_task();
  return me != nullptr ? me->state->name.c_str() : "";
}

px::stop_token stop_token() {
  detail::poll_preemption();
  auto& me = detail::require_task("px::this_task::stop_token");
  return px::stop_token(std::shared_ptr<detail::StopState>(me.state, &me.state->stop));
}

void set_params(const SchedParams& params) {
  auto& me = detail::require_task("px::this_task::set_params");
  me.runtime->change_params(me, detail::core_params(params));
}

void set_affinity(const CpuSet& cpus) {
  auto& me = detail::require_task("px::this_task::set_affinity");
  me.runtime->set_affinity(me.core, cpus);
}

int cpu() {
  detail::poll_preemption();
  auto& me = detail::require_task("px::this_task::cpu");
  return me.core.cpu.load(std::memory_order_relaxed);
}

std::chrono::nanoseconds executed() {
  detail::poll_preemption();
  auto& me = detail::require_task("px::this_task::executed");
  // Twice the same base: no switch came in between.
  for (;;) {
    const Nanos base = me.core.exec_base.load(std::memory_order_acquire);
    const Nanos now = me.runtime->machine().clock().now();
    if (base == me.core.exec_base.load(std::memory_order_acquire)) {
      return std::chrono::nanoseconds(now - base);
    }
  }
}

std::uint64_t overruns() {
  detail::poll_preemption();
  const auto& me = detail::require_task("px::this_task::overruns");
  live::preempt_disable();  // an overrun is counted where this task could be interrupted
  const std::uint64_t count = me.core.se.dl.overruns;
  live::preempt_enable_no_check();
  return count;
}

}  // namespace this_task

PreemptGuard::PreemptGuard() noexcept { live::preempt_disable(); }
PreemptGuard::~PreemptGuard() {
  live::preempt_enable_no_check();
  this_task::checkpoint();
}

}  // namespace v0
}  // namespace px
