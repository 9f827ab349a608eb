// Goal: Metrics agrees with the definitions of docs/formats/result.md on runs that nobody wrote.
// Method: a small random scheduler emits streams of events that obey event.hpp; an oracle answers
// "what was the case at instant t?" by searching the whole stream for the last event that says so,
// and sums over every elementary interval. The oracle shares no code and no state with Metrics and
// takes quadratic time. A failure names its seed.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <map>
#include <set>
#include <tuple>
#include <vector>

#include "base/prng.hpp"
#include "trace/metrics.hpp"

namespace px::trace {
namespace {

using enum EventKind;

struct Shape {
  int cpus = 2;
  std::uint32_t tasks = 5;
  std::uint32_t locks = 3;
  int steps = 3000;
};

std::vector<MetricsTask> random_tasks(const Shape& shape, Prng& prng) {
  std::vector<MetricsTask> tasks(shape.tasks);
  for (MetricsTask& task : tasks) {
    task.fair = prng.chance(30);
    task.rank = task.fair ? 1 : prng.between(2, 6);
    task.affinity = CpuMask::first(shape.cpus);
    if (prng.chance(30))
      task.affinity = CpuMask::only(static_cast<int>(prng.between(0, shape.cpus - 1)));
  }
  return tasks;
}

// Emits a legal stream of events: at each step something random that could happen does.
class RandomScheduler {
 public:
  RandomScheduler(const Shape& shape, std::uint64_t seed)
      : shape_(shape),
        prng_(seed),
        tasks_(shape.tasks),
        owner_(shape.locks, kNoTask),
        exec_(static_cast<std::size_t>(shape.cpus), kIdleTask) {}

  std::vector<Event> run() {
    for (int i = 0; i < shape_.steps; ++i) {
      if (prng_.chance(60)) now_ += prng_.between(1, 9);
      step();
    }
    return std::move(events_);
  }
  [[nodiscard]] Nanos now() const { return now_; }

 private:
  enum class State { kAsleep, kRunnable, kRunning, kBlocked, kEnded };
  struct Task {
    State state = State::kAsleep;
    std::uint32_t wants = kNoTask;  // lock whose call is in progress
    std::uint16_t cpu = 0;
  };

  std::uint32_t any(std::uint32_t count) {
    return static_cast<std::uint32_t>(prng_.between(0, std::int64_t{count} - 1));
  }
  void emit(EventKind kind, std::uint16_t cpu, std::uint32_t task, std::uint32_t other = kNoTask,
            std::uint32_t lock = kNoTask) {
    events_.push_back({now_, kind, cpu, task, other, lock == kNoTask ? 0 : lock + 1});
  }

  void step() {
    const std::uint32_t t = any(shape_.tasks);
    Task& task = tasks_[t];
    switch (task.state) {
      case State::kAsleep:
        task.state = State::kRunnable;
        emit(kWake, 0, t, 0);
        break;
      case State::kRunnable:
        reschedule(static_cast<std::uint16_t>(any(static_cast<std::uint32_t>(shape_.cpus))));
        break;
      case State::kRunning:
        act(t);
        break;
      case State::kBlocked:
        if (prng_.chance(10)) emit(kMigrate, 0, t, 0);
        if (prng_.chance(10)) end_wait_early(t);
        break;
      case State::kEnded:
        break;
    }
    if (prng_.chance(5)) {
      const bool fair = prng_.chance(30);
      const auto rank = static_cast<std::uint32_t>(fair ? 1 : prng_.between(2, 6));
      events_.push_back({now_, kRank, 0, t, rank, fair ? 1U : 0U});
    }
  }

  // What a running task may do next.
  void act(std::uint32_t t) {
    Task& task = tasks_[t];
    if (task.wants != kNoTask) {  // its wait is over: take the lock, wait on, or give up
      const std::uint32_t lock = task.wants;
      if (prng_.chance(20)) {
        emit(kAbandon, task.cpu, t, kNoTask, lock);
        task.wants = kNoTask;
      } else if (owner_[lock] == kNoTask || owner_[lock] == t) {
        owner_[lock] = t;
        task.wants = kNoTask;
        emit(kAcquire, task.cpu, t, 1, lock);
      } else {
        wait_for(t, lock);
      }
      return;
    }
    const std::uint32_t lock = any(shape_.locks);
    const std::int64_t dice = prng_.between(0, 99);
    if (dice < 60 && owner_[lock] == t) {
      unlock(t, lock);
    } else if (dice < 60 && owner_[lock] == kNoTask) {
      owner_[lock] = t;
      emit(kAcquire, task.cpu, t, 0, lock);
    } else if (dice < 60) {
      if (prng_.chance(30)) {
        emit(kContend, task.cpu, t, owner_[lock], lock);
        task.wants = lock;
      } else {
        wait_for(t, lock);
      }
    } else if (dice < 75) {
      task.state = State::kAsleep;
      emit(kSleep, task.cpu, t);
      reschedule(task.cpu);
    } else if (dice < 76 && holds_nothing(t)) {
      task.state = State::kEnded;
      emit(kExit, task.cpu, t);
      reschedule(task.cpu);
    } else {
      reschedule(task.cpu);
    }
  }

