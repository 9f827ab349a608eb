#include "sim/stress_program.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <stdexcept>

namespace px::sim::stress {
namespace {

// A few multiples of 1 us: events then often fall on one instant, where races are.
constexpr Nanos kUnit = 1000;

policy::Params params_of(int number) {
  if (number < 6) {
    policy::FairParams fair;
    fair.nice = std::array{-20, -5, 0, 5, 19, 0}[static_cast<std::size_t>(number)];
    fair.batch = number == 5;
    return fair;
  }
  return policy::RealtimeParams{
      std::array{1, 2, 3, 50, 50, 99}[static_cast<std::size_t>(number - 6)], number == 10};
}

CpuMask mask_of(int bits, int cpus) {
  CpuMask mask;
  for (int cpu = 0; cpu < cpus; ++cpu) {
    if ((bits & (1 << cpu)) != 0) mask.add(cpu);
  }
  return mask.empty() ? CpuMask::first(cpus) : mask;
}

// --- Making programs

class Generator {
 public:
  explicit Generator(std::uint64_t seed) : prng_(seed) {}

  Program make() {
    Program program;
    program.cpus = number(1, 4);
    program.proxy = !prng_.chance(8);
    program.may_deadlock = prng_.chance(25);
    program.slice_ns = kUnit * number(2, 20);
    const int locks = number(1, 4);
    const int lending = std::array{100, 100, 70, 30}[static_cast<std::size_t>(number(0, 3))];
    for (int i = 0; i < locks; ++i) program.locks.push_back(lock(lending));
    const int tasks = number(3, 12);
    realtime_percent_ = number(0, 2) * 50;
    changes_ = prng_.chance(50);
    hotplug_ = prng_.chance(50);
    for (int i = 0; i < tasks; ++i) {
      TaskProgram task;
      task.params = params();
      task.affinity = prng_.chance(40) ? number(1, 15) : 15;
      task.start_ns = kUnit * number(0, 10);
      task_ = i;
      const int ops = number(2, 10);
      for (int op = 0; op < ops; ++op) task.ops.push_back(op_at(program, 0, -1, tasks));
      program.tasks.push_back(std::move(task));
    }
    return program;
  }

 private:
  int number(int low, int high) { return static_cast<int>(prng_.between(low, high)); }
  int params() { return prng_.chance(realtime_percent_) ? number(6, 11) : number(0, 5); }

  Program::Lock lock(int lending) {
    if (prng_.chance(lending)) return {};
    const int dice = number(0, 5);
    if (dice < 2) return {core::Protocol::kNone, 0};
    if (dice < 4) return {core::Protocol::kInherit, 0};
    return {core::Protocol::kProtect, prng_.chance(80) ? policy::kRtPriorityMax : number(1, 5)};
  }

  // Sections nest in ascending order of locks, unless deadlocks are wanted.
  Op section(const Program& program, int depth, int above, int tasks) {
    const int locks = static_cast<int>(program.locks.size());
    Op op;
    op.kind = prng_.chance(70)   ? OpKind::kSection
              : prng_.chance(70) ? OpKind::kTimedSection
                                 : OpKind::kTrySection;
    op.target = program.may_deadlock ? number(0, locks - 1) : number(above + 1, locks - 1);
    op.ns = kUnit * number(0, 15);
    const int ops = number(1, 3);
    for (int i = 0; i < ops; ++i) {
      op.body.push_back(op_at(program, depth + 1, std::max(above, op.target), tasks));
    }
    return op;
  }

