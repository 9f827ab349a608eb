#include "sim/run.hpp"

#include <deque>
#include <memory>

#include "core/chain.hpp"
#include "sim/simulator.hpp"
#include "workload/core_run.hpp"
#include "workload/interpreter.hpp"
#include "workload/task_names.hpp"

namespace px::sim {
namespace {

using workload::Op;
using workload::OpKind;
using workload::TaskSpec;
using workload::Workload;

// Costs of --costs live: what the live world was measured to spend (docs/BENCHMARKS.md).
constexpr Nanos kLiveSwitchCost = 60;
constexpr Nanos kLiveWakeCost = 40;
// As the live world's, so that the same tasks move.
constexpr Nanos kLiveMigrationCost = 500 * kMicrosecond;

// Of each CPU, for deadline tasks; 0 in the workload: all are admitted.
constexpr int kAdmissionPercent = 100;

class Run {
 public:
  Run(const Workload& workload, const SimOptions& options)
      : workload_(workload), options_(options), timers_(workload) {
    workload::check_core_run(workload_, options_, kAdmissionPercent);
    make_simulator();
    make_locks();
    make_tasks();
  }

  trace::RunResult execute();

 private:
  // What one task's program calls; see workload::TaskPort.
  struct Port {
    Run& run;
    std::uint32_t task;

    [[nodiscard]] Nanos now() const { return run.simulator_->now(); }
    // Tasks are abandoned at the end, in mid-event; completions at the last instant count.
    [[nodiscard]] bool stopping() const { return false; }
    void apply(const policy::Params& params, const std::optional<CpuMask>& cpus) {
      run.apply(task, params, cpus);
    }
    // Releases, sleeps and timers belong to the completion before them; anything that uses the CPU
    // or takes a lock starts when the instant has settled.
    void before_op(const Op& op) {
      if (op.kind == OpKind::kRun || op.kind == OpKind::kRuntime || op.kind == OpKind::kLock) {
        run.simulator_->settle();
      }
    }
    void run_for(Nanos ns) { run.simulator_->consume(ns); }
    void run_wall(Nanos ns) { run.simulator_->consume_until(workload::later(now(), ns)); }
    void sleep_until(Nanos when) {
      if (when > now()) run.simulator_->scheduler().sleep_until(when);
    }
    bool lock(const Op& op) { return run.lock(op); }
    void unlock(const Op& op) { run.unlock(op); }
  };
  // The interpreter's name for it is `run`, which here is the whole run.
  struct InterpreterPort : Port {
    void run(Nanos ns) { run_for(ns); }
  };

  void make_simulator();
  void make_locks();
  void make_tasks();
  void apply(std::uint32_t task, const policy::Params& params, const std::optional<CpuMask>& cpus);
  bool lock(const Op& op);
  void unlock(const Op& op);
  [[nodiscard]] CpuMask mask_of(const std::optional<CpuMask>& cpus) const;
  void describe_dead_end(trace::RunResult& result) const;

