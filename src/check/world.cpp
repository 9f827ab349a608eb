#include "check/world.hpp"

#include <algorithm>

#include "base/check.hpp"
#include "check/premises.hpp"
#include "check/text.hpp"

namespace px::check {

namespace {

static_assert(static_cast<int>(Protocol::kNone) == static_cast<int>(core::Protocol::kNone) &&
                  static_cast<int>(Protocol::kInherit) ==
                      static_cast<int>(core::Protocol::kInherit) &&
                  static_cast<int>(Protocol::kProtect) ==
                      static_cast<int>(core::Protocol::kProtect),
              "a scenario names the core's protocols");

CpuMask mask_of(std::uint64_t bits) {
  CpuMask mask;
  for (int cpu = 0; cpu < kMaxVirtualCpus; ++cpu) {
    if ((bits >> cpu & 1) != 0) mask.add(cpu);
  }
  return mask;
}

MachineOptions machine_options(const Scenario& scenario, const WorldOptions& options) {
  MachineOptions machine;
  machine.cpus = scenario.cpus;
  machine.contexts = scenario.cpus + static_cast<int>(scenario.tasks.size());
  machine.granularity = options.granularity;
  machine.store_buffers = options.store_buffers;
  return machine;
}

}  // namespace

// --- Platform

core::Task<Platform>* Platform::current() const {
  return &world_.running_task(*Machine::active().this_cpu().running);
}

bool Platform::spins() const { return world_.scenario().spins; }

void Platform::kick(int cpu, bool /*urgent*/) {
  Machine& machine = Machine::active();
  if (machine.running()) machine.point(OpKind::kKick, &world_.rq(cpu));
  machine.state().cpus[cpu].kicked = true;
}

// As in the live world: a timer that went off inside the core, or while a CPU is busy being idle,
// is taken when it chooses anew. schedule() arms the next one.
void Platform::before_pick() {
  Machine& machine = Machine::active();
  VirtualCpu& cpu = machine.this_cpu();
  if (cpu.armed > machine.state().now) return;
  cpu.armed = kNever;
  const int index = machine.state().cpu;
  const Nanos at = now();
  while (world_.scheduler().expire_first(index, at)) {
  }
}

void Platform::idle_wait() {
  Machine& machine = Machine::active();
  machine.point(OpKind::kIdle, nullptr);
  VirtualCpu& cpu = machine.this_cpu();
  cpu.kicked = false;
  if (cpu.armed <= machine.state().now) cpu.armed = kNever;
}

void Platform::switch_context(Task& from, Task& to) {
  Machine& machine = Machine::active();
  machine.point(OpKind::kSwitch, &to);
  MachineState& state = machine.state();
  for (int cpu = 0; cpu < machine.cpus(); ++cpu) {
    if (cpu == state.cpu || state.cpus[cpu].running != to.context) continue;
    machine.fail(1, "one CPU per context",
                 concat({to.name, " starts here while CPU ", std::to_string(cpu),
                         " is still on its stack"}));
  }
  if (!to.is_idle && !to.affinity.has(state.cpu) && !to.strayed) {
    machine.fail(
        2, "execution inside affinity",
        concat({to.name, " starts on CPU ", std::to_string(state.cpu), ", which it may not use"}));
  }
  if (to.is_blocked.peek()) {
    machine.fail(4, "blocked tasks never execute", concat({to.name, " is blocked"}));
  }
  machine.this_cpu().running = to.context;
  machine.touch(*to.context);
  world_.note_start(to, state.cpu);
  if (from.state.peek() == core::TaskState::kDead) {
    fiber::switch_final(from.context->fiber, to.context->fiber);
  }
  fiber::switch_to(from.context->fiber, to.context->fiber);
}

void Platform::rewind(const Mark& mark, std::uint64_t result) {
  Machine::active().rewind(mark, result);
}

void Platform::observe_sequence(std::uint64_t value) {
  Machine& machine = Machine::active();
  if (!machine.running()) return;
  std::uint64_t earlier = 0;
  for (int i = 0; i < world_.tasks(); ++i) {
    const Task& task = world_.task(i);
    earlier += task.blocked_on.peek() != nullptr && task.block_seq < value ? 1 : 0;
  }
  machine.mix_control(earlier);
  machine.control().saw_sequence = true;
}

// A lock that is released although the donor that pays for this very section waits for it
// (invariant 16). The core reports a release under the lock's wait_lock.
void Platform::trace(trace::EventKind kind, std::uint32_t id, std::uint32_t other,
                     std::uint32_t lock) {
  Machine& machine = Machine::active();
  if (kind == trace::EventKind::kMigrate) {
    world_.note_move(world_.task(static_cast<int>(id)), static_cast<int>(other));
  }
  if (kind == trace::EventKind::kWake) {
    world_.forget_moves();
    if (machine.running()) world_.check_wakeup(id, static_cast<int>(other));
  }
  if (kind != trace::EventKind::kRelease || !machine.running()) return;
  const Task& me = world_.task(static_cast<int>(id));
  const Task* paying = world_.rq(machine.state().cpu).donor.peek();
  const Task* donor = me.blocked_donor.peek();
  if (paying == &me || paying->is_idle || donor == nullptr) return;
  const auto& mutex = world_.lock(static_cast<int>(lock) - 1);
  if (donor->blocked_on.peek() != &mutex || donor->wait_end.peek() != core::WaitEnd::kNone) return;
  machine.fail(
      16, "hand-off to the paying donor",
      concat({me.name, " released ", mutex.name, " although ", donor->name, " pays for it"}));
}

// --- Construction

World::World(const Scenario& scenario, const WorldOptions& options)
    : Machine(machine_options(scenario, options)),
      scenario_(scenario),
      platform_(&arena().make<Platform>(*this)) {
  PX_CHECK(scenario.tasks.size() <= kMaxTasks && scenario.locks.size() <= kMaxLocks,
           "a scenario has at most 6 tasks and 4 locks");
  platform_->seed(options.mutant);
  if (options.coverage) premises_met_.resize(premises().size());
  make_objects();
  name_objects();
  for (std::size_t i = 0; i < tasks_.size(); ++i) {
    state().cpu = 0;
    PX_CHECK(scheduler_->admit(*tasks_[i]).granted, "the scenario's deadline tasks fit");
    scheduler_->start(*tasks_[i], scenario.tasks[i].start_cpu);
  }
}

void World::make_objects() {
  policy::Tunables tunables;
  tunables.fair_slice_ns = kTick;
  tunables.rr_slice_ns = kTick;
  runqueues_array_ = arena().make_array<Runqueue*>(kMaxVirtualCpus);
  for (int cpu = 0; cpu < cpus(); ++cpu) {
    runqueues_.push_back(&arena().make<Runqueue>(tunables));
    runqueues_array_[cpu] = runqueues_.back();
  }
  core::SchedulerOptions options;
  options.cpus = cpus();
  options.proxy_exec = scenario_.proxy;
  options.tunables = tunables;
  scheduler_ = &arena().make<Scheduler>(*platform_, options, runqueues_array_);
  shared_ = &arena().make<Shared>();
  std::fill(std::begin(shared_->holder), std::end(shared_->holder), std::int8_t{-1});
  shared_->slices_left = static_cast<std::int16_t>(scenario_.slice_ticks);
  idle_stop_ = &arena().make<Platform::Atomic<bool>>();
  for (std::size_t i = 0; i < scenario_.locks.size(); ++i) {
    Mutex& lock = arena().make<Mutex>();
    lock.id = static_cast<std::uint32_t>(i + 1);
    lock.name = scenario_.locks[i].c_str();
    if (i < scenario_.protocols.size()) {
      const LockProtocol& wanted = scenario_.protocols[i];
      (void)lock.set_protocol(static_cast<core::Protocol>(wanted.protocol), wanted.ceiling);
    }
    locks_.push_back(&lock);
  }
  for (const std::string& name : scenario_.semaphores) {
    semaphores_.push_back(&arena().make<core::Semaphore<Platform>>(0));
    semaphores_.back()->name = name.c_str();
  }
  for (const std::string& name : scenario_.conditions) {
    conditions_.push_back(&arena().make<core::Condition<Platform>>());
    conditions_.back()->name = name.c_str();
  }
  for (const std::string& name : scenario_.shared_locks) {
    shared_locks_.push_back(&arena().make<core::SharedMutex<Platform>>(true));
    shared_locks_.back()->name = name.c_str();
  }
  bodies_ = arena().make_array<Body>(kMaxTasks);
  for (std::size_t i = 0; i < scenario_.tasks.size(); ++i) {
    const TaskScript& script = scenario_.tasks[i];
    Task& task = arena().make<Task>();
    task.id = task.se.id = static_cast<std::uint32_t>(i);
    task.name = script.name.c_str();
    task.affinity = mask_of(script.cpus);
    task.user = &bodies_[i];
    policy::set_params(task.se, script.params);
    bodies_[i] = {this, &task, &script, 0, false, 0, {&task}, {}};
    task.context = &add_context(&World::task_entry, &bodies_[i]);
    tasks_.push_back(&task);
  }
  for (int cpu = 0; cpu < cpus(); ++cpu) {
    Task& idle = arena().make<Task>();
    idle.id = idle.se.id =
        static_cast<std::uint32_t>(tasks_.size()) + static_cast<std::uint32_t>(cpu);
    idle.name = "idle";
    idle.context = &add_context(&World::idle_entry, this);
    idles_.push_back(&idle);
    state().cpu = cpu;
    state().cpus[cpu].running = idle.context;
    scheduler_->set_idle(cpu, idle);
  }
}

void World::name_task(Task& task) {
  const auto field = [&](const auto& member, const char* name) {
    set_name(&member, concat({task.name, ".", name}));
  };
  set_name(&task, task.name);
  field(task.task_lock, "task_lock");
  field(task.state, "state");
  field(task.on_rq, "on_rq");
  field(task.cpu, "cpu");
  field(task.on_cpu, "on_cpu");
  field(task.wake_cpu, "wake_cpu");
  field(task.is_blocked, "is_blocked");
  field(task.blocked_lock, "blocked_lock");
  field(task.blocked_on, "blocked_on");
  field(task.wait_end, "wait_end");
  field(task.blocked_donor, "blocked_donor");
  field(task.parked_first, "parked_first");
  field(task.parked_on, "parked_on");
  field(task.wake_pending, "wake_pending");
  field(task.lent_rank, "lent_rank");
  field(task.boost_pending, "boost_pending");
  field(task.exec_base, "exec_base");
  field(task.exit.wait_lock, "exit.wait_lock");
  set_class(&task.task_lock, ObjectClass::kTaskLock);
  set_class(&task.blocked_lock, ObjectClass::kBlockedLock);
  set_class(&task.exit.wait_lock, ObjectClass::kWaitLock);
}

void World::name_objects() {
  for (int cpu = 0; cpu < cpus(); ++cpu) {
    Runqueue& queue = rq(cpu);
    const std::string who = concat({"rq", std::to_string(cpu)});
    set_name(&queue, who);
    set_name(&queue.curr, concat({who, ".curr"}));
    set_name(&queue.donor, concat({who, ".donor"}));
    set_name(&queue.donor_rank, concat({who, ".donor_rank"}));
    set_name(&queue.offline, concat({who, ".offline"}));
    set_name(&queue.waiting_rank, concat({who, ".waiting_rank"}));
    set_name(&queue.waiting_lenders, concat({who, ".waiting_lenders"}));
    set_name(&queue.need_resched, concat({who, ".need_resched"}));
    set_name(&queue.nr_queued, concat({who, ".nr_queued"}));
    set_name(&queue.timer_lock, concat({who, ".timer_lock"}));
    set_name(&queue.timer_at, concat({who, ".timer_at"}));
    set_name(&queue.slice_at, concat({who, ".slice_at"}));
    set_class(&queue.lock, ObjectClass::kRunqueueLock);
    set_class(&queue.timer_lock, ObjectClass::kTimerLock);
  }
  set_name(&scheduler_->overloaded(), "overloaded");
  set_name(&scheduler_->offline_count(), "offline");
  for (Task* task : tasks_) {
    name_task(*task);
    set_name(&bodies_[task->id], concat({task->name, " instruction"}));
  }
  for (Task* task : idles_) name_task(*task);
  set_class(scheduler_->sequence_address(), ObjectClass::kSequence);
  set_name(scheduler_->sequence_address(), "block sequence");
  for (core::Event<Platform>* event : events()) {
    set_name(&event->wait_lock, concat({event->name, ".wait_lock"}));
    set_class(&event->wait_lock, ObjectClass::kWaitLock);
  }
  for (Mutex* lock : locks_) {
    set_name(&lock->wait_lock, concat({lock->name, ".wait_lock"}));
    set_class(&lock->wait_lock, ObjectClass::kWaitLock);
    const void* word = lock->word_address();
    set_name(word, concat({lock->name, ".word"}));
    set_class(word, ObjectClass::kOwnerWord);
  }
}

std::vector<core::Event<Platform>*> World::events() const {
  std::vector<core::Event<Platform>*> all(semaphores_.begin(), semaphores_.end());
  all.insert(all.end(), conditions_.begin(), conditions_.end());
  all.insert(all.end(), shared_locks_.begin(), shared_locks_.end());
  return all;
}

World::Task& World::running_task(const Context& context) const {
  const std::size_t index = context.index;
  return index < tasks_.size() ? *tasks_[index] : *idles_[index - tasks_.size()];
}

std::string World::context_name(const Context& context) const {
  const Task& task = running_task(context);
  return task.name;
}

// --- Tasks

void World::task_entry(void* body) noexcept {
  auto& self = *static_cast<Body*>(body);
  World& world = *self.world;
  world.scheduler_->first_run();
  world.run_script(self);
  self.ended = true;
  world.scheduler_->exit();
}

void World::idle_entry(void* world) noexcept {
  auto& self = *static_cast<World*>(world);
  self.scheduler_->idle_loop(*self.idle_stop_);
  PX_CHECK(false, "a virtual CPU idles for ever");
}

// The kick or timer that a CPU takes while a task executes with preemption on.
void World::interrupt() {
  VirtualCpu& cpu = this_cpu();
  cpu.kicked = false;
  if (cpu.armed <= state().now) cpu.armed = kNever;
  platform_->preempt_disable();
  scheduler_->tick();
  scheduler_->preempt_enable();
}

void World::run_script(Body& body) {
  const auto& ops = body.script->ops;
  for (;;) {
    Control& anchor = control();
    anchor = Control{};
    at_boundary(body);
    if (body.pc == ops.size()) return;
    const ScriptOp& op = ops[body.pc];
    // The other lock operations begin with one on the owner word, preemption on.
    if (op.code != Instruction::kLock && op.code != Instruction::kUnlock &&
        op.code != Instruction::kTryLock) {
      point(OpKind::kScript, &body);
    }
    ++body.pc;
    const bool done = perform(body, op);
    body.until = 0;
    if (!done) continue;
    made_progress();
    forget_moves();
  }
}

// False: the instruction is carried out again; that is no progress.
bool World::perform(Body& body, const ScriptOp& op) {
  Task& me = *body.task;
  Scheduler& scheduler = *scheduler_;
  switch (op.code) {
    case Instruction::kLock:
      end_of_lock_call(body, op, lock(op.object).lock(scheduler, me));
      break;
    case Instruction::kLockTimeout:
      body.until = state().now + op.ns;
      end_of_lock_call(body, op, lock(op.object).lock(scheduler, me, body.until));
      break;
    case Instruction::kTryLock:
      end_of_lock_call(body, op, lock(op.object).try_lock(scheduler, me));
      break;
    case Instruction::kUnlock:
      shared_->holder[op.object] = -1;
      if (!lock(op.object).unlock(scheduler, me)) {
        fail(10, "mutual exclusion", concat({me.name, " lost ", lock(op.object).name}));
      }
      break;
    case Instruction::kRun:
      break;
    case Instruction::kYield:
      scheduler.yield();
      break;
    case Instruction::kYieldUntil:
      scheduler.yield();
      if (bodies_[op.object].ended) break;
      --body.pc;
      return false;
    case Instruction::kSleep:
      body.until = state().now + op.ns;
      (void)scheduler.sleep_until(body.until);
      break;
    case Instruction::kWake:
    case Instruction::kCancel: {
      platform_->preempt_disable();
      Task& target = task(op.object);
      if (op.code == Instruction::kWake) {
        (void)scheduler.wake(target);
      } else {
        shared_->cancelled[op.object] = true;
        (void)scheduler.end_wait(target, core::WaitEnd::kStopped);
      }
      scheduler.preempt_enable();
      break;
    }
    case Instruction::kAffinity:
      (void)scheduler.set_affinity(task(op.object), mask_of(op.cpus));
      break;
    case Instruction::kClass:
      (void)scheduler.set_params(task(op.object), op.params);
      break;
    case Instruction::kJoin:
      (void)scheduler.join(task(op.object));
      break;
    case Instruction::kOffline:
      (void)scheduler.offline(op.object);
      break;
    case Instruction::kOnline:
      (void)scheduler.online(op.object);
      break;
    default:
      perform_on_event(body, op);
      break;
  }
  return true;
}

void World::perform_on_event(Body& body, const ScriptOp& op) {
  Task& me = *body.task;
  Scheduler& scheduler = *scheduler_;
  const auto index = static_cast<std::size_t>(op.object);
  if (op.ns > 0) body.until = state().now + op.ns;
  const Nanos limit = op.ns > 0 ? body.until : kNever;
  switch (op.code) {
    case Instruction::kDown:
    case Instruction::kDownTimeout:
      end_of_event_wait(op, semaphores_[index]->acquire(scheduler, me, limit));
      break;
    case Instruction::kUp:
      (void)semaphores_[index]->release(scheduler);
      break;
    case Instruction::kHelp:
      semaphores_[index]->add_helper(scheduler, body.help);
      break;
    case Instruction::kUnhelp:
      semaphores_[index]->remove_helper(scheduler, body.help);
      break;
    case Instruction::kWait:
    case Instruction::kWaitTimeout: {
      shared_->holder[op.mutex] = -1;
      end_of_event_wait(op, conditions_[index]->wait(scheduler, me, lock(op.mutex), limit));
      if (shared_->holder[op.mutex] >= 0) {
        fail(10, "mutual exclusion",
             concat({me.name, " came back from a wait into the section of ",
                     task(shared_->holder[op.mutex]).name}));
      }
      shared_->holder[op.mutex] = static_cast<std::int8_t>(me.id);
      break;
    }
    case Instruction::kSignal:
      conditions_[index]->notify_some(scheduler, 1);
      break;
    default:
      perform_on_shared(body, op, limit);
      break;
  }
}

void World::perform_on_shared(Body& body, const ScriptOp& op, Nanos limit) {
  Task& me = *body.task;
  auto& lock = *shared_locks_[static_cast<std::size_t>(op.object)];
  const bool shares = op.code == Instruction::kReadLock ||
                      op.code == Instruction::kReadLockTimeout ||
                      op.code == Instruction::kReadUnlock;
  auto& hold = body.holds[op.object][shares ? 1 : 0];
  std::int8_t& reads = shared_->reads[op.object];
  bool& written = shared_->written[op.object];
  if (op.code == Instruction::kReadUnlock || op.code == Instruction::kWriteUnlock) {
    if (shares) {
      --reads;
    } else {
      written = false;
    }
    if (lock.release(*scheduler_, me, shares) != &hold) {
      fail(10, "mutual exclusion", concat({me.name, " does not hold what it has locked"}));
    }
    return;
  }
  hold.shared = shares;
  const core::WaitEnd end = lock.acquire(*scheduler_, me, hold, limit);
  if (end != core::WaitEnd::kGranted) {
    end_of_event_wait(op, end);
    if (end == core::WaitEnd::kDeadlock) {
      cover(static_cast<unsigned>(core::Way::kDeadlock));
      if (!scenario_.deadlock) {
        fail(45, "no false deadlock", concat({me.name, " was told of one at ", lock.name}));
      }
    }
    body.pc = static_cast<std::uint16_t>(op.otherwise);
    return;
  }
  if (written || (!shares && reads > 0)) {
    fail(10, "mutual exclusion", concat({me.name, " came into a section that it excludes"}));
  }
  if (shares) {
    ++reads;
  } else {
    written = true;
  }
}

void World::end_of_event_wait(const ScriptOp& op, core::WaitEnd end) {
  if (end == core::WaitEnd::kTimedOut) {
    cover(static_cast<unsigned>(core::Way::kTimedOut));
    if (op.ns == 0) fail(14, "no time limit", concat({op.text, " timed out without a time limit"}));
  }
  if (end == core::WaitEnd::kStopped) cover(static_cast<unsigned>(core::Way::kStopped));
}

void World::end_of_lock_call(Body& body, const ScriptOp& op, core::WaitEnd end) {
  const std::string me = body.task->name;
  const std::string name = lock(op.object).name;
  check_end_of_wait(body, op, end);
  if (end == core::WaitEnd::kGranted) {
    if (shared_->holder[op.object] >= 0) {
      fail(
          10, "mutual exclusion",
          concat({me, " got ", name, ", which ", task(shared_->holder[op.object]).name, " holds"}));
    }
    shared_->holder[op.object] = static_cast<std::int8_t>(body.task->id);
    return;
  }
  if (end == core::WaitEnd::kDeadlock) {
    cover(static_cast<unsigned>(core::Way::kDeadlock));
    if (!scenario_.deadlock)
      fail(45, "no false deadlock", concat({me, " was told of one at ", name}));
  }
  if (end == core::WaitEnd::kTimedOut) cover(static_cast<unsigned>(core::Way::kTimedOut));
  if (end == core::WaitEnd::kStopped) cover(static_cast<unsigned>(core::Way::kStopped));
  body.pc = static_cast<std::uint16_t>(op.otherwise);
}

std::string World::instruction(int index) const {
  const Body& body = bodies_[index];
  if (body.pc >= body.script->ops.size()) return body.ended ? "ended" : "end";
  return body.script->ops[body.pc].text;
}

// --- Time

Nanos World::next_timer() const {
  Nanos next = kNever;
  for (int cpu = 0; cpu < cpus(); ++cpu) {
    next = std::min({next, rq(cpu).timer_at.peek(), rq(cpu).classes.next_event()});
  }
  return next;
}

Nanos World::next_slice() const {
  Nanos next = kNever;
  for (int cpu = 0; cpu < cpus(); ++cpu) next = std::min(next, rq(cpu).slice_at.peek());
  return next;
}

// Time moves to the next timer, or the next budget to be filled, whenever there is one, and to the
// end of a slice a few times. Not while a runqueue lock is held: an instant of accounting is one
// instant.
Nanos World::next_instant() {
  for (int cpu = 0; cpu < cpus(); ++cpu) {
    if (rq(cpu).lock.held()) return kNever;
  }
  const Nanos timer = next_timer();
  const Nanos slice = shared_->slices_left > 0 ? next_slice() : kNever;
  Nanos next = kNever;
  for (const Nanos at : {timer, slice}) {
    if (at > state().now) next = std::min(next, at);
  }
  return next;
}

void World::time_moved() {
  note_time();
  forget_moves();
  if (next_timer() != state().now && shared_->slices_left > 0) --shared_->slices_left;
}

}  // namespace px::check
