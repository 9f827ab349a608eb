#include "live/machine.hpp"

#include <linux/futex.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>
#include <ctime>
#include <mutex>

#include "live/platform-inl.hpp"
#include "live/topology.hpp"

namespace px::live {
namespace {

void futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t value, Nanos monotonic_until) {
  timespec until{};
  if (monotonic_until != kNever) {
    until.tv_sec = static_cast<time_t>(monotonic_until / kSecond);
    until.tv_nsec = static_cast<long>(monotonic_until % kSecond);
  }
  // Returns early for any reason (signal, stale value): callers look again.
  syscall(SYS_futex, &word, FUTEX_WAIT_BITSET_PRIVATE, value,
          monotonic_until == kNever ? nullptr : &until, nullptr, FUTEX_BITSET_MATCH_ANY);
}

void futex_wake(std::atomic<std::uint32_t>& word) {
  syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
}

// The hook of the preemption signal's handler: on the interrupted task's stack.
void preemption_hook(bool may_preempt, void* /*context*/) noexcept {
  auto* carrier = static_cast<Carrier*>(current_worker());
  if (carrier == nullptr || carrier->cpu == nullptr) return;  // it has just given its CPU away
  carrier->machine().on_signal(may_preempt);
}

// Workers run tasks, not the process's signal handlers: those go to other threads. The preemption
// signal and faults stay open.
void block_other_signals(int preempt_signal) {
  sigset_t blocked;
  sigfillset(&blocked);
  for (const int open :
       {preempt_signal, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGPROF}) {
    if (open > 0) sigdelset(&blocked, open);
  }
  pthread_sigmask(SIG_SETMASK, &blocked, nullptr);
}

// Async-signal-safe: the faulting thread's own task.
GuardHit guard_hit(const void* address) noexcept {
  const auto* carrier = static_cast<const Carrier*>(current_worker());
  if (carrier == nullptr || carrier->current == nullptr) return {};
  const Task& task = *carrier->current;
  if (!fiber::in_guard(task.context.stack, address)) return {};
  return {task.name, task.context.stack.size};
}

// The process has one fault handler, however many machines.
std::shared_ptr<StackFaultHandler> shared_stack_faults() {
  static std::mutex mutex;
  static std::weak_ptr<StackFaultHandler> shared;
  const std::lock_guard guard(mutex);
  auto handler = shared.lock();
  if (handler == nullptr) {
    handler = std::make_shared<StackFaultHandler>(&guard_hit);
    shared = handler;
  }
  return handler;
}

fiber::StackPoolOptions idle_stack_options(const MachineOptions& options) {
  fiber::StackPoolOptions result;
  result.stack_size = std::size_t{64} * 1024;
  result.keep_warm = 0;
  result.guard_pages = options.guard_pages;
  result.notice = options.notice;
  return result;
}

void pin_to(int os_cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<std::size_t>(os_cpu), &set);
  // Refused in some containers: then the OS places the thread, which costs speed only.
  pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

}  // namespace

// --- Carrier

bool Carrier::claim() {
  core::Guard guard(lock_);
  if (active_) return false;
  active_ = true;
  return true;
}

bool Carrier::await(Task& task, Nanos now) {
  core::Guard guard(lock_);
  if (!active_) return true;
  if (!task.context.waits_for_carrier) {
    task.context.waits_for_carrier = true;
    task.context.next_waiting = nullptr;
    Task** tail = &waiting_;
    while (*tail != nullptr) tail = &(*tail)->context.next_waiting;
    *tail = &task;
    const std::int64_t rank = task.noted_rank().value();
    if (rank > wanted_rank_.load(std::memory_order_relaxed)) {
      wanted_rank_.store(rank, std::memory_order_relaxed);
    }
  }
  if (!wanted_.load(std::memory_order_relaxed)) {
    wanted_since_.store(now, std::memory_order_relaxed);
    wanted_.store(true, std::memory_order_relaxed);
  }
  return false;
}

void Carrier::post(Cpu& to_play, Task& run) {
  next_cpu_ = &to_play;
  next_task_ = &run;
  directed_.store(1, std::memory_order_release);
  futex_wake(directed_);
}

void Carrier::post_quit() {
  quit_ = true;
  directed_.store(1, std::memory_order_release);
  futex_wake(directed_);
}

void Carrier::wait_for_directive() {
  while (directed_.load(std::memory_order_acquire) == 0) futex_wait(directed_, 0, kNever);
  directed_.store(0, std::memory_order_relaxed);
}

