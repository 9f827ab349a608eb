#include "random_sets.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "base/check.hpp"
#include "base/prng.hpp"

namespace px::oracle {
namespace {

class Generator {
 public:
  Generator(std::uint64_t seed, const SetOptions& options) : random_(seed), options_(options) {
    coarse_ = random_.chance(50);
  }

  TaskSet make() {
    const bool ladder = random_.chance(40);
    set_.locks = static_cast<int>(ladder ? random_.between(3, 4) : random_.between(1, 4));
    if (ladder) add_ladder();
    const auto target = static_cast<std::size_t>(random_.between(ladder ? 5 : 3, 8));
    const std::size_t rungs = set_.tasks.size();
    while (set_.tasks.size() < target) {
      set_.tasks.push_back({0, time(0, 40), program()});
    }
    for (RefTask& task : set_.tasks) {
      if (task.program.back().step == Step::kSleep) task.program.pop_back();
    }
    set_priorities(rungs);
    shuffle(set_.tasks);
    return std::move(set_);
  }

 private:
  // A time of `low` to `high` units: whole units on the coarse grid, microseconds on the fine one.
  Nanos time(std::int64_t low, std::int64_t high) {
    constexpr std::int64_t kUnit = 100;
    const std::int64_t us =
        coarse_ ? kUnit * random_.between(low, high) : random_.between(kUnit * low, kUnit * high);
    return us * kMicrosecond;
  }

  template <typename T>
  void shuffle(std::vector<T>& items) {
    for (std::size_t i = items.size(); i > 1; --i) {
      const auto other = static_cast<std::size_t>(random_.between(0, static_cast<int>(i) - 1));
      std::swap(items[i - 1], items[other]);
    }
  }

  void run(std::vector<Instruction>& program, std::int64_t low, std::int64_t high) {
    program.push_back({Step::kRun, time(low, high), 0});
    if (options_.sleeps && random_.chance(10)) program.push_back({Step::kSleep, time(1, 6), 0});
  }

  // Lock, work, perhaps a section of a later lock, work, unlock. Sometimes the locks are given up
  // in the order in which they were taken: legal, and a trap for whoever ends boosts in stack
  // order.
  void section(std::vector<Instruction>& program, int lock, int depth) {
    program.push_back({Step::kLock, 0, lock});
    if (random_.chance(90)) run(program, 1, 4);
    if (depth < 3 && lock + 1 < set_.locks && random_.chance(45)) {
      const auto inner = static_cast<int>(random_.between(lock + 1, set_.locks - 1));
      section(program, inner, depth + 1);
      if (program.back().step == Step::kUnlock && random_.chance(15)) {
        const int last = program.back().lock;
        program.back().lock = lock;
        if (random_.chance(80)) run(program, 1, 3);
        program.push_back({Step::kUnlock, 0, last});
        return;
      }
      if (random_.chance(60)) run(program, 1, 3);
    }
    program.push_back({Step::kUnlock, 0, lock});
  }

  std::vector<Instruction> program() {
    std::vector<Instruction> program;
    if (random_.chance(70)) run(program, 1, 5);
    const std::int64_t sections = random_.between(0, 3);
    for (std::int64_t i = 0; i < sections; ++i) {
      section(program, static_cast<int>(random_.between(0, set_.locks - 1)), 1);
      if (random_.chance(70)) run(program, 1, 4);
    }
    if (program.empty() || random_.chance(30)) run(program, 1, 5);
    return program;
  }

  // Wants one lock: the top of a ladder, or a rival of one of its rungs.
  void add_wisher(Nanos arrival, int wanted) {
    std::vector<Instruction> program;
    if (random_.chance(50)) run(program, 1, 2);
    program.push_back({Step::kLock, 0, wanted});
    run(program, 1, 3);
    program.push_back({Step::kUnlock, 0, wanted});
    if (random_.chance(50)) run(program, 1, 3);
    set_.tasks.push_back({0, arrival, std::move(program)});
  }

  // One rung: holds `held`, perhaps one lock more, then wants `wanted` (-1 = nothing).
  void add_rung(Nanos arrival, int held, int extra, int wanted) {
    std::vector<Instruction> program;
    if (random_.chance(50)) run(program, 1, 2);
    program.push_back({Step::kLock, 0, held});
    if (extra >= 0) program.push_back({Step::kLock, 0, extra});
    run(program, 1, 3);
    if (wanted >= 0) {
      program.push_back({Step::kLock, 0, wanted});
      run(program, 1, 4);
      program.push_back({Step::kUnlock, 0, wanted});
    } else {
      run(program, 6, 14);
    }
    if (random_.chance(50)) run(program, 1, 3);
    if (extra >= 0) {
      program.push_back({Step::kUnlock, 0, extra});
      if (random_.chance(50)) run(program, 1, 3);
    }
    program.push_back({Step::kUnlock, 0, held});
    if (random_.chance(50)) run(program, 1, 3);
    set_.tasks.push_back({0, arrival, std::move(program)});
  }

