#include "sim/simulator.hpp"

#include <algorithm>
#include <cstdio>

#include "core/invariants-inl.hpp"

namespace px::sim {

void Platform::before_pick() {
  if (!simulator_.in_decisions_) simulator_.park(Simulator::Gate::kDeciding);
}

void Platform::idle_wait() { simulator_.park(Simulator::Gate::kIdle); }

void Platform::switch_context(Task& from, Task& to) {
  running[static_cast<std::size_t>(cpu)] = &to;
  if (!to.is_idle) {
    simulator_.cpus_[static_cast<std::size_t>(cpu)].cost_ns = simulator_.options_.switch_cost_ns;
    simulator_.prepare(to);
  }
  if (from.state.load(std::memory_order_relaxed) == core::TaskState::kDead) {
    fiber::switch_final(from.context, to.context);
  }
  fiber::switch_to(from.context, to.context);
}

void Platform::retire(Task& task) {
  auto& body = *static_cast<Simulator::Body*>(task.user);
  simulator_.stacks_.release(body.stack);
  body.stack = {};
  body.run = nullptr;
  --simulator_.alive_;
}

void Platform::trace(trace::EventKind kind, std::uint32_t task, std::uint32_t other,
                     std::uint32_t lock) {
  if (kind == trace::EventKind::kWake) {
    simulator_.cpus_[static_cast<std::size_t>(cpu)].cost_ns += simulator_.options_.wake_cost_ns;
  }
  simulator_.emit(kind, task, other, lock);
}

Simulator::Simulator(const SimulatorOptions& options, Sink sink)
    : options_(options),
      sink_(std::move(sink)),
      platform_(*this),
      stacks_(std::size_t{options.max_tasks} + static_cast<std::size_t>(options.cpus),
              options.stack_size),
      cpus_(static_cast<std::size_t>(options.cpus)) {
  for (int cpu = 0; cpu < options.cpus; ++cpu) {
    auto& data = cpus_[static_cast<std::size_t>(cpu)];
    data.idle = std::make_unique<Task>();
    data.idle->id = trace::kIdleTask;
    data.idle->name = "idle";
    data.idle->user = this;
    data.runqueue = std::make_unique<Runqueue>(options.tunables);
    runqueues_.push_back(data.runqueue.get());
    platform_.running.push_back(data.idle.get());
  }
  core::SchedulerOptions scheduler_options;
  scheduler_options.cpus = options.cpus;
  scheduler_options.proxy_exec = options.proxy_exec;
  scheduler_options.migration_cost_ns = options.migration_cost_ns;
  scheduler_options.llc_cpus = options.llc_cpus;
  scheduler_options.tunables = options.tunables;
  scheduler_options.deadline_admission = options.deadline_admission;
  scheduler_ =
      std::make_unique<core::Scheduler<Platform>>(platform_, scheduler_options, runqueues_.data());
  for (int cpu = 0; cpu < options.cpus; ++cpu) {
    auto& idle = *cpus_[static_cast<std::size_t>(cpu)].idle;
    scheduler_->set_idle(cpu, idle);
    fiber::make(idle.context, stacks_.acquire(), &Simulator::idle_entry, this);
  }
}

Simulator::~Simulator() {
  // Tasks that never ended keep their frames: the run was cut, and their stacks go with the slab.
  for (auto& body : bodies_) {
    if (body->stack.low != nullptr) fiber::discard(body->task->context);
  }
  for (auto& cpu : cpus_) fiber::discard(cpu.idle->context);
}

Simulator::Task& Simulator::spawn(const char* name, const policy::Params& params,
                                  const CpuMask& affinity, Nanos start_ns,
                                  std::function<void()> body) {
  PX_CHECK(bodies_.size() < options_.max_tasks, "more tasks than the simulator was made for");
  auto& entry = *bodies_.emplace_back(std::make_unique<Body>());
  entry.simulator = this;
  entry.task = std::make_unique<Task>();
  entry.name = name;
  entry.run = std::move(body);
  entry.start_ns = start_ns;
  Task& task = *entry.task;
  task.id = static_cast<std::uint32_t>(bodies_.size() - 1);
  task.se.id = task.id;
  task.name = entry.name.c_str();
  task.user = &entry;
  task.affinity = affinity;
  policy::set_params(task.se, params);
  const policy::Admitted admitted = scheduler_->admit(task);
  if (!admitted.granted) {
    (void)std::fprintf(stderr, "task %s: %s\n", task.name,
                       policy::describe(admitted, options_.cpus).c_str());
    PX_CHECK(false, "a deadline task that does not fit");
  }
  ++alive_;
  tasks_.push_back(&task);
  starts_.push_back(task.id);
  std::push_heap(starts_.begin(), starts_.end(),
                 [this](std::uint32_t a, std::uint32_t b) { return starts_later(a, b); });
  return task;
}

void Simulator::task_entry(void* body) noexcept {
  auto& entry = *static_cast<Body*>(body);
  auto& simulator = *entry.simulator;
  simulator.scheduler_->first_run();
  entry.run();
  simulator.scheduler_->exit();
}

void Simulator::idle_entry(void* simulator) noexcept {
  auto& self = *static_cast<Simulator*>(simulator);
  self.scheduler_->idle_loop(self.idle_stop_);
  PX_CHECK(false, "a simulated CPU idles for ever");
}

bool Simulator::starts_later(std::uint32_t a, std::uint32_t b) const {
  const Nanos at = bodies_[a]->start_ns;
  const Nanos bt = bodies_[b]->start_ns;
  return at != bt ? at > bt : a > b;
}

// A task gets its stack when it first runs.
void Simulator::prepare(Task& task) {
  auto& body = *static_cast<Body*>(task.user);
  if (body.stack.low != nullptr) return;
  body.stack = stacks_.acquire();
  PX_CHECK(body.stack.low != nullptr, "one stack per task and CPU was reserved");
  fiber::make(task.context, body.stack, &Simulator::task_entry, &body);
}

void Simulator::emit(trace::EventKind kind, std::uint32_t task, std::uint32_t other,
                     std::uint32_t lock) {
  sink_({platform_.now_ns, kind, static_cast<std::uint16_t>(platform_.cpu), task, other, lock});
}

void Simulator::trace(trace::EventKind kind, std::uint32_t other, std::uint32_t lock) {
  emit(kind, current().id, other, lock);
}

// --- Gates

void Simulator::park(Gate gate) {
  this_cpu().gate = gate;
  fiber::switch_to(current().context, loop_);
}

void Simulator::resume(int cpu) {
  platform_.cpu = cpu;
  ++events_;
  fiber::switch_to(loop_, platform_.current()->context);
}

// Works on until the instant given, or until it is preempted and chosen again.
void Simulator::work_until(Nanos when_ns) {
  this_cpu().work_end_ns = when_ns;
  park(Gate::kWorking);
  this_cpu().work_end_ns = kNever;
  if (in_decisions_) scheduler_->preempt_now();
}

void Simulator::consume(Nanos ns) {
  Task& me = current();
  const auto executed = [&] {
    return platform_.now_ns - me.exec_base.load(std::memory_order_relaxed);
  };
  // What would end after the end of time ends then: never.
  const auto later = [](Nanos at, Nanos by) { return by > kNever - at ? kNever : at + by; };
  Nanos target = later(executed(), ns);
  for (;;) {
    target = later(target, std::exchange(this_cpu().cost_ns, 0));
    const Nanos left = target - executed();
    if (left <= 0) return;
    work_until(target == kNever ? kNever : later(platform_.now_ns, left));
  }
}

void Simulator::consume_until(Nanos when_ns) {
  while (platform_.now_ns < when_ns) work_until(when_ns);
}

void Simulator::settle() {
  for (;;) {
    park(Gate::kSettled);
    if (!in_decisions_) return;
    scheduler_->preempt_now();
  }
}

// --- The loop

bool Simulator::completions() {
  bool any = false;
  for (int cpu = 0; cpu < options_.cpus; ++cpu) {
    const auto& data = cpus_[static_cast<std::size_t>(cpu)];
    if (data.gate != Gate::kWorking || data.work_end_ns > platform_.now_ns) continue;
    resume(cpu);
    any = true;
  }
  return any;
}

bool Simulator::slice_ends() {
  bool any = false;
  for (int cpu = 0; cpu < options_.cpus; ++cpu) {
    if (scheduler_->rq(cpu).slice_at.load(std::memory_order_relaxed) > platform_.now_ns) continue;
    platform_.cpu = cpu;
    ++events_;
    scheduler_->tick_slice();
    any = true;
  }
  return any;
}

// The due timer of the task that comes first in the file, or the due start if that comes earlier.
bool Simulator::expire_one_timer() {
  int first_cpu = -1;
  std::uint32_t first_task = trace::kNoTask;
  for (int cpu = 0; cpu < options_.cpus; ++cpu) {
    const auto& queue = scheduler_->rq(cpu);
    if (queue.timer_at.load(std::memory_order_relaxed) > platform_.now_ns) continue;
    const auto task = queue.timers.first()->task->id;
    if (first_cpu >= 0 && task > first_task) continue;
    first_cpu = cpu;
    first_task = task;
  }
  const bool start_due = !starts_.empty() && bodies_[starts_.front()]->start_ns <= platform_.now_ns;
  if (first_cpu < 0 && !start_due) return false;
  ++events_;
  if (start_due && (first_cpu < 0 || starts_.front() < first_task)) {
    start_next();
    return true;
  }
  platform_.cpu = first_cpu;
  return scheduler_->expire_first(first_cpu, platform_.now_ns);
}

void Simulator::start_next() {
  const std::uint32_t id = starts_.front();
  std::pop_heap(starts_.begin(), starts_.end(),
                [this](std::uint32_t a, std::uint32_t b) { return starts_later(a, b); });
  starts_.pop_back();
  platform_.cpu = 0;
  scheduler_->start(*bodies_[id]->task);
}

bool Simulator::timers_and_starts() {
  bool any = false;
  while (expire_one_timer()) any = true;
  return any;
}

bool Simulator::decisions() {
  bool any = false;
  in_decisions_ = true;
  for (int cpu = 0; cpu < options_.cpus; ++cpu) {
    const bool wanted = cpus_[static_cast<std::size_t>(cpu)].gate == Gate::kDeciding ||
                        scheduler_->rq(cpu).need_resched.load(std::memory_order_relaxed) != 0;
    if (!wanted) continue;
    resume(cpu);
    any = true;
  }
  in_decisions_ = false;
  return any;
}

bool Simulator::operations() {
  bool any = false;
  for (int cpu = 0; cpu < options_.cpus; ++cpu) {
    if (cpus_[static_cast<std::size_t>(cpu)].gate != Gate::kSettled ||
        scheduler_->rq(cpu).need_resched.load(std::memory_order_relaxed) != 0) {
      continue;
    }
    resume(cpu);
    any = true;
  }
  return any;
}

Nanos Simulator::next_instant() const {
  Nanos next = starts_.empty() ? kNever : bodies_[starts_.front()]->start_ns;
  for (int cpu = 0; cpu < options_.cpus; ++cpu) {
    const auto& data = cpus_[static_cast<std::size_t>(cpu)];
    next = std::min({next, data.work_end_ns, scheduler_->next_expiry(cpu)});
  }
  return next;
}

bool Simulator::checks() const {
#ifdef NDEBUG
  return options_.check_invariants;
#else
  constexpr std::size_t kTasksAtMost = 256;  // beyond, debug runs would take for ever
  return options_.check_invariants || tasks_.size() <= kTasksAtMost;
#endif
}

// After a phase: passes its result on, and looks at what it has left behind if it did anything.
bool Simulator::checked(bool changed) {
  if (changed && checks()) [[unlikely]]
    check_invariants(false);
  return changed;
}

// Between two phases every CPU stands at a gate: it holds no lock and owes nobody anything. At the
// end of an instant nothing is about to happen either.
void Simulator::check_invariants(bool quiescent) {
  const core::InvariantView<Platform> view{*scheduler_, tasks_, watched_};
  core::ViolationReport violation;
  if (quiescent ? core::check_quiescent(view, violation) : core::check_state(view, violation)) {
    return;
  }
  if (options_.on_violation) options_.on_violation(violation);
  (void)std::fprintf(stderr, "invariant %d (%s) broken at %lld ns: %s\n", violation.number,
                     violation.name, static_cast<long long>(platform_.now_ns), violation.message);
  PX_CHECK(false, "an invariant of the core is broken");
}

void Simulator::run(Nanos end_ns) {
  for (;;) {
    bool changed = false;
    do {
      changed = checked(completions());
      if (platform_.now_ns >= end_ns) break;
      changed |= checked(slice_ends());
      changed |= checked(timers_and_starts());
      changed |= checked(decisions());
      changed |= checked(operations());
    } while (changed && !stopping_);
    if (!changed && checks()) [[unlikely]]
      check_invariants(true);
    if (stopping_ || alive_ == 0 || platform_.now_ns >= end_ns) break;
    const Nanos next = next_instant();
    if (next == kNever && end_ns == kNever) {
      dead_end_ = true;
      break;
    }
    platform_.now_ns = std::min(next, end_ns);
  }
  // What ran until now is charged, so that the sums balance at the end.
  for (int cpu = 0; cpu < options_.cpus; ++cpu) {
    platform_.cpu = cpu;
    scheduler_->tick_slice();
  }
}

}  // namespace px::sim
