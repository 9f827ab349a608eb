#include "live/run.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <deque>
#include <mutex>

#include "core/chain.hpp"
#include "live/burn.hpp"
#include "live/foreign.hpp"
#include "live/platform-inl.hpp"
#include "live/runtime.hpp"
#include "px/this_task.hpp"
#include "trace/steal.hpp"
#include "workload/core_run.hpp"
#include "workload/interpreter.hpp"

namespace px::live {
namespace {

using workload::Op;
using workload::TaskSpec;
using workload::Workload;
using Mutex = core::Mutex<Platform>;

// Events kept per CPU: at 24 bytes each, touched only as they come.
constexpr std::size_t kTraceCapacity = std::size_t{16} << 20;
// All tasks start at one instant that lies this far ahead of their spawning.
constexpr Nanos kStartDelay = 5 * kMillisecond;
constexpr Nanos kStartDelayPerTask = 20 * kMicrosecond;
constexpr Nanos kWatchInterval = 100 * kMillisecond;

class Run {
 public:
  Run(const Workload& workload, const LiveOptions& options)
      : workload_(workload), options_(options), timers_(workload) {
    workload::check_core_run(workload_, options_, RuntimeOptions{}.deadline_percent);
    make_runtime();
    make_locks();
  }
  // Also where the run was cut by an exception: the tasks use what is destroyed next.
  ~Run() { runtime_->shut_down(); }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  trace::RunResult execute();

 private:
  struct Port;
  class Program;

  void make_runtime();
  void make_locks();
  void start_tasks();
  void wait_for_end();
  [[nodiscard]] bool all_wait_for_ever();
  void cancel_waits();
  [[nodiscard]] CpuMask mask_of(const std::optional<CpuMask>& cpus) const;
  void report_deadlock(const std::string& chain);
  [[nodiscard]] Nanos now() const { return runtime_->machine().clock().now() - t_zero_; }

  const Workload& workload_;
  const LiveOptions& options_;
  int cpus_ = 1;
  bool folded_ = false;
  Nanos end_ns_ = kNever;
  Nanos t_zero_ = 0;
  workload::TimerBank timers_;
  std::deque<workload::JobLog> jobs_;
  std::deque<Mutex> locks_;
  std::deque<std::vector<trace::Disturbance>> disturbances_;  // by task
  std::vector<std::shared_ptr<Program>> programs_;
  std::shared_ptr<detail::RuntimeImpl> runtime_;
  std::atomic<bool> stop_{false};
  std::atomic<std::size_t> running_{0};
  std::mutex deadlock_mutex_;
  std::string deadlock_;
};

// What one task's program calls; see workload::TaskPort.
struct Run::Port {
  Run& run_state;
  std::uint32_t task;
  detail::TaskObject& me;
  std::vector<std::uint32_t> held;  // reserved for all locks: nothing is allocated later
  bool gave_up = false;             // a lock call ended without its lock

  [[nodiscard]] Scheduler& scheduler() { return run_state.runtime_->scheduler(); }
  [[nodiscard]] Nanos now() const { return run_state.now(); }
  [[nodiscard]] bool stopping() const {
    return run_state.stop_.load(std::memory_order_relaxed) || now() >= run_state.end_ns_;
  }
  void apply(const policy::Params& params, const std::optional<CpuMask>& cpus) {
    const policy::Admitted admitted = scheduler().set_params(me.core, params);
    PX_CHECK(admitted.granted, "what all phases ask for at most was admitted before the run");
    scheduler().set_affinity(me.core, run_state.mask_of(cpus));
  }
  void before_op(const Op& /*op*/) {}
  void run(Nanos amount) { compute(BurnGoal{amount, kNever}); }
  void run_wall(Nanos amount) {
    compute(BurnGoal{kNever, workload::later(run_state.t_zero_ + now(), amount)});
  }
  void compute(BurnGoal goal) {
    goal.end_at = std::min(goal.end_at, end_instant());
    burn(
        run_state.runtime_->machine().clock(), me.core.exec_base, goal, run_state.stop_,
        [](void* list, Nanos start, Nanos end) {
          auto& gaps = *static_cast<std::vector<trace::Disturbance>*>(list);
          if (gaps.size() < gaps.capacity()) gaps.push_back({start, end});
        },
        &run_state.disturbances_[task]);
  }
  void sleep_until(Nanos when) {
    const Nanos at = when > kNever - run_state.t_zero_ ? kNever : when + run_state.t_zero_;
    (void)scheduler().sleep_until(std::min(at, end_instant()));
  }
  bool lock(const Op& op) {
    auto& mutex = run_state.locks_[op.index];
    if (mutex.try_lock(scheduler(), me.core) == core::WaitEnd::kGranted) {
      trace(trace::EventKind::kAcquire, 0, mutex.id);
      held.push_back(op.index);
      return true;
    }
    trace(trace::EventKind::kContend, 0, mutex.id);
    const core::WaitEnd end = mutex.lock(scheduler(), me.core);
    if (end == core::WaitEnd::kGranted) {
      trace(trace::EventKind::kAcquire, 1, mutex.id);
      held.push_back(op.index);
      return true;
    }
    gave_up = true;
    // After the end tasks only give up what they hold: what they run into then is no result.
    if (end == core::WaitEnd::kDeadlock && !stopping()) {
      run_state.report_deadlock(core::describe_chain(me.core, mutex));
    }
    trace(trace::EventKind::kAbandon, trace::kNoTask, mutex.id);
    return false;
  }
  void unlock(const Op& op) {
    std::erase(held, op.index);
    release(op.index);
  }
  // A task that a deadlock or the end of the run stopped in mid-section gives up what it holds.
  void release_all() {
    for (const auto index : held) release(index);
    held.clear();
  }