  [[nodiscard]] bool holds_nothing(std::uint32_t t) const {
    return std::find(owner_.begin(), owner_.end(), t) == owner_.end();
  }

  void wait_for(std::uint32_t t, std::uint32_t lock) {
    tasks_[t].wants = lock;
    tasks_[t].state = State::kBlocked;
    emit(kBlock, tasks_[t].cpu, t, owner_[lock], lock);
    if (prng_.chance(20)) emit(kSleep, tasks_[t].cpu, t);  // leaves the runqueue, waits on
    reschedule(tasks_[t].cpu);
  }

  void unlock(std::uint32_t t, std::uint32_t lock) {
    std::vector<std::uint32_t> waiters;
    for (std::uint32_t w = 0; w < shape_.tasks; ++w) {
      if (tasks_[w].state == State::kBlocked && tasks_[w].wants == lock) waiters.push_back(w);
    }
    owner_[lock] = kNoTask;
    if (waiters.empty() || prng_.chance(10)) {
      emit(kRelease, tasks_[t].cpu, t, kNoTask, lock);
      return;
    }
    const std::uint32_t next = waiters[any(static_cast<std::uint32_t>(waiters.size()))];
    if (prng_.chance(50)) {
      owner_[lock] = next;
      emit(kHandoff, tasks_[t].cpu, t, next, lock);
    } else {
      emit(kRelease, tasks_[t].cpu, t, kNoTask, lock);
      if (prng_.chance(50)) emit(kUnblock, tasks_[t].cpu, next, kNoTask, lock);
    }
    emit(kWake, tasks_[t].cpu, next, 0);
    tasks_[next].state = State::kRunnable;
  }

  void end_wait_early(std::uint32_t t) {
    tasks_[t].state = State::kRunnable;
    emit(kUnblock, 0, t, kNoTask, tasks_[t].wants);
  }

  // The end of the chain of a blocked task if it may be run on this CPU; else kNoTask.
  [[nodiscard]] std::uint32_t proxy_for(std::uint32_t t, std::uint16_t cpu) const {
    std::uint32_t at = t;
    for (std::uint32_t hops = 0; hops <= shape_.tasks; ++hops) {
      if (tasks_[at].state != State::kBlocked) {
        const bool here = tasks_[at].state == State::kRunning && tasks_[at].cpu == cpu;
        return here || tasks_[at].state == State::kRunnable ? at : kNoTask;
      }
      at = owner_[tasks_[at].wants];
      if (at == kNoTask) return kNoTask;
    }
    return kNoTask;
  }

  void reschedule(std::uint16_t cpu) {
    std::uint32_t& exec = exec_[cpu];
    std::uint32_t next = kIdleTask;
    std::uint32_t donor = kIdleTask;
    for (int attempt = 0; attempt < 3 && next == kIdleTask; ++attempt) {
      const std::uint32_t candidate = any(shape_.tasks);
      const State state = tasks_[candidate].state;
      const bool here = state == State::kRunning && tasks_[candidate].cpu == cpu;
      if (state == State::kRunnable || here) {
        next = donor = candidate;
      } else if (state == State::kBlocked) {
        const std::uint32_t end = proxy_for(candidate, cpu);
        if (end != kNoTask) {
          next = end;
          donor = candidate;
        }
      }
    }
    if (exec < shape_.tasks && exec != next && tasks_[exec].state == State::kRunning) {
      tasks_[exec].state = State::kRunnable;
    }
    if (next != kIdleTask) tasks_[next] = {State::kRunning, tasks_[next].wants, cpu};
    exec = next;
    emit(kSwitch, cpu, next, donor);
  }

