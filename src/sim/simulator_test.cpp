// Goal: the core, run by the simulator, schedules and proxies as the table of find_proxy_task says.
// Method: small programs with schedules derived by hand (stated at each test), compared to the
// nanosecond as lists of (cpu, start, end, executing task, paying task).
#include "sim/simulator.hpp"

#include <gtest/gtest.h>

#include <map>
#include <string>

namespace px::sim {
namespace {

using Seg = std::tuple<int, Nanos, Nanos, std::string, std::string>;

// Runs task bodies and records who ran when on whose context.
class Lab {
 public:
  explicit Lab(int cpus = 1, bool proxy = true) {
    SimulatorOptions options;
    options.cpus = cpus;
    options.proxy_exec = proxy;
    options.max_tasks = 64;
    cpus_ = cpus;
    simulator = std::make_unique<Simulator>(options, [this](const trace::Event& e) { on(e); });
  }
  void fifo(const char* name, int priority, Nanos start, std::function<void()> body,
            CpuMask mask = CpuMask::first(64)) {
    simulator->spawn(name, policy::RealtimeParams{priority, false}, mask & CpuMask::first(cpus_),
                     start, wrap(name, std::move(body)));
    names_.emplace_back(name);
  }
  void fair(const char* name, int nice, Nanos start, std::function<void()> body,
            CpuMask mask = CpuMask::first(64)) {
    policy::FairParams params;
    params.nice = nice;
    simulator->spawn(name, params, mask & CpuMask::first(cpus_), start,
                     wrap(name, std::move(body)));
    names_.emplace_back(name);
  }
  void lock(Simulator::Mutex& m) {
    simulator->settle();
    ASSERT_EQ(m.lock(simulator->scheduler(), simulator->current()), core::WaitEnd::kGranted);
  }
  void unlock(Simulator::Mutex& m) {
    ASSERT_TRUE(m.unlock(simulator->scheduler(), simulator->current()));
  }
  void work(Nanos ns) {
    simulator->settle();
    simulator->consume(ns);
  }
  void sleep(Nanos ns) {
    simulator->settle();
    simulator->scheduler().sleep_until(simulator->now() + ns);
  }
  void run(Nanos end = kNever) {
    simulator->run(end);
    for (auto& [cpu, s] : open_) close(cpu, simulator->now());
  }

  std::unique_ptr<Simulator> simulator;
  std::vector<Seg> segments;
  std::map<std::string, Nanos> finished;

 private:
  std::function<void()> wrap(const char* name, std::function<void()> body) {
    return [this, name, body = std::move(body)] {
      body();
      finished[name] = simulator->now();
    };
  }
  void close(int cpu, Nanos now) {
    auto& [start, exec, donor] = open_[cpu];
    if (exec.empty() || start == now) return;
    if (!segments.empty()) {
      auto& [c, s, e, x, d] = segments.back();
      if (c == cpu && e == start && x == exec && d == donor) {
        e = now;
        return;
      }
    }
    segments.emplace_back(cpu, start, now, exec, donor);
  }
  void on(const trace::Event& e) {
    if (e.kind != trace::EventKind::kSwitch) return;
    close(e.cpu, e.time_ns);
    const auto name = [&](std::uint32_t id) {
      return id < names_.size() ? names_[id] : std::string();
    };
    open_[e.cpu] = {e.time_ns, name(e.task), name(e.other)};
  }