void Carrier::take_cpu() {
  cpu = next_cpu_;
  plays.store(cpu, std::memory_order_release);
  current = next_task_;
  if (machine_.options().pin) pin_to(cpu->os_cpu);
  // Sequentially consistent, partner: arm(). Either it finds this carrier, or its expiry is seen
  // here.
  cpu->carrier.store(this, std::memory_order_seq_cst);
  set_worker(this, &cpu->rq.need_resched);
  const Nanos armed = cpu->armed_at.load(std::memory_order_seq_cst);
  if (armed != kNever && timer) timer->arm_at(machine_.clock().absolute_monotonic(armed));
  // Its new task has it for a turn, if others wait for it.
  if (wanted())
    machine_.scheduler().platform().arm(cpu->index, machine_.clock().now() + kCarrierTurn);
}

void Carrier::leave_cpu() {
  cpu = nullptr;
  plays.store(nullptr, std::memory_order_relaxed);
  current = nullptr;
  set_worker(this, &parked_flag_);
  if (timer) timer->disarm();
}

// Parked from now on, and one of those who wait for this carrier is woken. The wakeup goes along
// with the CPU, to be delivered there: once the carrier can be claimed, this thread must wait for
// no lock, for the lock's holder may be waiting for it.
void Carrier::release(const Directive& next) {
  Runqueue& rq = next.cpu->rq;
  if (!next.rq_locked) rq.lock.lock();
  {
    core::Guard guard(lock_);
    if (Task* task = waiting_) {
      waiting_ = task->context.next_waiting;
      task->context.waits_for_carrier = false;
      Scheduler::defer_wake(rq.deferred_wakes, *task);
    }
    std::int64_t rank = 0;
    for (const Task* task = waiting_; task != nullptr; task = task->context.next_waiting) {
      rank = std::max(rank, task->noted_rank().value());
    }
    wanted_rank_.store(rank, std::memory_order_relaxed);
    wanted_.store(waiting_ != nullptr, std::memory_order_relaxed);
    wanted_since_.store(machine_.clock().now(), std::memory_order_relaxed);
    active_ = false;
  }
  if (!next.rq_locked) rq.lock.unlock();
}

void Carrier::main() {
  thread.store(&thread_state(), std::memory_order_release);
  const AlternateStack alternate_stack;
  const auto& signal = machine_.preempt_signal();
  prctl(PR_SET_TIMERSLACK, 1UL);  // nanoseconds: the idle task's sleeps end when they should
  block_other_signals(signal ? signal->number() : 0);
  live::preempt_disable();  // for good: tasks come and go with a count of one
  fiber::adopt_thread(native);
  if (signal) timer.emplace(gettid(), signal->number());
  set_worker(this, &parked_flag_);
  for (;;) {
    wait_for_directive();
    if (quit_) break;
    take_cpu();
    fiber::switch_to(native, current->context.fiber);
    const Directive next = std::exchange(out, {});
    leave_cpu();
    if (next.carrier == nullptr) break;  // the CPU has stopped
    release(next);
    next.carrier->post(*next.cpu, *next.run);
    machine_.scheduler().platform().deliver_kick();
  }
  set_worker(nullptr, nullptr);
  timer.reset();
  live::preempt_enable_no_check();
}

// --- Platform

void Platform::switch_context(Task& from, Task& to) {
  auto& carrier = *static_cast<Carrier*>(current_worker());
  const bool ends = from.state.load(std::memory_order_relaxed) == core::TaskState::kDead;
  Carrier* other = nullptr;
  if (to.context.bound != nullptr) {
    if (to.context.bound != &carrier) other = to.context.bound;  // claimed by can_run()
  } else if (carrier.wanted()) [[unlikely]] {
    other = machine_.claim_spare();
  }
  if (other != nullptr) [[unlikely]] {
    machine_.count_exchange();
    carrier.out = {other, carrier.cpu, &to, true};
    if (ends) fiber::switch_final(from.context.fiber, carrier.native);
    fiber::switch_to(from.context.fiber, carrier.native);
    arrive();
    return;
  }
  carrier.current = &to;
  if (ends) fiber::switch_final(from.context.fiber, to.context.fiber);
  fiber::switch_to(from.context.fiber, to.context.fiber);
  arrive();
}