 private:
  [[nodiscard]] Nanos end_instant() const {
    return run_state.end_ns_ == kNever ? kNever : run_state.end_ns_ + run_state.t_zero_;
  }
  void release(std::uint32_t index) {
    auto& mutex = run_state.locks_[index];
    // With waiters the core says whether the lock was released or handed over.
    if (!mutex.has_waiters()) trace(trace::EventKind::kRelease, trace::kNoTask, mutex.id);
    const bool owned = mutex.unlock(scheduler(), me.core);
    PX_CHECK(owned, "the reader lets a task unlock only what it holds");
    this_task::checkpoint();
  }
  void trace(trace::EventKind kind, std::uint32_t other, std::uint32_t lock) {
    preempt_disable();
    run_state.runtime_->machine().record(kind, me.core.id, other, lock);
    preempt_enable_no_check();
  }
};

class Run::Program final : public detail::TaskStateBase {
 public:
  Program(Run& run, std::uint32_t index) : run_(run), index_(index) {}

  void invoke() override {
    Port port{run_, index_, *object, {}, false};
    port.held.reserve(run_.locks_.size());
    // The start: one instant for all.
    (void)run_.runtime_->scheduler().sleep_until(run_.t_zero_);
    const TaskSpec& spec = run_.workload_.tasks[index_];
    run_task(run_.workload_, spec, run_.timers_, port, run_.jobs_[index_]);
    // A program that just ends keeps what it holds, as a thread would; others then wait for ever.
    if (port.stopping() || port.gave_up) port.release_all();
    run_.running_.fetch_sub(1, std::memory_order_acq_rel);
  }

