// For tests of the core: tasks as lambdas on virtual CPUs, with every invariant checked after every
// phase, and what happened as a list of (cpu, start, end, executing task, paying task).
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

#include "sim/simulator.hpp"

namespace px::core {

// Times are in ns and small: one unit of a hand-drawn timeline.
using Seg = std::tuple<int, Nanos, Nanos, std::string, std::string>;
using Segs = std::vector<Seg>;

class TestLab {
 public:
  using Simulator = sim::Simulator;
  using Task = Simulator::Task;
  using Mutex = Simulator::Mutex;

  explicit TestLab(int cpus = 1, bool proxy = true) : TestLab(make_options(cpus, proxy)) {}
  // What is checked and how many tasks there may be is the lab's; the rest of `options` counts.
  explicit TestLab(sim::SimulatorOptions options) : cpus_(options.cpus) {
    options.max_tasks = 64;
    options.check_invariants = true;
    options.on_violation = [this](const ViolationReport& v) {
      throw std::runtime_error("invariant " + std::to_string(v.number) + " (" + v.name + ") at " +
                               std::to_string(simulator->now()) + ": " + v.message);
    };
    simulator =
        std::make_unique<Simulator>(options, [this](const trace::Event& event) { on(event); });
  }

  // A SCHED_FIFO task; CPUs: all.
  Task& fifo(const char* name, int priority, Nanos start, std::function<void()> body) {
    return fifo_on(CpuMask::first(cpus_), name, priority, start, std::move(body));
  }
  Task& fifo_on(const CpuMask& mask, const char* name, int priority, Nanos start,
                std::function<void()> body) {
    return spawn(name, policy::RealtimeParams{priority, false}, mask, start, std::move(body));
  }
  Task& spawn(const char* name, const policy::Params& params, const CpuMask& mask, Nanos start,
              std::function<void()> body) {
    names_.emplace_back(name);
    auto wrapped = [this, name, inner = std::move(body)] {
      inner();
      finished[name] = simulator->now();
    };
    return simulator->spawn(name, params, mask & CpuMask::first(cpus_), start, std::move(wrapped));
  }

  // --- For bodies. Those that settle start when the instant has; `_now` means at once, as part of
  // the completion before.

  void work(Nanos ns) {
    simulator->settle();
    simulator->consume(ns);
  }
  void sleep(Nanos ns) { (void)simulator->scheduler().sleep_until(simulator->now() + ns); }
  void yield() { simulator->scheduler().yield(); }
  WaitEnd lock_now(Mutex& mutex, Nanos until = kNever) {
    return mutex.lock(simulator->scheduler(), simulator->current(), until);
  }
  WaitEnd lock_until(Mutex& mutex, Nanos until) {
    simulator->settle();
    return lock_now(mutex, until);
  }
  void lock(Mutex& mutex) { EXPECT_EQ(lock_until(mutex, kNever), WaitEnd::kGranted); }
  bool try_lock(Mutex& mutex) { return mutex.try_lock(simulator->current()); }
  void unlock(Mutex& mutex) {
    EXPECT_TRUE(mutex.unlock(simulator->scheduler(), simulator->current()));
  }
  WaitEnd join(Task& task, Nanos until = kNever) {
    simulator->settle();
    return simulator->scheduler().join(task, until);
  }

  // Runs to the end (of everybody, unless given).
  void run(Nanos end = kNever) {
    simulator->run(end);
    for (auto& [cpu, open] : open_) close(cpu, simulator->now());
    EXPECT_FALSE(simulator->dead_end());
  }

  [[nodiscard]] ProxyCounters counters() const {
    ProxyCounters sum;
    for (int cpu = 0; cpu < cpus_; ++cpu) {
      const auto& one = simulator->scheduler().rq(cpu).proxy;
      sum.parks += one.parks;
      sum.links += one.links;
      sum.migrations += one.migrations;
      sum.cycles += one.cycles;
      sum.handoffs += one.handoffs;
      sum.starvation_handoffs += one.starvation_handoffs;
    }
    return sum;
  }
  // The segments of one CPU.
  [[nodiscard]] Segs on_cpu(int cpu) const {
    Segs result;
    for (const auto& segment : segments) {
      if (std::get<0>(segment) == cpu) result.push_back(segment);
    }
    return result;
  }

  std::unique_ptr<Simulator> simulator;
  Segs segments;
  std::map<std::string, Nanos> finished;

 private:
  static sim::SimulatorOptions make_options(int cpus, bool proxy) {
    sim::SimulatorOptions options;
    options.cpus = cpus;
    options.proxy_exec = proxy;
    return options;
  }

  struct Open {
    Nanos start = 0;
    std::string exec;
    std::string donor;
  };

  void close(int cpu, Nanos now) {
    const auto& open = open_[cpu];
    if (open.exec.empty() || open.start == now) return;
    for (auto at = segments.rbegin(); at != segments.rend(); ++at) {
      auto& [last_cpu, start, end, exec, donor] = *at;
      if (last_cpu != cpu) continue;
      if (end == open.start && exec == open.exec && donor == open.donor) {
        end = now;
        return;
      }
      break;
    }
    segments.emplace_back(cpu, open.start, now, open.exec, open.donor);
  }
  void on(const trace::Event& event) {
    if (event.kind != trace::EventKind::kSwitch) return;
    close(event.cpu, event.time_ns);
    const auto name = [&](std::uint32_t id) {
      return id < names_.size() ? names_[id] : std::string();
    };
    open_[event.cpu] = {event.time_ns, name(event.task), name(event.other)};
  }

  int cpus_;
  std::vector<std::string> names_;
  std::map<int, Open> open_;
};

}  // namespace px::core