  Shape shape_;
  Prng prng_;
  std::vector<Task> tasks_;
  std::vector<std::uint32_t> owner_;
  std::vector<std::uint32_t> exec_;
  std::vector<Event> events_;
  Nanos now_ = 0;
};

// Answers by search. "After i" means: when the events 0 .. i-1 have happened.
class Oracle {
 public:
  Oracle(Shape shape, const std::vector<MetricsTask>& tasks, const std::vector<Event>& events)
      : shape_(shape), initial_(tasks), events_(events) {}

  [[nodiscard]] std::pair<std::uint32_t, std::uint32_t> on_cpu(std::size_t i, int cpu) const {
    while (i-- > 0) {
      const Event& e = events_[i];
      if (e.kind == kSwitch && e.cpu == cpu) return {e.task, e.other};
    }
    return {kIdleTask, kIdleTask};
  }
  // The lock (index) that the task waits for, or kNoLock.
  [[nodiscard]] std::uint32_t waits_for(std::size_t i, std::uint32_t task) const {
    while (i-- > 0) {
      const Event& e = events_[i];
      if (e.kind == kHandoff && e.other == task) return kNoLock;
      if (e.task != task) continue;
      if (e.kind == kBlock) return e.lock - 1;
      if (e.kind == kWake || e.kind == kUnblock || e.kind == kAcquire || e.kind == kSwitch ||
          e.kind == kAbandon || e.kind == kExit) {
        return kNoLock;
      }
    }
    return kNoLock;
  }
  [[nodiscard]] std::uint32_t owner(std::size_t i, std::uint32_t lock) const {
    while (i-- > 0) {
      const Event& e = events_[i];
      if (e.lock != lock + 1) continue;
      if (e.kind == kAcquire) return e.task;
      if (e.kind == kHandoff) return e.other;
      if (e.kind == kRelease) return kNoTask;
    }
    return kNoTask;
  }
  [[nodiscard]] bool running(std::size_t i, std::uint32_t task) const {
    for (int cpu = 0; cpu < shape_.cpus; ++cpu) {
      if (on_cpu(i, cpu).first == task) return true;
    }
    return false;
  }
  // Queued, neither blocked nor running.
  [[nodiscard]] bool runnable(std::size_t i, std::uint32_t task) const {
    if (running(i, task) || waits_for(i, task) != kNoLock) return false;
    while (i-- > 0) {
      const Event& e = events_[i];
      if (e.kind == kHandoff && e.other == task) return true;
      if (e.task != task) continue;
      if (e.kind == kWake || e.kind == kUnblock || e.kind == kSwitch) return true;
      // A waiter that leaves the runqueue is queued again when its wait ends.
      if (e.kind == kExit || e.kind == kSleep) return false;
    }
    return false;
  }
  [[nodiscard]] std::pair<std::int64_t, bool> rank(std::size_t i, std::uint32_t task) const {
    while (i-- > 0) {
      const Event& e = events_[i];
      if (e.kind == kRank && e.task == task) return {std::int64_t{e.other}, e.lock == 1};
    }
    return {initial_[task].rank, initial_[task].fair};
  }
  // The tasks of the chain from `task`, the end last; `locks` along it. Empty for a cycle.
  struct Chain {
    std::vector<std::uint32_t> tasks;
    std::vector<std::uint32_t> locks;
    bool has_end = false;
  };
  [[nodiscard]] Chain chain(std::size_t i, std::uint32_t task) const {
    Chain chain;
    std::set<std::uint32_t> seen;
    for (;;) {
      if (!seen.insert(task).second) return {};
      chain.tasks.push_back(task);
      const std::uint32_t lock = waits_for(i, task);
      if (lock == kNoLock) break;
      chain.locks.push_back(lock);
      task = owner(i, lock);
      if (task == kNoTask) return chain;
    }
    chain.has_end = true;
    return chain;
  }
  [[nodiscard]] bool inverted(std::size_t i, std::uint32_t task) const {
    if (waits_for(i, task) == kNoLock) return false;
    const Chain links = chain(i, task);
    if (!links.has_end || !runnable(i, links.tasks.back())) return false;
    const std::int64_t own = rank(i, task).first;
    const bool fair = rank(i, task).second;
    for (int cpu = 0; cpu < shape_.cpus; ++cpu) {
      if (!initial_[links.tasks.back()].affinity.has(cpu)) continue;
      const std::uint32_t donor = on_cpu(i, cpu).second;
      if (donor == kIdleTask) continue;
      const bool in_chain =
          std::find(links.tasks.begin(), links.tasks.end(), donor) != links.tasks.end();
      if (fair ? in_chain : rank(i, donor).first >= own) return false;
    }
    return true;
  }