 private:
  Run& run_;
  std::uint32_t index_;
};

void Run::make_runtime() {
  const Nanos duration = duration_of(workload_, options_);
  end_ns_ = duration < 0 ? kNever : duration;
  RuntimeOptions runtime_options;
  const int machine_cpus = static_cast<int>(detail::allowed_cpus(0).size());
  cpus_ = cpus_of(workload_, options_);
  folded_ = cpus_ > machine_cpus;
  cpus_ = std::min(cpus_, machine_cpus);
  runtime_options.cpus = cpus_;
  runtime_options.proxy_exec = options_.proxy_exec;
  runtime_options.deadline_percent =
      workload::admission_percent_of(workload_, runtime_options.deadline_percent);
  runtime_options.deadline_reclaim = workload_.deadline_reclaim;
  if (workload_.slice_ns > 0) runtime_options.slice = std::chrono::nanoseconds(workload_.slice_ns);
  runtime_ = std::make_shared<detail::RuntimeImpl>(runtime_options, kTraceCapacity);
}

void Run::make_locks() {
  for (std::size_t i = 0; i < workload_.locks.size(); ++i) {
    const auto& spec = workload_.locks[i];
    auto& lock = locks_.emplace_back();
    lock.id = static_cast<std::uint32_t>(i) + 1;
    lock.name = spec.name.c_str();
    workload::set_protocol(lock, workload_, options_, static_cast<std::uint32_t>(i));
  }
}

CpuMask Run::mask_of(const std::optional<CpuMask>& cpus) const {
  if (!cpus) return CpuMask::first(cpus_);
  CpuMask mask;
  for (int cpu = cpus->next(-1); cpu >= 0; cpu = cpus->next(cpu)) mask.add(cpu % cpus_);
  return mask;
}

void Run::start_tasks() {
  const auto count = workload_.tasks.size();
  running_.store(count, std::memory_order_relaxed);
  t_zero_ = runtime_->machine().clock().now() + kStartDelay +
            kStartDelayPerTask * static_cast<Nanos>(count);
  for (std::size_t i = 0; i < count; ++i) {
    jobs_.emplace_back(workload_.tasks[i]);
    disturbances_.emplace_back().reserve(1024);
    programs_.push_back(std::make_shared<Program>(*this, static_cast<std::uint32_t>(i)));
  }
  for (std::size_t i = 0; i < count; ++i) {
    const auto& spec = workload_.tasks[i];
    runtime_->start_core({spec.name, spec.params, mask_of(spec.cpus), -1, 0, true}, programs_[i]);
  }
}

void Run::report_deadlock(const std::string& chain) {
  const std::lock_guard guard(deadlock_mutex_);
  if (deadlock_.empty()) deadlock_ = chain;
  stop_.store(true, std::memory_order_relaxed);
}

// Every task that has not ended waits for a lock without a time limit, and was seen so before.
bool Run::all_wait_for_ever() {
  for (const auto& program : programs_) {
    const auto& task = program->object->core;
    const auto state = task.state.load(std::memory_order_acquire);
    if (state == core::TaskState::kDead) continue;
    if (state != core::TaskState::kSleeping) return false;
    const auto* on = task.blocked_on.load(std::memory_order_acquire);
    if (on == nullptr) return false;
    const auto* owner = on->next(task);
    if (owner == nullptr) return false;
  }
  return true;
}

// Ends the waits of tasks for locks whose owners will not release them any more.
void Run::cancel_waits() {
  for (const auto& program : programs_) {
    auto& task = program->object->core;
    if (task.blocked_on.load(std::memory_order_acquire) == nullptr) continue;
    preempt_disable();
    runtime_->scheduler().end_wait(task, core::WaitEnd::kStopped);
    preempt_enable_no_check();
  }
}

void Run::wait_for_end() {
  int quiet_rounds = 0;
  while (running_.load(std::memory_order_acquire) > 0) {
    const Nanos left = end_ns_ == kNever ? kWatchInterval : end_ns_ - now();
    usleep(static_cast<useconds_t>(std::clamp(left, 200 * kMicrosecond, kWatchInterval) /
                                   kMicrosecond));
    const bool overdue = end_ns_ != kNever && now() >= end_ns_ + kWatchInterval;
    if (stop_.load(std::memory_order_relaxed) || overdue) {
      cancel_waits();
      continue;
    }
    if (end_ns_ != kNever) continue;
    quiet_rounds = all_wait_for_ever() ? quiet_rounds + 1 : 0;
    if (quiet_rounds < 3) continue;
    for (const auto& program : programs_) {
      const auto& task = program->object->core;
      const auto* on = task.blocked_on.load(std::memory_order_acquire);
      if (on == nullptr) continue;
      report_deadlock(core::describe_chain(task, *on));
      break;
    }
  }
}

trace::RunResult Run::execute() {
  const Nanos stolen_before = trace::stolen_time();
  start_tasks();
  wait_for_end();
  const Nanos end = std::min(now(), end_ns_);
  // Joins the workers, so that their traces stand still.
  auto& machine = runtime_->machine();
  for (const auto& program : programs_) runtime_->join(*program);
  const auto metrics = workload::make_metrics(workload_, options_, cpus_,
                                              [this](const auto& cpus) { return mask_of(cpus); });
  for (trace::Event event : machine.take_events()) {
    // Before the common start only who is queued matters.
    if (event.time_ns < t_zero_ && event.kind == trace::EventKind::kSwitch) continue;
    event.time_ns = std::max<Nanos>(event.time_ns - t_zero_, 0);
    const auto index_of = [](std::uint32_t id) { return id < trace::kIdleTask ? id - 1 : id; };
    event.task = index_of(event.task);
    switch (event.kind) {
      case trace::EventKind::kSwitch:
      case trace::EventKind::kBlock:
      case trace::EventKind::kHandoff:
        event.other = index_of(event.other);
        break;
      default:
        break;
    }
    metrics->on_event(event);
  }
  trace::RunResult result = metrics->finish(end);
  result.world = "live";
  result.protocol = name_of(protocol_in_force(workload_, options_));
  result.seed = options_.seed;
  result.t_zero_ns = machine.clock().absolute_monotonic(t_zero_);
  result.stolen_ns = trace::stolen_time() - stolen_before;
  result.deadlock = deadlock_;
  result.warnings = workload_.notes;
  if (folded_) {
    result.warnings.push_back(fmt::format(
        "the run asks for {} CPUs, the machine has {}: CPU numbers are folded modulo {}",
        cpus_of(workload_, options_), cpus_, cpus_));
  }
  if (machine.events_lost() > 0) {
    result.warnings.push_back(
        fmt::format("{} events did not fit the trace: counts are too low; use a shorter --duration",
                    machine.events_lost()));
  }
  add_jobs(result, jobs_, end);
  for (const auto& gaps : disturbances_) {
    for (const auto& gap : gaps) {
      result.disturbances.push_back({gap.start_ns - t_zero_, gap.end_ns - t_zero_});
    }
  }
  return result;
}

}  // namespace

trace::RunResult run(const Workload& workload, const LiveOptions& options) {
  LiveOptions in_force = options;
  in_force.proxy_exec = options.proxy_exec && Platform::kProxyExec;
  return Run(workload, in_force).execute();
}

}  // namespace px::live
