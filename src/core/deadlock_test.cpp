// Goal: a cycle of waits is a defined outcome: without a time limit exactly the task that closed it
// is told; with one nobody is, and all go on when the limited wait ends.
// Method: FIFO tasks on virtual CPUs; each timeline is derived by hand at its test.
#include "sim/test_lab.hpp"

namespace px::core {
namespace {

// Three tasks take three locks in a ring; the one that blocks last is the victim.
TEST(Deadlock, OnlyTheTaskThatClosesTheRingIsTold) {
  TestLab lab(3);
  TestLab::Mutex locks[3];
  WaitEnd ends[3] = {};
  const char* names[3] = {"A", "B", "C"};
  for (int i = 0; i < 3; ++i) {
    lab.fifo_on(CpuMask::only(i), names[i], 5, 0, [&, i] {
      lab.lock(locks[i]);
      lab.work(1 + i);
      auto& wanted = locks[(i + 1) % 3];
      ends[i] = lab.lock_until(wanted, kNever);
      if (ends[i] == WaitEnd::kGranted) lab.unlock(wanted);
      lab.unlock(locks[i]);
    });
  }
  lab.run();
  EXPECT_EQ(ends[0], WaitEnd::kGranted);
  EXPECT_EQ(ends[1], WaitEnd::kGranted);
  EXPECT_EQ(ends[2], WaitEnd::kDeadlock);
  EXPECT_EQ(lab.finished.size(), 3U);
}

// A task that waits for its own end of the ring: a lock it holds itself.
TEST(Deadlock, ATaskThatWantsItsOwnLockIsTold) {
  TestLab lab;
  TestLab::Mutex m;
  WaitEnd end = WaitEnd::kNone;
  lab.fifo("A", 5, 0, [&] {
    lab.lock(m);
    end = lab.lock_until(m, kNever);
    EXPECT_TRUE(m.owned_by(lab.simulator->current()));
    lab.unlock(m);
  });
  lab.run();
  EXPECT_EQ(end, WaitEnd::kDeadlock);
}

// With a time limit it waits until then, and X has the CPU in the meantime.
//   0-1 A; 1-5 X; 5-6 A; 6-12 X.
TEST(Deadlock, ATaskThatWantsItsOwnLockForAWhileTimesOut) {
  TestLab lab;
  TestLab::Mutex m;
  lab.fifo("A", 5, 0, [&] {
    lab.lock(m);
    lab.work(1);
    EXPECT_EQ(lab.lock_until(m, 5), WaitEnd::kTimedOut);
    lab.work(1);
    lab.unlock(m);
  });
  lab.fifo("X", 1, 0, [&] { lab.work(10); });
  lab.run();
  const Segs expected = {
      {0, 0, 1, "A", "A"}, {0, 1, 5, "X", "X"}, {0, 5, 6, "A", "A"}, {0, 6, 12, "X", "X"}};
  EXPECT_EQ(lab.segments, expected);
}

// A (limit 8) and B wait for each other from 2 on; D hangs on A from 4. Nobody is told. The members
// leave the runqueue, so M has the CPU. At 8 A gives up; B and D lend to it again, so it runs on B,
// past M.
//   0-1 A; 1-2 B; 3-8 M; 8-9 A on B; 9-10 B; 10-11 D; 11-16 M.
TEST(Deadlock, WithATimeLimitNobodyIsToldAndTheRestLendsAgain) {
  TestLab lab;
  TestLab::Mutex a;
  TestLab::Mutex b;
  lab.fifo("A", 1, 0, [&] {
    lab.lock(a);
    lab.work(1);
    lab.sleep(1);
    EXPECT_EQ(lab.lock_until(b, 8), WaitEnd::kTimedOut);
    lab.work(1);
    lab.unlock(a);
  });
  lab.fifo("B", 9, 1, [&] {
    lab.lock(b);
    lab.work(1);
    EXPECT_EQ(lab.lock_now(a), WaitEnd::kGranted);
    lab.work(1);
    lab.unlock(a);
    lab.unlock(b);
  });
  lab.fifo("M", 3, 3, [&] { lab.work(10); });
  lab.fifo("D", 5, 4, [&] {
    lab.lock(a);
    lab.work(1);
    lab.unlock(a);
  });
  lab.run();
  const Segs expected = {{0, 0, 1, "A", "A"},  {0, 1, 2, "B", "B"},  {0, 3, 8, "M", "M"},
                         {0, 8, 9, "A", "B"},  {0, 9, 10, "B", "B"}, {0, 10, 11, "D", "D"},
                         {0, 11, 16, "M", "M"}};
  EXPECT_EQ(lab.segments, expected);
  EXPECT_GE(lab.counters().cycles, 1U);
}

// The same ring over two CPUs, with the limit on the other member.
TEST(Deadlock, WithATimeLimitAcrossCpus) {
  TestLab lab(2);
  TestLab::Mutex a;
  TestLab::Mutex b;
  lab.fifo_on(CpuMask::only(0), "A", 4, 0, [&] {
    lab.lock(a);
    lab.work(2);
    lab.lock(b);
    lab.unlock(b);
    lab.unlock(a);
  });
  lab.fifo_on(CpuMask::only(1), "B", 5, 0, [&] {
    lab.lock(b);
    lab.work(3);
    EXPECT_EQ(lab.lock_until(a, 7), WaitEnd::kTimedOut);
    lab.work(1);
    lab.unlock(b);
  });
  lab.run();
  EXPECT_EQ(lab.finished["B"], 8);
  EXPECT_EQ(lab.finished["A"], 8);
}

// A ring of a lock and a join: B's wait for m closes it.
TEST(Deadlock, JoinsCount) {
  TestLab lab(2);
  TestLab::Mutex m;
  WaitEnd end = WaitEnd::kNone;
  TestLab::Task* b = nullptr;
  lab.fifo("A", 5, 0, [&] {
    lab.lock(m);
    lab.work(1);
    EXPECT_EQ(lab.join(*b), WaitEnd::kNotified);
    lab.unlock(m);
  });
  b = &lab.fifo("B", 5, 0, [&] {
    lab.work(2);
    end = lab.lock_until(m, kNever);
  });
  lab.run();
  EXPECT_EQ(end, WaitEnd::kDeadlock);
  EXPECT_EQ(lab.finished["A"], 2);
}

}  // namespace
}  // namespace px::core