  // Rungs of rising priority: the first holds the last lock, each further one holds a lock and
  // wants that of the rung before; the top one wants only. With four locks one rung holds two.
  // Sometimes a rival waits for the last lock, more urgent than rung 1 itself, less than who waits
  // for rung 1.
  void add_ladder() {
    const bool spare = set_.locks == 4;
    const int doubled = spare ? static_cast<int>(random_.between(0, 2)) : -1;
    Nanos arrival = time(0, 3);
    int wanted = -1;
    int next = set_.locks - 1;
    for (int rung = 0; rung < 3; ++rung) {
      const int extra = rung == doubled ? next : -1;
      const int held = rung == doubled ? next - 1 : next;
      add_rung(arrival, held, extra, wanted);
      // Who waits for a rung with two locks waits for either of them.
      wanted = extra >= 0 && random_.chance(50) ? extra : held;
      next = held - 1;
      arrival += time(2, 6);
      if (rung == 1 && random_.chance(50)) {
        add_wisher(arrival, set_.locks - 1);
        arrival += time(2, 4);
      }
    }
    add_wisher(arrival, wanted);
  }

  // Rungs get rising priorities, with those of the other tasks at random among them.
  void set_priorities(std::size_t rungs) {
    const std::size_t count = set_.tasks.size();
    std::vector<int> levels;
    if (options_.equal_priorities) {
      for (std::size_t i = 0; i < count; ++i) {
        levels.push_back(static_cast<int>(random_.between(1, 3)));
      }
    } else {
      std::array<bool, 100> used{};
      while (levels.size() < count) {
        const auto level = static_cast<std::size_t>(random_.between(1, 99));
        if (!std::exchange(used[level], true)) levels.push_back(static_cast<int>(level));
      }
    }
    shuffle(levels);
    std::sort(levels.begin(), levels.begin() + static_cast<std::ptrdiff_t>(rungs));
    for (std::size_t i = 0; i < count; ++i) set_.tasks[i].priority = levels[i];
  }

  Prng random_;
  SetOptions options_;
  bool coarse_ = false;
  TaskSet set_;
};

Nanos microseconds(Nanos ns) {
  PX_CHECK(ns % kMicrosecond == 0, "rt-app counts in microseconds");
  return ns / kMicrosecond;
}

workload::Op op_of(const Instruction& instruction) {
  workload::Op op;
  op.amount_ns = instruction.ns;
  op.index = static_cast<std::uint32_t>(instruction.lock);
  switch (instruction.step) {
    case Step::kRun:
      op.kind = workload::OpKind::kRun;
      break;
    case Step::kSleep:
      op.kind = workload::OpKind::kSleep;
      break;
    case Step::kLock:
      op.kind = workload::OpKind::kLock;
      break;
    case Step::kUnlock:
      op.kind = workload::OpKind::kUnlock;
      break;
  }
  return op;
}

// An event of an rt-app file; the number makes the key unique, as rt-app's own parser wants it.
std::string event_of(const Instruction& instruction, std::size_t number) {
  switch (instruction.step) {
    case Step::kRun:
      return fmt::format(R"("run{}": {})", number, microseconds(instruction.ns));
    case Step::kSleep:
      return fmt::format(R"("sleep{}": {})", number, microseconds(instruction.ns));
    case Step::kLock:
      return fmt::format(R"("lock{}": "m{}")", number, instruction.lock);
    case Step::kUnlock:
      break;
  }
  return fmt::format(R"("unlock{}": "m{}")", number, instruction.lock);
}

}  // namespace

TaskSet random_set(std::uint64_t seed, const SetOptions& options) {
  return Generator(seed, options).make();
}

workload::Workload workload_of(const TaskSet& set) {
  workload::Workload workload;
  workload.files.push_back("random set");
  workload.cpus = 1;
  for (int lock = 0; lock < set.locks; ++lock) {
    workload.locks.push_back({fmt::format("m{}", lock), std::nullopt, std::nullopt, {}});
  }
  for (std::size_t i = 0; i < set.tasks.size(); ++i) {
    workload::TaskSpec task;
    task.name = fmt::format("T{}", i);
    task.params = policy::RealtimeParams{set.tasks[i].priority, false};
    task.delay_ns = set.tasks[i].arrival;
    workload::Phase phase;
    for (const Instruction& step : set.tasks[i].program) phase.ops.push_back(op_of(step));
    task.phases.push_back(std::move(phase));
    workload.tasks.push_back(std::move(task));
  }
  return workload;
}

std::string rtapp_json(const TaskSet& set) {
  std::string text = R"({
  "global": {"duration": -1, "px": {"cpus": 1}},
  "tasks": {)";
  for (std::size_t i = 0; i < set.tasks.size(); ++i) {
    const RefTask& task = set.tasks[i];
    text += fmt::format(R"({}
    "T{}": {{"policy": "SCHED_FIFO", "priority": {}, "delay": {}, "loop": 1)",
                        i == 0 ? "" : ",", i, task.priority, microseconds(task.arrival));
    for (std::size_t step = 0; step < task.program.size(); ++step) {
      text += ", ";
      text += event_of(task.program[step], step);
    }
    text += '}';
  }
  text += "\n  }\n}\n";
  return text;
}

}  // namespace px::oracle
