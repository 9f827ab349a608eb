// Goal: fair tasks that wait go where less is to do, by weight, near ones first, and only if that
// pays; wake placement prefers idle CPUs, near ones first.
// Method: fair tasks on virtual CPUs; each outcome is derived by hand at its test. Times are in
// milliseconds where the balance interval (4 ms) matters.
#include "sim/test_lab.hpp"

namespace px::core {
namespace {

CpuMask cpus(std::initializer_list<int> list) {
  CpuMask mask;
  for (const int cpu : list) mask.add(cpu);
  return mask;
}

policy::FairParams nice(int value) {
  policy::FairParams params;
  params.nice = value;
  return params;
}

// A CPU that falls idle at 2 takes one of the two that share the other one.
TEST(FairBalance, ANewlyIdleCpuPulls) {
  TestLab lab(2);
  lab.spawn("A", nice(0), cpus({0}), 0, [&] { lab.work(10); });
  lab.spawn("C", nice(0), cpus({1}), 0, [&] { lab.work(2); });
  lab.spawn("B", nice(0), cpus({0, 1}), 1, [&] { lab.work(9); });
  lab.run();
  EXPECT_EQ(lab.finished["A"], 10);
  EXPECT_EQ(lab.finished["B"], 11);
}

// The control: a task that may not go stays, and the idle CPU stays idle.
TEST(FairBalance, AffinityIsRespected) {
  TestLab lab(2);
  lab.spawn("A", nice(0), cpus({0}), 0, [&] { lab.work(10); });
  lab.spawn("C", nice(0), cpus({1}), 0, [&] { lab.work(2); });
  lab.spawn("B", nice(0), cpus({0}), 1, [&] { lab.work(9); });
  lab.run();
  EXPECT_EQ(lab.finished["B"] > lab.finished["A"] ? lab.finished["B"] : lab.finished["A"], 19);
}

// Who ran a moment ago is not pulled: B has just been preempted when CPU 1 falls idle at 8 ms and
// is left; with no cost it goes.
TEST(FairBalance, MigrationCostIsRespected) {
  for (const Nanos cost : {Nanos{0}, 100 * kMillisecond}) {
    sim::SimulatorOptions options;
    options.cpus = 2;
    options.migration_cost_ns = cost;
    TestLab lab(options);
    lab.spawn("C", nice(0), cpus({1}), 0, [&] { lab.work(8 * kMillisecond); });
    for (const char* name : {"A", "B"}) {
      lab.spawn(name, nice(0), cpus({0, 1}), 1, [&] { lab.work(12 * kMillisecond); });
    }
    lab.run();
    const Nanos last = std::max(lab.finished["A"], lab.finished["B"]);
    if (cost == 0) {
      EXPECT_LT(last, 18 * kMillisecond);
    } else {
      EXPECT_EQ(last, 24 * kMillisecond + 1);
    }
  }
}

// Heavy A and two light ones share CPU 0, one light task runs on CPU 1, all for long. By weight,
// the light ones leave A alone: 1024 against 3 x 335.
TEST(FairBalance, WeightsDecide) {
  TestLab lab(2);
  for (const char* name : {"x", "y"}) {
    lab.spawn(name, nice(5), cpus({0, 1}), 0, [&] { lab.work(40 * kMillisecond); });
  }
  lab.spawn("z", nice(5), cpus({0, 1}), 0, [&] { lab.work(40 * kMillisecond); });
  lab.spawn("A", nice(0), cpus({0}), 1, [&] { lab.work(100 * kMillisecond); });
  lab.run();
  // After at most three looks of CPU 0, each with some work for others, A has it to itself.
  EXPECT_LT(lab.finished["A"], 125 * kMillisecond);
  EXPECT_LT(std::max({lab.finished["x"], lab.finished["y"], lab.finished["z"]}),
            130 * kMillisecond);
}

// Equal loads stay: one task more on one side is not worth a move that only swaps the sides.
TEST(FairBalance, NoPingPong) {
  TestLab lab(2);
  for (const char* name : {"x", "y", "z"}) {
    lab.spawn(name, nice(0), cpus({0, 1}), 0, [&] { lab.work(60 * kMillisecond); });
  }
  lab.run();
  std::uint64_t moves = 0;
  for (int cpu = 0; cpu < 2; ++cpu) moves += lab.simulator->scheduler().rq(cpu).fair_moves;
  EXPECT_LE(moves, 1U);  // when the task that was alone has ended
}

// t sleeps on CPU 3, which is taken when it wakes at 9: of the idle CPUs 0, 1 and 2 it takes 2,
// which shares a cache with 3; where all share one, the lowest.
TEST(FairBalance, PlacementPrefersTheSameCache) {
  for (const int llc_cpus : {2, 0}) {
    sim::SimulatorOptions options;
    options.cpus = 4;
    options.llc_cpus = llc_cpus;
    TestLab lab(options);
    auto& t = lab.spawn("t", nice(0), cpus({3}), 0, [&] {
      lab.work(1);
      lab.simulator->scheduler().set_affinity(lab.simulator->current(), CpuMask::first(4));
      lab.sleep(8);
      lab.work(1);
    });
    lab.spawn("busy", nice(0), cpus({3}), 2, [&] { lab.work(50); });
    lab.run(20);
    EXPECT_EQ(t.wake_cpu.get(), llc_cpus == 2 ? 2 : 0);
  }
}

// A fair task does not wake behind a realtime one if another CPU runs only its equals.
TEST(FairBalance, PlacementAvoidsRealtime) {
  TestLab lab(2);
  lab.spawn("busy", nice(0), cpus({1}), 0, [&] { lab.work(100); });
  auto& t = lab.spawn("t", nice(0), cpus({0, 1}), 0, [&] {
    lab.work(1);
    lab.sleep(4);
    lab.work(1);
  });
  lab.fifo_on(cpus({0}), "rt", 5, 2, [&] { lab.work(100); });
  lab.run();
  EXPECT_EQ(t.wake_cpu.get(), 1);
}

}  // namespace
}  // namespace px::core
