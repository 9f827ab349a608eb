#include "live/runtime.hpp"

#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cstdlib>

#include "base/proxy_switch.hpp"
#include "live/foreign.hpp"
#include "live/platform-inl.hpp"
#include "live/stack_fault.hpp"

namespace px {
inline namespace v0 {
namespace detail {
namespace {

// Preemption off for a scope of library code on any thread.
class PreemptOff {
 public:
  PreemptOff() { live::preempt_disable(); }
  ~PreemptOff() { live::preempt_enable_no_check(); }
  PreemptOff(const PreemptOff&) = delete;
  PreemptOff& operator=(const PreemptOff&) = delete;
};

void wait_while(std::atomic<std::uint32_t>& word, std::uint32_t value) {
  while (word.load(std::memory_order_acquire) == value) {
    syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, value, nullptr, nullptr, 0);
  }
}

void wake_all(std::atomic<std::uint32_t>& word) {
  syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, INT_MAX, nullptr, nullptr, 0);
}

// In a forked child the calling thread plays no CPU: every px call there is errc::not_a_task.
void forget_worker_after_fork() noexcept {
  if (live::current_worker() != nullptr) live::set_worker(nullptr, nullptr);
}

// Static destructors run with preemption off, also when a task calls exit().
void stop_preemption_at_exit() { live::preempt_disable(); }

void register_process_hooks() {
  static const bool registered = [] {
    pthread_atfork(nullptr, nullptr, &forget_worker_after_fork);
    return std::atexit(&stop_preemption_at_exit) == 0;
  }();
  (void)registered;
}

// px::task_local objects of a task that has run, the latest first.
void destroy_slots(TaskStateBase& state) {
  while (!state.slots.empty()) {
    const auto slot = state.slots.back();
    state.slots.pop_back();
    slot.destroy(slot.object);
  }
}

thread_local std::string* notice_sink = nullptr;

void collect_notice(const char* line) noexcept {
  if (notice_sink != nullptr) *notice_sink += line;
}

}  // namespace

std::vector<int> allowed_cpus(int count) {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<int> cpus;
  if (sched_getaffinity(0, sizeof set, &set) == 0) {
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
      if (CPU_ISSET(static_cast<std::size_t>(cpu), &set)) cpus.push_back(cpu);
    }
  }
  if (cpus.empty()) cpus.push_back(0);
  if (count <= 0) return cpus;
  std::vector<int> chosen;
  // More CPUs than the machine has share them: the i-th is the i-th of the mask, folded.
  for (int i = 0; i < count; ++i) chosen.push_back(cpus[static_cast<std::size_t>(i) % cpus.size()]);
  return chosen;
}

RuntimeImpl::RuntimeImpl(RuntimeOptions options, std::size_t trace_capacity)
    : options_(std::move(options)), process_(getpid()) {
  if (options_.cpus < 0 || options_.cpus > kMaxCpus) {
    throw std::system_error(make_error_code(errc::invalid_params),
                            "RuntimeOptions::cpus is " + std::to_string(options_.cpus) +
                                ", expected 0 to " + std::to_string(kMaxCpus));
  }
  if (options_.slice.count() < 1 || options_.slice.count() > policy::kSliceMax) {
    throw std::system_error(make_error_code(errc::invalid_params),
                            "RuntimeOptions::slice is " + std::to_string(options_.slice.count()) +
                                " ns, expected 1 ns to " + std::to_string(policy::kSliceMax) +
                                " ns");
  }
  if (options_.deadline_percent < 0 || options_.deadline_percent > 100) {
    throw std::system_error(make_error_code(errc::invalid_params),
                            "RuntimeOptions::deadline_percent is " +
                                std::to_string(options_.deadline_percent) +
                                ", expected 0 (no limit) to 100");
  }
  register_process_hooks();
  notice_sink = &notices_;
  const ProxySwitch environment = proxy_switch_of_environment();
  if (environment.on == false) options_.proxy_exec = false;
  if (environment.rejected != nullptr) {
    notices_ += "px: PX_PROXY_EXEC=" + std::string(environment.rejected) +
                " is ignored; expected 0, 1, true or false\n";
  }
  default_stacks_ = &stack_pool(options_.stack_size);
  live::MachineOptions machine_options;
  machine_options.os_cpus = allowed_cpus(options_.cpus);
  machine_options.pin = options_.pin;
  machine_options.preempt = options_.preempt;
  machine_options.preempt_signal = options_.preempt_signal;
  machine_options.proxy_exec = options_.proxy_exec;
  machine_options.tunables.fair_slice_ns = options_.slice.count();
  machine_options.deadline_admission = options_.deadline_percent != 0;
  machine_options.tunables.deadline_limit_percent =
      options_.deadline_percent != 0 ? options_.deadline_percent : 100;
  machine_options.tunables.deadline_reclaim = options_.deadline_reclaim;
  machine_options.guard_pages = options_.guard_pages;
  machine_options.trace_capacity = trace_capacity;
  machine_options.notice = &collect_notice;
  machine_ = std::make_unique<live::Machine>(machine_options, &RuntimeImpl::retire);
  notice_sink = nullptr;
}