  Op op_at(const Program& program, int depth, int above, int tasks) {
    const int locks = static_cast<int>(program.locks.size());
    Op op;
    const int dice = number(0, 99);
    const bool may_nest = depth < 3 && (program.may_deadlock || above + 1 < locks);
    if (dice < 40 && may_nest) {
      op = section(program, depth, above, tasks);
    } else if (dice < 62) {
      op.kind = OpKind::kWork;
      op.ns = kUnit * number(1, 8);
    } else if (dice < 76) {
      op.kind = OpKind::kSleep;
      op.ns = kUnit * number(0, 8);
    } else if (dice < 82) {
      op.kind = OpKind::kYield;
    } else if (dice < 92 && changes_ && hotplug_ && prng_.chance(40)) {
      op.kind = prng_.chance(50) ? OpKind::kOffline : OpKind::kOnline;
      op.target = number(0, program.cpus - 1);
    } else if (dice < 92 && changes_) {
      op.kind = prng_.chance(50) ? OpKind::kAffinity : OpKind::kParams;
      op.target = prng_.chance(30) ? task_ : number(0, tasks - 1);
      op.value = op.kind == OpKind::kAffinity ? number(1, 15) : params();
    } else if (dice < 97 && task_ > 0) {
      // Only towards earlier tasks: joins make no cycle. A holder joins with a time limit.
      op.kind = OpKind::kJoin;
      op.target = number(0, task_ - 1);
      op.ns = depth > 0 || prng_.chance(30) ? kUnit * number(1, 15) : 0;
    } else {
      op.kind = OpKind::kWork;
      op.ns = kUnit * number(1, 3);
    }
    op.settle = prng_.chance(80);
    return op;
  }

  Prng prng_;
  int realtime_percent_ = 0;
  bool changes_ = false;
  bool hotplug_ = false;
  int task_ = 0;
};

// --- Running one

class Runner {
 public:
  explicit Runner(const Program& program) : program_(program) {
    SimulatorOptions options;
    options.cpus = program.cpus;
    options.proxy_exec = program.proxy;
    options.tunables.fair_slice_ns = program.slice_ns;
    options.tunables.rr_slice_ns = program.slice_ns;
    options.max_tasks = static_cast<std::uint32_t>(program.tasks.size());
    options.stack_size = std::size_t{32} * 1024;
    options.check_invariants = true;
    options.on_violation = [this](const core::ViolationReport& v) {
      throw std::runtime_error(fmt::format("invariant {} ({}) at {} ns: {}", v.number, v.name,
                                           simulator_->now(), v.message));
    };
    simulator_ =
        std::make_unique<Simulator>(options, [this](const trace::Event& event) { on(event); });
    for (std::size_t i = 0; i < program.locks.size(); ++i) {
      auto& lock = locks_.emplace_back();
      lock.mutex = std::make_unique<Simulator::Mutex>();
      lock.mutex->id = static_cast<std::uint32_t>(i + 1);
      lock.mutex->name = "lock";
      const auto& spec = program.locks[i];
      if (!lock.mutex->set_protocol(spec.protocol, core::realtime_ceiling(spec.ceiling))) {
        fail("a fresh lock is in use");
      }
    }
    for (std::size_t i = 0; i < program.tasks.size(); ++i) {
      const auto& spec = program.tasks[i];
      count_uses(spec.ops, 1);
      auto& name = names_.emplace_back(std::make_unique<std::string>(fmt::format("t{}", i)));
      tasks_.push_back(&simulator_->spawn(name->c_str(), params_of(spec.params),
                                          mask_of(spec.affinity, program.cpus), spec.start_ns,
                                          [this, i] { body(i); }));
      requested_.push_back(0);
    }
    watch_locks();
  }

  Outcome execute() {
    try {
      simulator_->run(kTimeLimit);
    } catch (const std::runtime_error& error) {
      fail(error.what());
    }
    if (outcome_.error.empty()) check_end();
    for (int cpu = 0; cpu < program_.cpus; ++cpu) add(simulator_->scheduler().rq(cpu).proxy);
    return outcome_;
  }

 private:
  static constexpr Nanos kTimeLimit = kSecond;
  static constexpr std::uint64_t kEventLimit = 200'000;

  struct Lock {
    std::unique_ptr<Simulator::Mutex> mutex;
    int uses_left = 0;
    int holder = -1;
  };