  const Workload& workload_;
  const SimOptions& options_;
  int cpus_ = 1;
  Nanos end_ns_ = kNever;
  std::unique_ptr<trace::Metrics> metrics_;
  std::unique_ptr<Simulator> simulator_;
  workload::TimerBank timers_;
  std::deque<workload::JobLog> jobs_;
  std::deque<Simulator::Mutex> locks_;
  std::vector<Simulator::Task*> tasks_;
  std::string deadlock_;
};

void Run::make_simulator() {
  cpus_ = cpus_of(workload_, options_);
  const Nanos duration = duration_of(workload_, options_);
  end_ns_ = duration < 0 ? kNever : duration;

  metrics_ = workload::make_metrics(workload_, options_, cpus_,
                                    [this](const auto& cpus) { return mask_of(cpus); });

  SimulatorOptions simulator_options;
  simulator_options.cpus = cpus_;
  simulator_options.proxy_exec = options_.proxy_exec;
  simulator_options.max_tasks = static_cast<std::uint32_t>(workload_.tasks.size());
  const int percent = workload::admission_percent_of(workload_, kAdmissionPercent);
  simulator_options.deadline_admission = percent != 0;
  simulator_options.tunables.deadline_limit_percent = percent != 0 ? percent : 100;
  simulator_options.tunables.deadline_reclaim = workload_.deadline_reclaim;
  if (workload_.slice_ns > 0) simulator_options.tunables.fair_slice_ns = workload_.slice_ns;
  if (options_.costs == Costs::kLive) {
    simulator_options.switch_cost_ns = kLiveSwitchCost;
    simulator_options.wake_cost_ns = kLiveWakeCost;
    simulator_options.migration_cost_ns = kLiveMigrationCost;
  }
  simulator_options.llc_cpus = workload_.llc_cpus;
  if (workload_.migration_cost_ns) {
    simulator_options.migration_cost_ns = *workload_.migration_cost_ns;
  }
  simulator_ = std::make_unique<Simulator>(
      simulator_options, [this](const trace::Event& event) { metrics_->on_event(event); });
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

void Run::make_tasks() {
  for (std::size_t i = 0; i < workload_.tasks.size(); ++i) {
    const auto& spec = workload_.tasks[i];
    jobs_.emplace_back(spec);
    // The simulator starts the task at its delay, so that the interpreter finds it already past.
    auto& task = simulator_->spawn(spec.name.c_str(), spec.params, mask_of(spec.cpus),
                                   spec.delay_ns, [this, i, &spec] {
                                     InterpreterPort port{{*this, static_cast<std::uint32_t>(i)}};
                                     run_task(workload_, spec, timers_, port, jobs_[i]);
                                   });
    tasks_.push_back(&task);
  }
}

CpuMask Run::mask_of(const std::optional<CpuMask>& cpus) const {
  return cpus ? *cpus : CpuMask::first(cpus_);
}

void Run::apply(std::uint32_t task, const policy::Params& params,
                const std::optional<CpuMask>& cpus) {
  auto& scheduler = simulator_->scheduler();
  const policy::Admitted admitted = scheduler.set_params(*tasks_[task], params);
  PX_CHECK(admitted.granted, "what all phases ask for at most was admitted before the run");
  (void)scheduler.set_affinity(*tasks_[task], mask_of(cpus));  // no CPU of a workload is offline
  metrics_->on_rank(task, workload::rank_of(params).value(),
                    std::holds_alternative<policy::FairParams>(params));
  metrics_->on_affinity(task, mask_of(cpus));
}

bool Run::lock(const Op& op) {
  auto& mutex = locks_[op.index];
  auto& me = simulator_->current();
  auto& scheduler = simulator_->scheduler();
  if (mutex.try_lock(scheduler, me) == core::WaitEnd::kGranted) {
    simulator_->trace(trace::EventKind::kAcquire, 0, mutex.id);
    return true;
  }
  const core::WaitEnd end = mutex.lock(scheduler, me);
  PX_CHECK(end != core::WaitEnd::kRefused, "no task locks above a ceiling: checked before the run");
  if (end == core::WaitEnd::kDeadlock) {
    deadlock_ = core::describe_chain(me, mutex);
    simulator_->trace(trace::EventKind::kAbandon, trace::kNoTask, mutex.id);
    simulator_->stop();
    return false;
  }
  simulator_->trace(trace::EventKind::kAcquire, 1, mutex.id);
  return true;
}

void Run::unlock(const Op& op) {
  auto& mutex = locks_[op.index];
  auto& me = simulator_->current();
  // With waiters the core says whether the lock was released or handed over.
  if (!mutex.has_waiters()) {
    simulator_->trace(trace::EventKind::kRelease, trace::kNoTask, mutex.id);
  }
  const bool owned = mutex.unlock(simulator_->scheduler(), me);
  PX_CHECK(owned, "the reader lets a task unlock only what it holds");
}

// Nothing can happen any more, yet tasks are left: they wait for locks whose owners have ended.
void Run::describe_dead_end(trace::RunResult& result) const {
  for (const auto* task : tasks_) {
    const auto* on = task->blocked_on.load(std::memory_order_relaxed);
    if (on == nullptr) continue;
    result.deadlock = core::describe_chain(*task, *on);
    return;
  }
}

trace::RunResult Run::execute() {
  simulator_->run(end_ns_);
  const Nanos end = simulator_->now();
  trace::RunResult result = metrics_->finish(end);
  result.world = "sim";
  result.protocol = name_of(protocol_in_force(workload_, options_));
  result.seed = options_.seed;
  result.totals.events = simulator_->events();
  result.deadlock = deadlock_;
  result.warnings = workload_.notes;
  if (simulator_->dead_end()) describe_dead_end(result);
  add_jobs(result, jobs_, end);
  return result;
}

}  // namespace

trace::RunResult run(const Workload& workload, const SimOptions& options) {
  SimOptions in_force = options;
  in_force.proxy_exec = options.proxy_exec && Platform::kProxyExec;
  return Run(workload, in_force).execute();
}

}  // namespace px::sim