// The pool of stacks of that size; made at its first use.
fiber::StackPool& RuntimeImpl::stack_pool(std::size_t size) {
  const std::size_t bytes =
      std::max(size == 0 ? options_.stack_size : size, fiber::min_stack_size());
  const auto find = [&]() -> fiber::StackPool* {
    PreemptOff off;
    core::Guard guard(pool_lock_);
    for (auto& pool : stacks_) {
      if (pool->stack_size() >= bytes && pool->stack_size() < bytes + fiber::kPageSize) {
        return pool.get();
      }
    }
    return nullptr;
  };
  if (size == 0 && default_stacks_ != nullptr) return *default_stacks_;
  if (auto* pool = find()) return *pool;
  fiber::StackPoolOptions stack_options;
  stack_options.stack_size = bytes;
  stack_options.guard_pages = options_.guard_pages;
  stack_options.notice = &collect_notice;
  auto made = std::make_unique<fiber::StackPool>(stack_options);
  PreemptOff off;
  core::Guard guard(pool_lock_);
  return *stacks_.emplace_back(std::move(made));
}

void RuntimeImpl::shut_down() {
  if (getpid() != process_) {
    // A forked child: its threads do not exist, so nothing can be joined or given back.
    (void)machine_.release();
    for (auto& pool : stacks_) (void)pool.release();
    for (auto& chunk : chunks_) (void)chunk.release();
    return;
  }
  if (const TaskObject* me = current_task(); me != nullptr && me->runtime == this) {
    fatal("px: task \"" + me->state->name + "\" destroys its own runtime \"" + options_.name +
          "\", which would wait for the task; destroy it from another thread");
  }
  stopping_.store(true, std::memory_order_seq_cst);
  stop_all();
  for (std::uint32_t alive = alive_.load(std::memory_order_acquire); alive != 0;
       alive = alive_.load(std::memory_order_acquire)) {
    wait_while(alive_, alive);
  }
  machine_.reset();
}

RuntimeImpl::~RuntimeImpl() {
  PX_CHECK(machine_ == nullptr, "a runtime is shut down before its memory goes");
}

void RuntimeImpl::stop_all() {
  PreemptOff off;
  core::Guard guard(pool_lock_);
  for (auto& chunk : chunks_) {
    for (std::size_t i = 0; i < kChunk; ++i) {
      if (chunk[i].state != nullptr) (void)chunk[i].state->stop.request();
    }
  }
}

// An object off the free list, which the task's state keeps off it, and a new id.
RuntimeImpl::Acquired RuntimeImpl::acquire(std::shared_ptr<TaskStateBase> state) {
  {
    PreemptOff off;
    core::Guard guard(pool_lock_);
    if (free_ != nullptr) {
      TaskObject& object = *free_;
      free_ = object.next_free;
      object.state = std::move(state);
      return {object, next_id_++};
    }
  }
  auto chunk = std::make_unique<TaskObject[]>(kChunk);
  TaskObject* objects = chunk.get();
  for (std::size_t i = 0; i < kChunk; ++i) {
    // Once and for all: others may look at a lock's owner while it ends and is recycled.
    objects[i].runtime = this;
    objects[i].core.user = &objects[i];
    objects[i].next_free = i + 1 < kChunk ? &objects[i + 1] : nullptr;
  }
  PreemptOff off;
  core::Guard guard(pool_lock_);
  chunks_.push_back(std::move(chunk));
  objects[kChunk - 1].next_free = free_;
  free_ = objects[0].next_free;
  objects[0].state = std::move(state);
  return {objects[0], next_id_++};
}