  void on(const trace::Event& event) {
    const auto mix = [&](std::uint64_t value) {
      outcome_.hash = (outcome_.hash ^ value) * 0x100000001b3ULL;
    };
    mix(static_cast<std::uint64_t>(event.time_ns));
    mix(static_cast<std::uint64_t>(event.kind));
    mix(event.cpu);
    mix(event.task);
    mix(event.other);
    mix(event.lock);
    // A loop that never ends cannot be left from here (the core is on this stack).
    PX_CHECK(++outcome_.events < kEventLimit, "the program does not come to an end");
  }

  void fail(const std::string& what) {
    if (outcome_.error.empty()) outcome_.error = what;
  }

  void count_uses(const std::vector<Op>& ops, int by) {
    for (const auto& op : ops) {
      if (is_section(op)) lock_of(op).uses_left += by;
      count_uses(op.body, by);
    }
  }
  static bool is_section(const Op& op) {
    return op.kind == OpKind::kSection || op.kind == OpKind::kTimedSection ||
           op.kind == OpKind::kTrySection;
  }
  Lock& lock_of(const Op& op) { return locks_[static_cast<std::size_t>(op.target)]; }
  Simulator::Task& task_of(const Op& op) { return *tasks_[static_cast<std::size_t>(op.target)]; }

  void watch_locks() {
    std::vector<const Simulator::Mutex*> mutexes;
    for (const auto& lock : locks_) {
      if (lock.mutex != nullptr) mutexes.push_back(lock.mutex.get());
    }
    simulator_->watch(std::move(mutexes));
  }

  void body(std::size_t task) {
    for (const auto& op : program_.tasks[task].ops) perform(task, op);
    ++ended_;
  }

  void perform(std::size_t task, const Op& op) {
    auto& scheduler = simulator_->scheduler();
    if (op.settle) simulator_->settle();
    switch (op.kind) {
      case OpKind::kWork:
        requested_[task] += op.ns;
        simulator_->consume(op.ns);
        break;
      case OpKind::kSleep: {
        const Nanos until = simulator_->now() + op.ns;
        if (scheduler.sleep_until(until) != core::WaitEnd::kTimedOut) fail("a sleep was cut short");
        if (simulator_->now() < until) fail("a sleep ended early");
        break;
      }
      case OpKind::kYield:
        scheduler.yield();
        break;
      case OpKind::kSection:
      case OpKind::kTimedSection:
      case OpKind::kTrySection:
        section(task, op);
        break;
      case OpKind::kAffinity:
        (void)scheduler.set_affinity(task_of(op), mask_of(op.value, program_.cpus));
        break;
      case OpKind::kOffline:
        hotplug(scheduler.offline(op.target), op, true);
        break;
      case OpKind::kOnline:
        hotplug(scheduler.online(op.target), op, false);
        break;
      case OpKind::kParams:
        (void)scheduler.set_params(task_of(op), params_of(op.value));
        break;
      case OpKind::kJoin:
        join(op);
        break;
    }
  }

  // One CPU stays online, and what the scheduler answers is what has become of it.
  void hotplug(core::Hotplug result, const Op& op, bool offline) {
    auto& scheduler = simulator_->scheduler();
    int online = 0;
    for (int cpu = 0; cpu < program_.cpus; ++cpu) online += scheduler.is_online(cpu) ? 1 : 0;
    if (online == 0) fail("every CPU is offline");
    const bool refused = result == core::Hotplug::kLastCpu;
    if (refused != (offline && scheduler.is_online(op.target))) fail("hotplug: a wrong answer");
    if (refused && online != 1) fail("a CPU that was not the last one was refused");
    outcome_.hotplugs += result == core::Hotplug::kDone ? 1 : 0;
  }