  int cpus_ = 1;
  std::vector<std::string> names_;
  std::map<int, std::tuple<Nanos, std::string, std::string>> open_;
};

// L takes m at 1 and needs 4 in it; M (middle rank) arrives at 2 with 6 of work; H arrives at 3,
// works 1, wants m for 1, works 1. Derived: without a cure M runs to 8 and H ends at 14; with one H
// ends at 9, M at 14, L at 15.
void inversion(Lab& lab, Simulator::Mutex& m) {
  lab.fifo("L", 1, 0, [&] {
    lab.work(1);
    lab.lock(m);
    lab.work(4);
    lab.unlock(m);
    lab.work(1);
  });
  lab.fifo("M", 2, 2, [&] { lab.work(6); });
  lab.fifo("H", 3, 3, [&] {
    lab.work(1);
    lab.lock(m);
    lab.work(1);
    lab.unlock(m);
    lab.work(1);
  });
}

TEST(Simulator, TextbookInversionWithProxy) {
  Lab lab;
  Simulator::Mutex m;
  inversion(lab, m);
  lab.run();
  const std::vector<Seg> expected = {
      {0, 0, 2, "L", "L"}, {0, 2, 3, "M", "M"},  {0, 3, 4, "H", "H"},  {0, 4, 7, "L", "H"},
      {0, 7, 9, "H", "H"}, {0, 9, 14, "M", "M"}, {0, 14, 15, "L", "L"}};
  EXPECT_EQ(lab.segments, expected);
}

TEST(Simulator, TextbookInversionWithout) {
  Lab lab(1, false);
  Simulator::Mutex m;
  inversion(lab, m);
  lab.run();
  EXPECT_EQ(lab.finished["H"], 14);
  EXPECT_EQ(lab.finished["M"], 9);
  EXPECT_EQ(lab.finished["L"], 15);
}

TEST(Simulator, DeadlockIsReportedToTheTaskThatClosesIt) {
  Lab lab;
  Simulator::Mutex a;
  Simulator::Mutex b;
  core::WaitEnd end = core::WaitEnd::kNone;
  lab.fifo("A", 1, 0, [&] {
    lab.lock(a);
    lab.work(5);
    end = b.lock(lab.simulator->scheduler(), lab.simulator->current());
    lab.unlock(a);
  });
  lab.fifo("B", 2, 1, [&] {
    lab.lock(b);
    lab.work(1);
    lab.lock(a);
    lab.unlock(a);
    lab.unlock(b);
  });
  lab.run();
  EXPECT_EQ(end, core::WaitEnd::kDeadlock);
  EXPECT_EQ(lab.finished.size(), 2U);
  EXPECT_FALSE(lab.simulator->dead_end());
}

// The owner L sleeps 3 inside its section: H parks on it and lends again the moment it wakes, so
// that M (middle) does not run before L.
TEST(Simulator, SleepingOwnerIsLentToAgainWhenItWakes) {
  Lab lab;
  Simulator::Mutex m;
  lab.fifo("L", 1, 0, [&] {
    lab.lock(m);
    lab.work(1);
    lab.sleep(3);
    lab.work(2);
    lab.unlock(m);
  });
  lab.fifo("M", 2, 2, [&] { lab.work(10); });
  lab.fifo("H", 3, 2, [&] {
    lab.lock(m);
    lab.work(1);
    lab.unlock(m);
  });
  lab.run();
  EXPECT_EQ(lab.finished["H"], 7);
  const std::vector<Seg> expected = {{0, 0, 1, "L", "L"},
                                     {0, 2, 4, "M", "M"},
                                     {0, 4, 6, "L", "H"},
                                     {0, 6, 7, "H", "H"},
                                     {0, 7, 15, "M", "M"}};
  EXPECT_EQ(lab.segments, expected);
}

// G20: L@0 holds m, M@0 arrives, H@1 wants m. H's context moves to CPU 0 and comes home.
TEST(Simulator, DonorMigratesToTheOwnerAndReturns) {
  Lab lab(2);
  Simulator::Mutex m;
  const auto on0 = CpuMask::only(0);
  lab.fifo(
      "L", 1, 0,
      [&] {
        lab.work(1);
        lab.lock(m);
        lab.work(4);
        lab.unlock(m);
        lab.work(1);
      },
      on0);
  lab.fifo(
      "M", 2, 2, [&] { lab.work(6); }, on0);
  lab.fifo(
      "H", 3, 3,
      [&] {
        lab.work(1);
        lab.lock(m);
        lab.work(1);
        lab.unlock(m);
        lab.work(1);
      },
      CpuMask::only(1));
  lab.run();
  EXPECT_EQ(lab.finished["L"], 12);
  EXPECT_EQ(lab.finished["M"], 11);
  EXPECT_EQ(lab.finished["H"], 9);
}

// While L runs for the blocked H, neither is pushable, and M, queued, is; afterwards H and L are
// again ordinary tasks: whichever is queued and does not run is pushable.
TEST(Simulator, OwnerAndDonorArePushableOnlyWhenProxyingIsOver) {
  Lab lab;
  Simulator::Mutex m;
  std::map<std::string, Simulator::Task*> tasks;
  const auto me = [&](const char* name) { tasks[name] = &lab.simulator->current(); };
  const auto pushable = [&](const char* name) {
    return lab.simulator->scheduler().pushable(lab.simulator->scheduler().rq(0), *tasks.at(name));
  };
  lab.fifo("L", 1, 0, [&] {
    me("L");
    lab.lock(m);
    lab.work(5);
    EXPECT_FALSE(pushable("L"));  // runs
    EXPECT_FALSE(pushable("H"));  // pays
    EXPECT_TRUE(pushable("M"));
    lab.unlock(m);
    lab.work(1);
  });
  lab.fifo("M", 2, 1, [&] {
    me("M");
    lab.work(2);
  });
  lab.fifo("H", 3, 2, [&] {
    me("H");
    lab.lock(m);
    EXPECT_TRUE(pushable("L"));  // the boost is over, and it is back on the list
    EXPECT_TRUE(pushable("M"));
    EXPECT_FALSE(pushable("H"));
    lab.work(1);
    lab.unlock(m);
  });
  lab.run();
  EXPECT_EQ(lab.finished.size(), 3U);
}

}  // namespace
}  // namespace px::sim
