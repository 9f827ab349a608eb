// Goal: what is on a CPU that goes offline goes on elsewhere and comes back; the last CPU and
// affinities without an online CPU are refused and change nothing.
// Method: FIFO tasks on two or three virtual CPUs; each timeline is derived by hand at its test.
#include "sim/test_lab.hpp"

namespace px::core {
namespace {

CpuMask only(int cpu) { return CpuMask::only(cpu); }

// A runs on CPU 0 and may use both; it leaves at 2. B, which waits there, may use CPU 0 alone: it
// strays to CPU 1, behind A, and comes home at 6.
TEST(Hotplug, DrainsAndBringsBack) {
  TestLab lab(2);
  lab.fifo("A", 5, 0, [&] { lab.work(6); });
  lab.fifo_on(only(0), "B", 4, 1, [&] { lab.work(4); });
  lab.fifo_on(only(1), "X", 9, 0, [&] {
    lab.work(2);
    EXPECT_EQ(lab.simulator->scheduler().offline(0), Hotplug::kDone);
    EXPECT_EQ(lab.simulator->scheduler().offline(0), Hotplug::kNoChange);
    lab.sleep(4);
    EXPECT_TRUE(lab.simulator->scheduler().is_drained(0));
    EXPECT_EQ(lab.simulator->scheduler().online(0), Hotplug::kDone);
    EXPECT_EQ(lab.simulator->scheduler().online(0), Hotplug::kNoChange);
  });
  lab.run();
  EXPECT_EQ(lab.on_cpu(0), (Segs{{0, 0, 2, "A", "A"}, {0, 6, 10, "B", "B"}}));
  EXPECT_EQ(lab.on_cpu(1), (Segs{{1, 0, 2, "X", "X"}, {1, 2, 6, "A", "A"}}));
}

TEST(Hotplug, RefusesTheLastCpuAndImpossibleAffinity) {
  TestLab lab(2);
  auto& a = lab.fifo("A", 5, 0, [&] {
    auto& scheduler = lab.simulator->scheduler();
    EXPECT_EQ(scheduler.offline(1), Hotplug::kDone);
    EXPECT_EQ(scheduler.offline(0), Hotplug::kLastCpu);
    EXPECT_TRUE(scheduler.is_online(0));
    EXPECT_FALSE(scheduler.set_affinity(lab.simulator->current(), only(1)));
    EXPECT_FALSE(scheduler.set_affinity(lab.simulator->current(), CpuMask()));
    EXPECT_TRUE(lab.simulator->current().affinity.has(0));
    lab.work(2);
    EXPECT_EQ(scheduler.online(1), Hotplug::kDone);
    EXPECT_TRUE(scheduler.set_affinity(lab.simulator->current(), only(1)));
    lab.work(2);
  });
  lab.run();
  EXPECT_EQ(a.wake_cpu.get(), 1);
  EXPECT_EQ(lab.on_cpu(1), (Segs{{1, 2, 4, "A", "A"}}));
}

// E34. H lends on CPU 0 when the CPU that it came from goes offline; handed the lock at 4, it runs
// on CPU 2, the one that is left to it.
TEST(Hotplug, ADonorReturnsToAnotherCpu) {
  TestLab lab(3);
  TestLab::Mutex m;
  lab.fifo_on(only(0), "L", 1, 0, [&] {
    lab.lock(m);
    lab.work(4);
    lab.unlock(m);
  });
  CpuMask mask = only(1);
  mask.add(2);
  lab.fifo_on(mask, "H", 9, 1, [&] {
    lab.lock(m);
    lab.work(2);
    lab.unlock(m);
  });
  lab.fifo_on(only(2), "X", 5, 0, [&] {
    lab.work(2);
    EXPECT_EQ(lab.simulator->scheduler().offline(1), Hotplug::kDone);
  });
  lab.run();
  EXPECT_EQ(lab.on_cpu(1), Segs{});
  EXPECT_EQ(lab.on_cpu(2), (Segs{{2, 0, 2, "X", "X"}, {2, 4, 6, "H", "H"}}));
}

// The CPU where L runs as H goes offline at 2: both go to CPU 1, and L runs on as H.
TEST(Hotplug, AChainLeavesTogether) {
  TestLab lab(2);
  TestLab::Mutex m;
  lab.fifo("L", 1, 0, [&] {
    lab.lock(m);
    lab.work(4);
    lab.unlock(m);
  });
  lab.fifo_on(only(0), "H", 9, 1, [&] {
    lab.lock(m);
    lab.work(2);
    lab.unlock(m);
  });
  lab.fifo_on(only(1), "X", 5, 0, [&] {
    lab.work(2);
    EXPECT_EQ(lab.simulator->scheduler().offline(0), Hotplug::kDone);
    lab.work(3);
  });
  lab.run();
  EXPECT_EQ(lab.on_cpu(0), (Segs{{0, 0, 1, "L", "L"}, {0, 1, 2, "L", "H"}}));
  EXPECT_EQ(
      lab.on_cpu(1),
      (Segs{{1, 0, 2, "X", "X"}, {1, 2, 4, "L", "H"}, {1, 4, 6, "H", "H"}, {1, 6, 9, "X", "X"}}));
}

// A time limit that was set on CPU 0 ends a wait after that CPU has gone.
TEST(Hotplug, TimersOfAnOfflineCpuGoOff) {
  TestLab lab(2);
  TestLab::Mutex m;
  WaitEnd end = WaitEnd::kNone;
  lab.fifo_on(only(1), "L", 1, 0, [&] {
    lab.lock(m);
    lab.sleep(9);
    lab.unlock(m);
  });
  lab.fifo_on(only(0), "H", 9, 1, [&] { end = lab.lock_until(m, 5); });
  lab.fifo_on(only(1), "X", 5, 2,
              [&] { EXPECT_EQ(lab.simulator->scheduler().offline(0), Hotplug::kDone); });
  lab.run();
  EXPECT_EQ(end, WaitEnd::kTimedOut);
  EXPECT_EQ(lab.finished["H"], 5);
}

}  // namespace
}  // namespace px::core