void RuntimeImpl::start(const TaskOptions& options, std::shared_ptr<TaskStateBase> state) {
  if (stopping_.load(std::memory_order_acquire)) {
    throw std::system_error(make_error_code(errc::runtime_stopped));
  }
  if (options.cpu >= machine_->cpus()) {
    throw std::system_error(make_error_code(errc::invalid_affinity),
                            "TaskOptions::cpu is " + std::to_string(options.cpu) +
                                ", but the runtime has " + std::to_string(machine_->cpus()));
  }
  start_core({std::string(options.name), core_params(options.params), mask_of(options.affinity),
              options.cpu, options.stack_size, options.preempt},
             std::move(state));
}

void RuntimeImpl::start_core(CoreOptions options, std::shared_ptr<TaskStateBase> state) {
  fiber::StackPool& pool = stack_pool(options.stack_size);
  PreemptOff off;
  const Acquired acquired = acquire(std::move(state));
  TaskObject& object = acquired.object;
  object.core.reset(acquired.id, "");
  TaskStateBase& shared = *object.state;
  shared.name =
      options.name.empty() ? "task-" + std::to_string(object.core.id) : std::move(options.name);
  shared.object = &object;
  shared.runtime = shared_from_this();
  object.core.name = shared.name.c_str();
  object.core.affinity = options.affinity;
  policy::set_params(object.core.se, options.params);
  if (const policy::Admitted admitted = scheduler().admit(object.core); !admitted.granted) {
    // The only reference: back to the free list.
    object.references.store(1, std::memory_order_relaxed);
    drop_reference(object);
    throw_not_admitted(admitted);
  }
  object.held = 0;
  object.references.store(2, std::memory_order_relaxed);
  object.done.store(TaskObject::kRuns, std::memory_order_relaxed);
  object.stack_pool = &pool;
  object.core.context.bound = nullptr;
  object.core.context.preempt = options.preempt;
  object.core.context.stack = pool.acquire();
  fiber::make(object.core.context.fiber, object.core.context.stack, &RuntimeImpl::task_entry,
              &object);
  alive_.fetch_add(1, std::memory_order_relaxed);
  scheduler().start(object.core, options.cpu);
}

void RuntimeImpl::task_entry(void* argument) noexcept {
  auto& object = *static_cast<TaskObject*>(argument);
  RuntimeImpl& runtime = *object.runtime;
  runtime.scheduler().platform().arrive();
  runtime.scheduler().first_run();
  run_user_code(object);
  destroy_slots(*object.state);
  if (object.held != 0) {
    fatal("px: task \"" + object.state->name + "\" ends while it holds " +
          std::to_string(object.held) +
          " mutex(es) of px; nobody else could unlock them: unlock before the task returns");
  }
  object.state->ended.store(true, std::memory_order_release);
  live::preempt_disable();
  if (object.done.exchange(TaskObject::kEnded, std::memory_order_acq_rel) == TaskObject::kAwaited) {
    wake_all(object.done);
  }
  live::preempt_enable_no_check();
  runtime.scheduler().exit();
}

// Everything a user's exception may pass through; what it leaves behind goes to the handle.
void RuntimeImpl::run_user_code(TaskObject& object) noexcept {
  TaskStateBase& state = *object.state;
  try {
    state.invoke();
  } catch (...) {
    state.error = std::current_exception();
  }
  if (state.error == nullptr || !state.detached.load(std::memory_order_acquire)) return;
  const auto& handler = object.runtime->options().on_unhandled;
  if (handler) {
    handler(state.name.c_str(), state.error);
    return;
  }
  std::string what = "an exception that is no std::exception";
  try {
    std::rethrow_exception(state.error);
  } catch (const std::exception& error) {
    what = error.what();
  } catch (...) {
  }
  fatal("px: an exception left the detached task \"" + state.name + "\": " + what +
        "; catch it in the task, or set RuntimeOptions::on_unhandled");
}