 private:
  Shape shape_;
  const std::vector<MetricsTask>& initial_;
  const std::vector<Event>& events_;
};

// The numbers of one task or lock that are sums or maxima over the run.
struct Sums {
  std::map<std::uint32_t, Nanos> executed, charged, donated, received, blocked, runnable, inversion;
  std::map<std::uint32_t, std::uint64_t> max_chain;
  std::vector<std::tuple<Nanos, int, Nanos, std::uint32_t, std::uint32_t>> segments;
};

Sums sums_of(const Shape& shape, const Oracle& oracle, const std::vector<Event>& events,
             Nanos end) {
  Sums sums;
  for (std::size_t i = 1; i <= events.size(); ++i) {
    for (std::uint32_t task = 0; task < shape.tasks; ++task) {
      const Oracle::Chain chain = oracle.chain(i, task);
      if (chain.locks.empty()) continue;
      std::uint64_t& longest = sums.max_chain[chain.locks.back()];
      longest = std::max<std::uint64_t>(longest, chain.locks.size());
    }
    const Nanos from = events[i - 1].time_ns;
    const Nanos to = i < events.size() ? events[i].time_ns : end;
    if (from == to) continue;
    for (std::uint32_t task = 0; task < shape.tasks; ++task) {
      if (oracle.waits_for(i, task) != kNoLock) sums.blocked[task] += to - from;
      if (oracle.runnable(i, task)) sums.runnable[task] += to - from;
      if (oracle.inverted(i, task)) sums.inversion[task] += to - from;
    }
    for (int cpu = 0; cpu < shape.cpus; ++cpu) {
      const auto pair = oracle.on_cpu(i, cpu);
      if (pair.first == kIdleTask) continue;
      sums.executed[pair.first] += to - from;
      sums.charged[pair.second] += to - from;
      if (pair.first != pair.second) {
        sums.received[pair.first] += to - from;
        sums.donated[pair.second] += to - from;
      }
      const auto touches = std::find_if(sums.segments.begin(), sums.segments.end(), [&](auto& s) {
        return std::get<1>(s) == cpu && std::get<2>(s) == from && std::get<3>(s) == pair.first &&
               std::get<4>(s) == pair.second;
      });
      if (touches != sums.segments.end()) {
        std::get<2>(*touches) = to;
      } else {
        sums.segments.emplace_back(from, cpu, to, pair.first, pair.second);
      }
    }
  }
  std::sort(sums.segments.begin(), sums.segments.end());
  return sums;
}

// Lengths of the lock calls of one task, in the order of their beginnings.
std::vector<Nanos> lock_calls(const std::vector<Event>& events, std::uint32_t task, Nanos end) {
  std::vector<Nanos> calls;
  bool open = false;
  Nanos start = 0;
  for (const Event& e : events) {
    if (e.task != task) continue;
    const bool ends = e.kind == kAcquire || e.kind == kAbandon;
    if ((e.kind == kBlock || e.kind == kContend) && !open) {
      open = true;
      start = e.time_ns;
    } else if (ends) {
      calls.push_back(open ? e.time_ns - start : 0);
      open = false;
    }
  }
  if (open) calls.push_back(end - start);
  return calls;
}

Nanos longest_hold(const std::vector<Event>& events, std::uint32_t lock, Nanos end) {
  Nanos longest = 0;
  for (std::size_t i = 0; i < events.size(); ++i) {
    const Event& e = events[i];
    if (e.lock != lock + 1 || (e.kind != kAcquire && e.kind != kHandoff)) continue;
    const std::uint32_t owner = e.kind == kAcquire ? e.task : e.other;
    const auto over = std::find_if(events.begin() + static_cast<std::ptrdiff_t>(i) + 1,
                                   events.end(), [&](const Event& later) {
                                     return later.lock == lock + 1 && later.task == owner &&
                                            (later.kind == kRelease || later.kind == kHandoff);
                                   });
    longest = std::max(longest, (over == events.end() ? end : over->time_ns) - e.time_ns);
  }
  return longest;
}

class RandomStreams : public testing::TestWithParam<std::uint64_t> {};

void expect_equal_tasks(const RunResult& result, const Sums& sums, const std::vector<Event>& events,
                        Nanos end) {
  const auto of = [](const std::map<std::uint32_t, Nanos>& sum, std::uint32_t task) {
    const auto found = sum.find(task);
    return found == sum.end() ? 0 : found->second;
  };
  for (std::uint32_t i = 0; i < result.tasks.size(); ++i) {
    const TaskResult& task = result.tasks[i];
    EXPECT_EQ(task.executed_ns, of(sums.executed, i)) << i;
    EXPECT_EQ(task.charged_ns, of(sums.charged, i)) << i;
    EXPECT_EQ(task.donated_ns, of(sums.donated, i)) << i;
    EXPECT_EQ(task.received_ns, of(sums.received, i)) << i;
    EXPECT_EQ(task.charged_ns - task.donated_ns, task.executed_ns - task.received_ns) << i;
    EXPECT_EQ(task.blocked_ns, of(sums.blocked, i)) << i;
    EXPECT_EQ(task.runnable_ns, of(sums.runnable, i)) << i;
    EXPECT_EQ(task.inversion_ns, of(sums.inversion, i)) << i;
    std::vector<Nanos> calls = lock_calls(events, i, end);
    std::sort(calls.begin(), calls.end());
    EXPECT_EQ(task.lock_wait.count, calls.size()) << i;
    if (calls.empty()) continue;
    EXPECT_EQ(task.lock_wait.max, calls.back()) << i;
    EXPECT_EQ(task.lock_wait.p50, calls[(calls.size() + 1) / 2 - 1]) << i;
  }
}

TEST_P(RandomStreams, AgreeWithTheDefinitions) {
  Prng prng(GetParam());
  Shape shape;
  shape.cpus = static_cast<int>(prng.between(1, 3));
  shape.tasks = static_cast<std::uint32_t>(prng.between(2, 6));
  shape.locks = static_cast<std::uint32_t>(prng.between(1, 4));
  const std::vector<MetricsTask> tasks = random_tasks(shape, prng);
  RandomScheduler scheduler(shape, prng.next());
  const std::vector<Event> events = scheduler.run();
  const Nanos end = scheduler.now() + 3;

  Metrics metrics(tasks, std::vector<std::string>(shape.locks, "m"), {shape.cpus, true, true, -1});
  for (const Event& event : events) metrics.on_event(event);
  const RunResult result = metrics.finish(end);

  const Oracle oracle(shape, tasks, events);
  const Sums sums = sums_of(shape, oracle, events, end);
  expect_equal_tasks(result, sums, events, end);
  ASSERT_EQ(result.segments.size(), sums.segments.size());
  for (std::size_t i = 0; i < result.segments.size(); ++i) {
    const Segment& s = result.segments[i];
    EXPECT_EQ(std::make_tuple(s.start_ns, s.cpu, s.end_ns, s.exec, s.donor), sums.segments[i]) << i;
  }
  for (std::uint32_t lock = 0; lock < shape.locks; ++lock) {
    const auto longest = sums.max_chain.find(lock);
    EXPECT_EQ(result.locks[lock].max_chain, longest == sums.max_chain.end() ? 0 : longest->second)
        << lock;
    EXPECT_EQ(result.locks[lock].max_hold_ns, longest_hold(events, lock, end)) << lock;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomStreams, testing::Range<std::uint64_t>(1, 61));

// The streams are worth the name: across the seeds every rare thing happens.
TEST(RandomStreamsThemselves, ReachEveryKindOfEvent) {
  std::set<EventKind> kinds;
  Nanos inversion = 0;
  Nanos donated = 0;
  std::uint64_t longest = 0;
  for (std::uint64_t seed = 1; seed < 20; ++seed) {
    Prng prng(seed);
    const Shape shape;
    const std::vector<MetricsTask> tasks = random_tasks(shape, prng);
    RandomScheduler scheduler(shape, prng.next());
    Metrics metrics(tasks, std::vector<std::string>(shape.locks, "m"),
                    {shape.cpus, true, true, -1});
    for (const Event& event : scheduler.run()) {
      kinds.insert(event.kind);
      metrics.on_event(event);
    }
    const RunResult result = metrics.finish(scheduler.now());
    for (const TaskResult& task : result.tasks) {
      inversion += task.inversion_ns;
      donated += task.donated_ns;
    }
    for (const LockResult& lock : result.locks) longest = std::max(longest, lock.max_chain);
  }
  EXPECT_EQ(kinds.size(), 13U);
  EXPECT_GT(inversion, 0);
  EXPECT_GT(donated, 0);
  EXPECT_GE(longest, 3U);
}

}  // namespace
}  // namespace px::trace