// The calling task, which is bound to nothing, goes on on the spare carrier: somebody waits for the
// one that it runs on. No lock held.
void Platform::move_to_spare() {
  auto& carrier = *static_cast<Carrier*>(current_worker());
  Carrier* spare = machine_.claim_spare();
  if (spare == nullptr) return;
  machine_.count_exchange();
  Task& me = *carrier.current;
  carrier.out = {spare, carrier.cpu, &me, false};
  fiber::switch_to(me.context.fiber, carrier.native);
}

bool Platform::await_turn(Task& task) {
  Carrier& carrier = *task.context.bound;
  if (carrier.await(task, now())) return true;
  // If stale: the carrier looks itself when it takes its next CPU.
  Cpu* plays = carrier.plays.load(std::memory_order_acquire);
  if (plays != nullptr) {
    arm(plays->index, now() + kCarrierTurn);
    machine_.wake_idle(*plays);
  }
  return false;
}

void Platform::kick(int index, bool urgent) {
  if (this_cpu() < 0) {  // it has no later
    send_kick(index, urgent);
    return;
  }
  if (const std::uint32_t earlier = own::load<offsetof(ThreadState, kick_later)>()) {
    send_kick(static_cast<int>(earlier / 2) - 1, earlier % 2 != 0);
  }
  const std::uint32_t later = 2 * (static_cast<std::uint32_t>(index) + 1) + (urgent ? 1 : 0);
  own::store<offsetof(ThreadState, kick_later)>(later);
}

// A CPU that looks at its flag often answers by itself, which saves both sides the cost of a
// signal. One that has not is not waited for again for a while. Whoever clears the flag does so
// under the runqueue's lock, hence after what the kick is about.
void Platform::deliver_kick_slow() {
  const std::uint32_t code = own::load<offsetof(ThreadState, kick_later)>();
  own::store<offsetof(ThreadState, kick_later)>(0);
  const int index = static_cast<int>(code / 2) - 1;
  const bool urgent = code % 2 != 0;
  Cpu& cpu = machine_.cpu(index);
  const auto unanswered = [&cpu] {
    return cpu.rq.need_resched.load(std::memory_order_seq_cst) != 0;
  };
  if (urgent && cpu.asleep.load(std::memory_order_seq_cst) == 0) {
    const std::uint32_t in_vain = cpu.waits_in_vain.load(std::memory_order_relaxed);
    if (in_vain % kAnswerTries == 0) {
      const Nanos patience = now() + kAnswerTime;
      while (unanswered() && now() < patience) relax();
    }
    cpu.waits_in_vain.store(unanswered() ? in_vain + 1 : 0, std::memory_order_relaxed);
  }
  if (unanswered()) send_kick(index, urgent);
}

void Platform::send_kick(int index, bool urgent) {
  Cpu& cpu = machine_.cpu(index);
  if (cpu.asleep.load(std::memory_order_seq_cst) != 0) {
    machine_.wake_idle(cpu);
  } else if (!machine_.preempt_signal()) {
    return;  // seen at its next library call
  } else if (urgent) {
    Carrier* carrier = cpu.carrier.load(std::memory_order_acquire);
    ThreadState* thread =
        carrier != nullptr ? carrier->thread.load(std::memory_order_acquire) : nullptr;
    if (thread != nullptr) machine_.preempt_signal()->raise_once(*thread);
  } else {
    arm(index, now() + kFairKickDelay);
  }
}

void Platform::idle_wait() {
  deliver_kick();
  // No spare carrier was parked at the switch to idle, for an exchange elsewhere was under way:
  // then there is one soon.
  if (static_cast<Carrier*>(current_worker())->wanted()) [[unlikely]] {
    move_to_spare();
    // The next pass through schedule() delivers the wakeup that came along.
    static_cast<Carrier*>(current_worker())
        ->cpu->rq.need_resched.store(1, std::memory_order_relaxed);
    return;
  }
  Cpu& cpu = *static_cast<Carrier*>(current_worker())->cpu;
  // The futex has a time limit of its own, so that an idle CPU takes no signal.
  if (cpu.armed_at.exchange(kNever, std::memory_order_relaxed) != kNever) {
    auto& timer = static_cast<Carrier*>(current_worker())->timer;
    if (timer) timer->disarm();
  }
  auto& scheduler = machine_.scheduler();
  const Nanos until = scheduler.next_expiry(cpu.index);
  cpu.asleep.store(1, std::memory_order_seq_cst);
  // Partner: resched() stores need_resched, then kick() looks at asleep. One sees the other.
  if (cpu.rq.need_resched.load(std::memory_order_seq_cst) == 0 &&
      !machine_.stop_.load(std::memory_order_seq_cst)) {
    futex_wait(cpu.asleep, 1, machine_.clock().absolute_monotonic(until));
  }
  cpu.asleep.store(0, std::memory_order_relaxed);
}