// The task's last switch is over.
void RuntimeImpl::retire(live::Task& task) {
  auto& object = *static_cast<TaskObject*>(task.user);
  RuntimeImpl& runtime = *object.runtime;
  object.stack_pool->release(task.context.stack);
  task.context.stack = {};
  runtime.drop_reference(object);
  // The last one wakes the destructor, after which `runtime` may be gone.
  auto& alive = runtime.alive_;
  alive.fetch_sub(1, std::memory_order_acq_rel);
  if (runtime.stopping_.load(std::memory_order_seq_cst)) wake_all(alive);
}

void RuntimeImpl::drop_reference(TaskObject& object) {
  if (object.references.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  PreemptOff off;
  std::shared_ptr<TaskStateBase> state;  // destroyed after the lock is dropped
  core::Guard guard(pool_lock_);
  state = std::move(object.state);
  object.next_free = free_;
  free_ = &object;
}

void RuntimeImpl::join(TaskStateBase& state) {
  TaskObject& object = *state.object;
  TaskObject* me = current_task();
  if (me == &object) {
    throw std::system_error(make_error_code(errc::invalid_join),
                            "task \"" + state.name + "\" joins itself");
  }
  if (me != nullptr && me->runtime == this) {
    if (object.done.load(std::memory_order_acquire) != TaskObject::kEnded) {
      require_may_block(*me, "join");
    }
    if (scheduler().join(object.core) == core::WaitEnd::kDeadlock) {
      throw Deadlock(me->state->name + " joins " + state.name + ", which waits for it");
    }
  } else {
    std::uint32_t expected = TaskObject::kRuns;
    object.done.compare_exchange_strong(expected, TaskObject::kAwaited, std::memory_order_acq_rel);
    wait_while(object.done, TaskObject::kAwaited);
  }
  drop_reference(object);
}

void RuntimeImpl::set_affinity(live::Task& task, const CpuSet& cpus) {
  if (scheduler().set_affinity(task, mask_of(cpus))) return;
  throw std::system_error(make_error_code(errc::invalid_affinity),
                          "every CPU of the set is offline; bring one online, or name another");
}

int RuntimeImpl::checked_cpu(int cpu, const char* call) const {
  if (cpu >= 0 && cpu < machine_->cpus()) return cpu;
  throw std::system_error(make_error_code(errc::invalid_params),
                          std::string(call) + ": found CPU " + std::to_string(cpu) +
                              ", expected 0 to " + std::to_string(machine_->cpus() - 1));
}

void RuntimeImpl::offline(int cpu) {
  TaskObject* me = current_task();
  if (me != nullptr) require_may_block(*me, "px::Runtime::offline");
  checked_cpu(cpu, "px::Runtime::offline");
  if (scheduler().offline(cpu) == core::Hotplug::kLastCpu) {
    throw std::system_error(make_error_code(errc::last_cpu),
                            "CPU " + std::to_string(cpu) + "; bring another online before");
  }
  // Whoever runs there leaves at its next preemption. Meanwhile somebody may bring it back.
  while (!scheduler().is_online(cpu) && !scheduler().is_drained(cpu)) {
    constexpr Nanos kPause = 50 * kMicrosecond;
    if (me != nullptr && me->runtime == this) {
      (void)scheduler().sleep_until(machine_->clock().now() + kPause);
    } else {
      usleep(kPause / kMicrosecond);
    }
  }
}

void RuntimeImpl::online(int cpu) {
  (void)scheduler().online(checked_cpu(cpu, "px::Runtime::online"));
}

void RuntimeImpl::throw_not_admitted(const policy::Admitted& refused) const {
  throw std::system_error(make_error_code(errc::not_admitted),
                          policy::describe(refused, machine_->cpus()));
}

void RuntimeImpl::change_params(TaskObject& object, const policy::Params& params) {
  const policy::Admitted admitted = scheduler().set_params(object.core, params);
  if (!admitted.granted) throw_not_admitted(admitted);
}

CpuMask RuntimeImpl::mask_of(const CpuSet& cpus) const {
  if (cpus.empty()) return CpuMask::first(machine_->cpus());
  CpuMask mask;
  for (int cpu = 0; cpu < machine_->cpus(); ++cpu) {
    if (cpus.has(cpu)) mask.add(cpu);
  }
  if (mask.empty()) {
    throw std::system_error(
        make_error_code(errc::invalid_affinity),
        "the set names none of the runtime's " + std::to_string(machine_->cpus()) + " CPUs");
  }
  return mask;
}

}  // namespace detail
}  // namespace v0
}  // namespace px