  void join(const Op& op) {
    const Nanos limit = op.ns > 0 ? simulator_->now() + op.ns : kNever;
    const auto end = simulator_->scheduler().join(task_of(op), limit);
    if (end == core::WaitEnd::kNotified) {
      if (task_of(op).exit.pending() != nullptr) fail("a join ended before the task");
    } else if (end == core::WaitEnd::kTimedOut) {
      if (simulator_->now() < limit) fail("a join timed out early");
    } else {
      fail("a join ended in an unexpected way");
    }
  }

  bool enter(const Op& op) {
    auto& mutex = *lock_of(op).mutex;
    auto& me = simulator_->current();
    auto& scheduler = simulator_->scheduler();
    const bool may_refuse = mutex.protocol == core::Protocol::kProtect;
    if (op.kind == OpKind::kTrySection) {
      const auto tried = mutex.try_lock(scheduler, me);
      if (tried == core::WaitEnd::kRefused && !may_refuse) fail("a lock was refused");
      return tried == core::WaitEnd::kGranted;
    }
    const Nanos limit = op.kind == OpKind::kTimedSection ? simulator_->now() + op.ns : kNever;
    const auto end = mutex.lock(scheduler, me, limit);
    if (end == core::WaitEnd::kGranted) return true;
    if (end == core::WaitEnd::kRefused && may_refuse) return false;
    if (end == core::WaitEnd::kTimedOut) {
      if (simulator_->now() < limit) fail("a lock timed out early");
    } else if (end == core::WaitEnd::kDeadlock && program_.may_deadlock && limit == kNever) {
      ++outcome_.deadlocks;
    } else {
      fail("a lock call ended in an unexpected way");
    }
    return false;
  }

  void section(std::size_t task, const Op& op) {
    auto& lock = lock_of(op);
    if (enter(op)) {
      if (lock.holder != -1) fail("two tasks hold one lock");
      lock.holder = static_cast<int>(task);
      for (const auto& inner : op.body) perform(task, inner);
      if (lock.holder != static_cast<int>(task)) fail("a lock was taken from its holder");
      lock.holder = -1;
      if (!lock.mutex->unlock(simulator_->scheduler(), simulator_->current())) {
        fail("a holder could not unlock");
      }
    } else {
      count_uses(op.body, -1);  // skipped
      destroy_unused();
    }
    --lock.uses_left;
    destroy_unused();
  }

  // A mutex may be destroyed as soon as its last owner has unlocked it.
  void destroy_unused() {
    for (auto& lock : locks_) {
      if (lock.uses_left != 0 || lock.mutex == nullptr) continue;
      lock.mutex.reset();
      watch_locks();
    }
  }

  void check_end() {
    if (simulator_->dead_end() || ended_ != tasks_.size() || simulator_->tasks_alive() != 0) {
      fail(fmt::format("{} of {} tasks ended by {} ns", ended_, tasks_.size(), simulator_->now()));
    }
    Nanos executed = 0;
    Nanos charged = 0;
    Nanos donated = 0;
    Nanos received = 0;
    Nanos requested = 0;
    for (std::size_t i = 0; i < tasks_.size(); ++i) {
      const auto& task = *tasks_[i];
      executed += task.times.executed_ns;
      charged += task.se.charged_ns;
      donated += task.times.donated_ns;
      received += task.times.received_ns;
      requested += requested_[i];
      if (task.times.executed_ns != requested_[i]) {
        fail(fmt::format("t{} executed {} ns and wanted {}", i, task.times.executed_ns,
                         requested_[i]));
      }
    }
    if (executed != charged || executed != requested || donated != received) {
      fail(fmt::format("executed {} ns, charged {}, donated {}, received {}", executed, charged,
                       donated, received));
    }
    if (!program_.proxy && donated != 0) fail("time was donated without proxy execution");
  }

  void add(const core::ProxyCounters& counters) {
    if (!program_.proxy && counters.walks != 0) fail("a walk without proxy execution");
    auto& sum = outcome_.proxy;
    sum.walks += counters.walks;
    sum.hops += counters.hops;
    sum.parks += counters.parks;
    sum.links += counters.links;
    sum.migrations += counters.migrations;
    sum.deactivations += counters.deactivations;
    sum.cycles += counters.cycles;
    sum.handoffs += counters.handoffs;
    sum.starvation_handoffs += counters.starvation_handoffs;
  }