// --- Machine

Machine::Machine(const MachineOptions& options, void (*retire_task)(Task&))
    : retire(retire_task),
      options_(options),
      clock_(TscClock::Options{true, options.notice}),
      platform_(*this),
      idle_stacks_(idle_stack_options(options_)) {
  PX_CHECK(!options_.os_cpus.empty(), "a machine has at least one CPU");
  // First what may throw: nothing has been taken yet that would have to be given back.
  stack_faults_ = shared_stack_faults();
  if (options_.preempt) {
    text_ = std::make_unique<PreemptText>();
    signal_.emplace(options_.preempt_signal, *text_, &preemption_hook);
    if (!text_->available() && options_.notice != nullptr) {
      options_.notice(
          "px: a fully static executable: computing tasks are preempted at px calls only\n");
    }
  }
  for (std::size_t i = 0; i < options_.os_cpus.size(); ++i) {
    auto& cpu = *cpus_.emplace_back(std::make_unique<Cpu>(options_.tunables));
    cpu.index = static_cast<int>(i);
    cpu.os_cpu = options_.os_cpus[i];
    cpu.rq.llc = llc_of(cpu.os_cpu);
    cpu.events.reserve(options_.trace_capacity);
    runqueues_.push_back(&cpu.rq);
  }
  foreign_events_.reserve(options_.trace_capacity > 0 ? 4096 : 0);
  core::SchedulerOptions scheduler_options;
  scheduler_options.cpus = cpus();
  scheduler_options.proxy_exec = options_.proxy_exec;
  scheduler_options.migration_cost_ns = kMigrationCost;
  scheduler_options.tunables = options_.tunables;
  scheduler_options.deadline_admission = options_.deadline_admission;
  scheduler_ = std::make_unique<Scheduler>(platform_, scheduler_options, runqueues_.data());
  for (auto& cpu : cpus_) {
    cpu->idle.id = trace::kIdleTask;
    cpu->idle.name = "idle";
    cpu->idle.user = cpu.get();
    scheduler_->set_idle(cpu->index, cpu->idle);
    cpu->idle.context.stack = idle_stacks_.acquire();
    fiber::make(cpu->idle.context.fiber, cpu->idle.context.stack, &Machine::idle_entry, this);
  }
  start_carriers();
}

void Machine::start_carriers() {
  for (std::size_t i = 0; i <= cpus_.size(); ++i) {
    auto& carrier = *carriers_.emplace_back(std::make_unique<Carrier>(*this));
    const bool spare = i == cpus_.size();
    if (spare) {
      carrier.park_at_start();
    } else {
      carrier.post(*cpus_[i], cpus_[i]->idle);
    }
    threads_.emplace_back([&carrier] { carrier.main(); });
  }
}

Machine::~Machine() {
  stop_.store(true, std::memory_order_seq_cst);
  for (auto& cpu : cpus_) wake_idle(*cpu);
  for (auto& carrier : carriers_) {
    if (carrier->claim()) carrier->post_quit();
  }
  for (auto& thread : threads_) thread.join();
  for (auto& cpu : cpus_) {
    fiber::discard(cpu->idle.context.fiber);
    idle_stacks_.release(cpu->idle.context.stack);
  }
}

void Machine::idle_entry(void* machine) noexcept {
  auto& self = *static_cast<Machine*>(machine);
  self.scheduler_->idle_loop(self.stop_);
  auto& carrier = *static_cast<Carrier*>(current_worker());
  fiber::switch_final(carrier.current->context.fiber, carrier.native);
}

Carrier* Machine::claim_spare() {
  for (auto& carrier : carriers_) {
    if (carrier->claim()) return carrier.get();
  }
  return nullptr;
}

void Machine::wake_idle(Cpu& cpu) {
  if (cpu.asleep.exchange(0, std::memory_order_seq_cst) != 0) futex_wake(cpu.asleep);
}

// Whether nothing is due yet: the timer was set for something that has ended by itself since.
bool Machine::goes_off_early(const Carrier& carrier) const noexcept {
  const Cpu& here = *carrier.cpu;
  return here.rq.need_resched.load(std::memory_order_relaxed) == 0 && !carrier.wanted() &&
         scheduler_->next_expiry(here.index) > clock_.now();
}

