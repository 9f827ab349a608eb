// Runtime: a preemptive scheduler for tasks on this process's threads. Task<R>: a handle to one.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "px/error.hpp"
#include "px/sched_params.hpp"
#include "px/stop_token.hpp"

namespace px {
inline namespace v0 {

struct RuntimeOptions {
  int cpus = 0;            // 0 = as many as the caller's affinity mask allows
  bool pin = true;         // one OS thread per CPU, pinned
  bool preempt = true;     // preempt computing tasks by signal; false: at px calls only
  int preempt_signal = 0;  // 0 = the first SIGRTMIN+n with the default action
  std::size_t stack_size = std::size_t{256} * 1024;
  bool guard_pages = true;
  bool proxy_exec = true;                     // false: Protocol::proxy acts as Protocol::none
  std::chrono::nanoseconds slice{3'000'000};  // of fair tasks
  // The most of each CPU that deadline tasks may ask for in sum; 0 = as much as they like.
  int deadline_percent = 95;
  // Deadline tasks share out what others of them leave unused (GRUB).
  bool deadline_reclaim = false;
  std::string name = "px";  // in messages
  // An exception that leaves a task nobody will join. Default: terminate with the task's name.
  std::function<void(const char* task, std::exception_ptr)> on_unhandled = {};
};

struct TaskOptions {
  std::string_view name = {};  // copied; empty = "task-ID"
  SchedParams params = Fair{};
  CpuSet affinity = {};        // empty = all CPUs of the runtime
  int cpu = -1;                // where to start; -1 = the runtime's choice
  std::size_t stack_size = 0;  // bytes; 0 = the runtime's
  bool preempt = true;         // false: preempted at px calls only, never by signal
};

class Runtime;

namespace detail {

class RuntimeImpl;
struct TaskObject;
struct TaskAccess;

// The function a task runs, its result, and what outlives the task for its handle.
class TaskStateBase {
 public:
  virtual ~TaskStateBase() = default;
  virtual void invoke() = 0;  // may throw; what it throws becomes error

  std::exception_ptr error;
  TaskObject* object = nullptr;
  // Shared, so that a handle may outlive its runtime.
  std::shared_ptr<RuntimeImpl> runtime;
  StopState stop;
  std::atomic<bool> detached{false};
  std::atomic<bool> ended{false};  // set by the task; then `object` and `runtime` are not touched
  std::string name;
  // px::task_local objects, in order of creation; the task's own.
  struct Slot {
    const void* key;
    void* object;
    void (*destroy)(void*);
  };
  std::vector<Slot> slots;
};

template <typename R, typename F>
class TaskStateFor;

template <typename R>
class TaskState : public TaskStateBase {
 public:
  std::optional<R> result;
};
template <>
class TaskState<void> : public TaskStateBase {};

template <typename R, typename F>
class TaskStateFor final : public TaskState<R> {
 public:
  explicit TaskStateFor(F function) : function_(std::move(function)) {}
  void invoke() override {
    // Whatever the function owns ends with it, in the task that ran it: only there may a destructor
    // make calls that wait.
    F function = std::move(*function_);
    function_.reset();
    if constexpr (std::is_void_v<R>) {
      function();
    } else {
      this->result.emplace(function());
    }
  }

 private:
  std::optional<F> function_;
};

void start_task(RuntimeImpl& runtime, const TaskOptions& options,
                std::shared_ptr<TaskStateBase> state);
void join_task(TaskStateBase& state);
void join_at_destruction(TaskStateBase& state) noexcept;
void request_stop(TaskStateBase& state) noexcept;
void detach_task(TaskStateBase& state) noexcept;
void set_task_params(TaskStateBase& state, const SchedParams& params);
void set_task_affinity(TaskStateBase& state, const CpuSet& cpus);
[[nodiscard]] RuntimeImpl& current_runtime();

}  // namespace detail

// A handle to a task. Move-only; used by one thread at a time. Its destructor, and assignment to
// it, request a stop and join, like std::jthread; an exception of the task that nobody joined is
// dropped then. Where that join may not block (a deadlock, a PreemptGuard) it is fatal: join()
// before.
template <typename R>
class [[nodiscard]] Task {
 public:
  Task() noexcept = default;
  Task(Task&&) noexcept = default;
  Task& operator=(Task&& other) noexcept {
    if (this != &other) {
      finish();
      state_ = std::move(other.state_);
    }
    return *this;
  }
  ~Task() { finish(); }

  // False for an empty handle: moved from, joined or detached.
  [[nodiscard]] bool joinable() const noexcept { return state_ != nullptr; }
  // Waits for the task's end; returns what it returned or rethrows what it threw. The caller lends
  // its scheduling context to the task meanwhile. Any thread; once. Throws invalid_join for an
  // empty handle or the calling task itself, and Deadlock.
  R join() {
    if (state_ == nullptr) throw std::system_error(make_error_code(errc::invalid_join));
    detail::join_task(*state_);
    const auto state = std::move(state_);
    // Taken out: whoever lets go of the state last (it may be the ended task) frees no exception.
    if (state->error) std::rethrow_exception(std::exchange(state->error, nullptr));
    if constexpr (!std::is_void_v<R>) return std::move(*state->result);
  }
  // Sets the task's stop token. Any thread.
  void request_stop() noexcept {
    if (state_ != nullptr) detail::request_stop(*state_);
  }
  // The task goes on by itself; the runtime's end still waits for it.
  void detach() noexcept {
    if (state_ != nullptr) detail::detach_task(*state_);
    state_ = nullptr;
  }
  // Class and parameters from now on, whatever the task is doing; nothing once it has ended.
  void set_params(const SchedParams& params) { detail::set_task_params(checked(), params); }
  // The CPUs it may run on from now on; moves it if need be. Any thread. Throws invalid_affinity.
  void set_affinity(const CpuSet& cpus) { detail::set_task_affinity(checked(), cpus); }

 private:
  friend class Runtime;
  friend struct detail::TaskAccess;
  explicit Task(std::shared_ptr<detail::TaskState<R>> state) : state_(std::move(state)) {}

  detail::TaskStateBase& checked() {
    if (state_ == nullptr) throw std::system_error(make_error_code(errc::invalid_join));
    return *state_;
  }
  void finish() noexcept {
    if (state_ == nullptr) return;
    detail::request_stop(*state_);
    detail::join_at_destruction(*state_);
    state_ = nullptr;
  }

  std::shared_ptr<detail::TaskState<R>> state_;
};

class Runtime {
 public:
  // Starts the CPUs. Throws std::system_error: signal_in_use, invalid_params, and what the system
  // refuses.
  explicit Runtime(RuntimeOptions options = {});
  // Requests a stop of all tasks, joins them, then ends the CPUs. Not from inside one of its tasks.
  ~Runtime();
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  // Starts a task that runs f(args...), all decay-copied. Any thread.
  template <typename F, typename... Args>
  auto spawn(const TaskOptions& options, F&& f, Args&&... args) {
    return start(*impl_, options, std::forward<F>(f), std::forward<Args>(args)...);
  }
  // The same with default options: fair, nice 0, any CPU.
  template <typename F, typename... Args>
  requires(!std::is_same_v<std::decay_t<F>, TaskOptions>) auto spawn(F&& f, Args&&... args) {
    return spawn(TaskOptions{}, std::forward<F>(f), std::forward<Args>(args)...);
  }
  // From a foreign thread: runs f() as a task and returns what it returns.
  template <typename F>
  auto run(F&& f) {
    return spawn(std::forward<F>(f)).join();
  }

  // CPUs of this runtime, numbered 0 .. cpus() - 1. Any thread.
  [[nodiscard]] int cpus() const noexcept;
  // Takes a CPU out of use, at any time: what waits there moves, what runs there leaves at its next
  // preemption; returns once it is empty (later if a task there keeps preemption off). Its thread
  // stays and serves timers that were set there. A task whose affinity names no other CPU that is
  // online runs on any that is until one of its own is back. No effect if it is offline already.
  // Any thread; inside a task it may block. Throws last_cpu (nothing was changed), invalid_params.
  void offline(int cpu);
  // Brings it back; tasks that may run only there return at once. Any thread. Throws
  // invalid_params.
  void online(int cpu);
  // Any thread. Throws invalid_params.
  [[nodiscard]] bool is_online(int cpu) const;
  // One line per property of this runtime that its user may not expect (no asynchronous preemption
  // here, ...), each ended by a newline.
  [[nodiscard]] std::string notices() const;

  // How tasks were preempted so far.
  struct PreemptionCounts {
    std::uint64_t asynchronous = 0;  // by signal
    std::uint64_t refused = 0;       // signals at places where a task may not be switched
    std::uint64_t retried = 0;
    std::uint64_t exchanges = 0;  // OS threads exchanged for a task that is bound to one
  };
  // Counted since the start, over all CPUs. Any thread.
  [[nodiscard]] PreemptionCounts preemptions() const noexcept;

  // What spawn() does, for the library's own use.
  template <typename F, typename... Args>
  static auto start(detail::RuntimeImpl& impl, const TaskOptions& options, F&& f, Args&&... args) {
    using R = std::invoke_result_t<std::decay_t<F>, std::decay_t<Args>...>;
    auto bound = [f = std::decay_t<F>(std::forward<F>(f)),
                  args = std::tuple<std::decay_t<Args>...>(std::forward<Args>(args)...)]() mutable {
      return std::apply(std::move(f), std::move(args));
    };
    auto state = std::make_shared<detail::TaskStateFor<R, decltype(bound)>>(std::move(bound));
    detail::start_task(impl, options, state);
    return Task<R>(std::move(state));
  }

 private:
  std::shared_ptr<detail::RuntimeImpl> impl_;
};

// Inside a task: starts another one in the same runtime. Elsewhere: errc::not_a_task.
template <typename F, typename... Args>
auto spawn(const TaskOptions& options, F&& f, Args&&... args) {
  return Runtime::start(detail::current_runtime(), options, std::forward<F>(f),
                        std::forward<Args>(args)...);
}
// The same with default options.
template <typename F, typename... Args>
requires(!std::is_same_v<std::decay_t<F>, TaskOptions>) auto spawn(F&& f, Args&&... args) {
  return spawn(TaskOptions{}, std::forward<F>(f), std::forward<Args>(args)...);
}

}  // namespace v0
}  // namespace px