  const Program& program_;
  Outcome outcome_;
  std::vector<Lock> locks_;
  std::vector<std::unique_ptr<std::string>> names_;
  std::unique_ptr<Simulator> simulator_;
  std::vector<Simulator::Task*> tasks_;
  std::vector<Nanos> requested_;
  std::size_t ended_ = 0;
};

// --- Printing

std::string params_text(int number) {
  const auto params = params_of(number);
  if (const auto* fair = std::get_if<policy::FairParams>(&params)) {
    return fmt::format("{} {}", fair->batch ? "batch" : "nice", fair->nice);
  }
  const auto& realtime = std::get<policy::RealtimeParams>(params);
  return fmt::format("{} {}", realtime.round_robin ? "rr" : "fifo", realtime.priority);
}

std::string mask_text(int bits, int cpus) {
  std::string text;
  const auto mask = mask_of(bits, cpus);
  for (int cpu = mask.next(-1); cpu >= 0; cpu = mask.next(cpu)) text += fmt::format("{}", cpu);
  return text;
}

void print_ops(const Program& program, const std::vector<Op>& ops, int indent, std::string& text) {
  for (const auto& op : ops) {
    text += fmt::format("{:{}}{}", "", indent, op.settle ? "" : "at once: ");
    switch (op.kind) {
      case OpKind::kWork:
        text += fmt::format("work {}", op.ns / kUnit);
        break;
      case OpKind::kSleep:
        text += fmt::format("sleep {}", op.ns / kUnit);
        break;
      case OpKind::kYield:
        text += "yield";
        break;
      case OpKind::kSection:
        text += fmt::format("lock m{}", op.target);
        break;
      case OpKind::kTimedSection:
        text += fmt::format("lock m{} within {}", op.target, op.ns / kUnit);
        break;
      case OpKind::kTrySection:
        text += fmt::format("try m{}", op.target);
        break;
      case OpKind::kAffinity:
        text += fmt::format("cpus of t{} = {}", op.target, mask_text(op.value, program.cpus));
        break;
      case OpKind::kParams:
        text += fmt::format("params of t{} = {}", op.target, params_text(op.value));
        break;
      case OpKind::kOffline:
        text += fmt::format("offline {}", op.target);
        break;
      case OpKind::kOnline:
        text += fmt::format("online {}", op.target);
        break;
      case OpKind::kJoin:
        text += fmt::format("join t{} within {}", op.target, op.ns / kUnit);
        break;
    }
    text += '\n';
    print_ops(program, op.body, indent + 2, text);
  }
}

}  // namespace

Program make_program(std::uint64_t seed) { return Generator(seed).make(); }

std::string to_text(const Program& program) {
  std::string text = fmt::format("{} CPUs, proxy {}, slice {}, locks", program.cpus,
                                 program.proxy ? "on" : "off", program.slice_ns / kUnit);
  constexpr std::array kNames = {" proxy", " none", " inherit", " protect"};
  for (const auto& lock : program.locks) {
    text += kNames[static_cast<std::size_t>(lock.protocol)];
    if (lock.ceiling != 0) text += fmt::format(":{}", lock.ceiling);
  }
  text += '\n';
  for (std::size_t i = 0; i < program.tasks.size(); ++i) {
    const auto& task = program.tasks[i];
    text += fmt::format("t{}: {}, CPUs {}, starts at {}\n", i, params_text(task.params),
                        mask_text(task.affinity, program.cpus), task.start_ns / kUnit);
    print_ops(program, task.ops, 2, text);
  }
  return text;
}

Outcome run_program(const Program& program) { return Runner(program).execute(); }

}  // namespace px::sim::stress