// A preemption signal; preemption is off. If it may not preempt here, the CPU is asked to
// reschedule at the next library call, and the signal is repeated soon for code that makes none.
void Machine::on_signal(bool may_preempt) noexcept {
  auto* carrier = static_cast<Carrier*>(current_worker());
  Cpu& here = *carrier->cpu;
  // Sequentially consistent, partner: kick() stores need_resched, then arms. Either the loads below
  // see what it stored, or its own expiry outlives this store.
  here.armed_at.exchange(kNever, std::memory_order_seq_cst);
  if (carrier->current->is_idle) {
    // Its loop looks at everything itself, also if it is kept choosing and comes to no wait; the
    // kernel would restart its wait, but for the value.
    here.tick_pending.store(true, std::memory_order_relaxed);
    here.asleep.store(0, std::memory_order_relaxed);
    return;
  }
  if (!kAsynchronousPreemption || !may_preempt || !carrier->current->context.preempt) {
    if (goes_off_early(*carrier)) {
      platform_.arm(here.index, scheduler_->next_expiry(here.index));
      return;
    }
    here.tick_pending.store(true, std::memory_order_relaxed);
    here.rq.need_resched.store(1, std::memory_order_relaxed);
    refused_.fetch_add(1, std::memory_order_relaxed);
    retried_.fetch_add(1, std::memory_order_relaxed);
    // One level of the count is the handler's.
    const Nanos retry = preempt_count() > 1 ? kGuardedRetry : kRefusedRetry;
    platform_.arm(here.index, clock_.now() + retry);
    return;
  }
  clock_.refine_if_due(clock_.now());
  scheduler_->tick();
  if (carrier->wanted()) [[unlikely]]
    look_at_turn(*carrier);
  if (scheduler_->need_resched()) {
    auto& context = carrier->current->context;
    context.bound = carrier;
    context.in_signal = true;
    asynchronous_.fetch_add(1, std::memory_order_relaxed);
    do {
      scheduler_->schedule(core::ScheduleMode::kPreempt);
    } while (scheduler_->need_resched());
    context.in_signal = false;
  }
  platform_.deliver_kick();
}

// Others wait for the carrier. Once the running task's turn is over, picking anew lets go of it.
void Machine::look_at_turn(Carrier& carrier) {
  const Nanos now = clock_.now();
  const auto rank = carrier.cpu->rq.donor_rank.load(std::memory_order_relaxed);
  if (carrier.turn_is_over(now, rank)) {
    carrier.cpu->rq.need_resched.store(1, std::memory_order_relaxed);
  } else {
    platform_.arm(carrier.cpu->index, now + kCarrierTurn);
  }
}

void Machine::record(trace::EventKind kind, std::uint32_t task, std::uint32_t other,
                     std::uint32_t lock) {
  const int index = platform_.this_cpu();
  trace::Event event{clock_.now(), kind,  static_cast<std::uint16_t>(std::max(index, 0)),
                     task,         other, lock};
  if (index < 0) {
    core::Guard guard(foreign_events_lock_);
    if (foreign_events_.size() < foreign_events_.capacity()) foreign_events_.push_back(event);
    return;
  }
  auto& here = cpu(index);
  if (here.events.size() < here.events.capacity()) {
    here.events.push_back(event);
  } else {
    ++here.events_lost;
  }
}

std::vector<trace::Event> Machine::take_events() {
  std::vector<trace::Event> all = std::move(foreign_events_);
  for (auto& cpu : cpus_) {
    all.insert(all.end(), cpu->events.begin(), cpu->events.end());
    cpu->events.clear();
  }
  std::stable_sort(all.begin(), all.end(), [](const trace::Event& a, const trace::Event& b) {
    return a.time_ns < b.time_ns;
  });
  return all;
}

std::uint64_t Machine::events_lost() const {
  std::uint64_t lost = 0;
  for (const auto& cpu : cpus_) lost += cpu->events_lost;
  return lost;
}

Machine::PreemptionCounts Machine::preemptions() const {
  PreemptionCounts counts;
  counts.asynchronous = asynchronous_.load(std::memory_order_relaxed);
  counts.refused = refused_.load(std::memory_order_relaxed);
  counts.retried = retried_.load(std::memory_order_relaxed);
  counts.exchanges = exchanges_.load(std::memory_order_relaxed);
  return counts;
}

}  // namespace px::live
