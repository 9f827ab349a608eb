// Goal: a lock is handed over to the donor that waits for this very lock and pays for this very
// section, to a waiter at its starvation bound, and to nobody else.
// Method: FIFO tasks on virtual CPUs; each timeline is derived by hand at its test.
#include "sim/test_lab.hpp"

namespace px::core {
namespace {

// W1 and W2 are equal and wait for m in this order; L yields once, which yields its donor W1, so
// that W2 pays when L unlocks.
//   0-1 L alone; 1-3 W1 waits and pays; at 3 L's yield sends W1 behind W2, which runs, wants m and
//   pays; 3-5 L on W2; at 5 m goes to W2 although W1 came first; 5-6 W2; 6-7 W1.
TEST(Handoff, GoesToThePayingDonorEvenIfAnotherCameFirst) {
  TestLab lab;
  TestLab::Mutex m;
  lab.fifo("L", 1, 0, [&] {
    lab.lock(m);
    lab.work(3);
    lab.yield();
    lab.work(2);
    lab.unlock(m);
  });
  for (const char* name : {"W1", "W2"}) {
    lab.fifo(name, 5, name[1] == '1' ? 1 : 2, [&] {
      lab.lock(m);
      lab.work(1);
      lab.unlock(m);
    });
  }
  lab.run();
  const Segs expected = {{0, 0, 1, "L", "L"},
                         {0, 1, 3, "L", "W1"},
                         {0, 3, 5, "L", "W2"},
                         {0, 5, 6, "W2", "W2"},
                         {0, 6, 7, "W1", "W1"}};
  EXPECT_EQ(lab.segments, expected);
  EXPECT_EQ(lab.counters().handoffs, 1U);
}

// L holds m and n; D pays and waits for n, W waits for m.
//   0-1 L; 1-2 L on W; 2-4 L on D; at 4 L unlocks m: D does not wait for it, so m is free and W is
//   awake, but not ranked above D; 4-6 L on D; at 6 n goes to D: 6-7 D; 7-8 W; 8-9 L.
TEST(Handoff, NotToADonorThatWaitsForAnotherLock) {
  TestLab lab;
  TestLab::Mutex m;
  TestLab::Mutex n;
  lab.fifo("L", 1, 0, [&] {
    lab.lock(m);
    lab.lock(n);
    lab.work(4);
    lab.unlock(m);
    EXPECT_EQ(m.owner(), nullptr);
    lab.work(2);
    lab.unlock(n);
    lab.work(1);
  });
  lab.fifo("W", 5, 1, [&] {
    lab.lock(m);
    lab.work(1);
    lab.unlock(m);
  });
  lab.fifo("D", 9, 2, [&] {
    lab.lock(n);
    lab.work(1);
    lab.unlock(n);
  });
  lab.run();
  const Segs expected = {{0, 0, 1, "L", "L"}, {0, 1, 2, "L", "W"}, {0, 2, 6, "L", "D"},
                         {0, 6, 7, "D", "D"}, {0, 7, 8, "W", "W"}, {0, 8, 9, "L", "L"}};
  EXPECT_EQ(lab.segments, expected);
  EXPECT_EQ(lab.counters().handoffs, 1U);
}

// L on CPU 0 and W on CPU 1 are equal, so W is linked to L and L pays for itself. Each time L
// unlocks, W wakes, but L takes the lock again first (throughput). W loses at 1, 2, ... 8; at 9 it
// is handed the lock. L waits for it until 10.
TEST(Handoff, AWaiterThatLostEightTimesGetsTheLock) {
  TestLab lab(2);
  TestLab::Mutex m;
  Nanos got = 0;
  lab.fifo_on(CpuMask::only(0), "L", 5, 0, [&] {
    lab.lock(m);
    for (int i = 0; i < 9; ++i) {
      lab.work(1);
      lab.unlock(m);
      EXPECT_EQ(lab.lock_now(m), WaitEnd::kGranted);
    }
    lab.unlock(m);
  });
  lab.fifo_on(CpuMask::only(1), "W", 5, 0, [&] {
    lab.lock(m);
    got = lab.simulator->now();
    lab.work(1);
    lab.unlock(m);
  });
  lab.run();
  EXPECT_EQ(got, 9);
  EXPECT_EQ(lab.finished["L"], 10);
  EXPECT_EQ(lab.counters().starvation_handoffs, 1U);
}

// As above, but only seven losses: L then leaves the lock alone, and W simply takes it.
TEST(Handoff, NotBeforeTheBound) {
  TestLab lab(2);
  TestLab::Mutex m;
  Nanos got = 0;
  lab.fifo_on(CpuMask::only(0), "L", 5, 0, [&] {
    lab.lock(m);
    for (int i = 0; i < 7; ++i) {
      lab.work(1);
      lab.unlock(m);
      EXPECT_EQ(lab.lock_now(m), WaitEnd::kGranted);
    }
    lab.work(1);
    lab.unlock(m);
  });
  lab.fifo_on(CpuMask::only(1), "W", 5, 0, [&] {
    lab.lock(m);
    got = lab.simulator->now();
    lab.unlock(m);
  });
  lab.run();
  EXPECT_EQ(got, 8);
  EXPECT_EQ(lab.counters().starvation_handoffs, 0U);
}

// L unlocks at 5, which is also D's time limit: the release comes first, and granted wins.
// With one more unit of work D is gone by then.
TEST(Handoff, GrantedWinsAtTheTimeLimit) {
  for (const Nanos hold : {5, 6}) {
    TestLab lab;
    TestLab::Mutex m;
    WaitEnd end = WaitEnd::kNone;
    lab.fifo("L", 1, 0, [&] {
      lab.lock(m);
      lab.work(hold);
      lab.unlock(m);
    });
    lab.fifo("D", 9, 1, [&] {
      end = lab.lock_until(m, 5);
      if (end == WaitEnd::kGranted) lab.unlock(m);
    });
    lab.run();
    EXPECT_EQ(end, hold == 5 ? WaitEnd::kGranted : WaitEnd::kTimedOut);
    EXPECT_EQ(lab.finished["D"], 5);
    EXPECT_EQ(lab.counters().handoffs, hold == 5 ? 1U : 0U);
  }
}

// W (2) waits for m, then V (5), then S raises W to 8: W is first in the list, pays from 3, is
// handed m at 4 and has it to 5; V has it then.
TEST(Handoff, AWaiterWhoseRankRisesIsServedByItsNewRank) {
  TestLab lab;
  TestLab::Mutex m;
  std::vector<std::string> order;
  lab.fifo("L", 1, 0, [&] {
    lab.lock(m);
    lab.work(4);
    lab.unlock(m);
  });
  const auto waiter = [&](const char* name) {
    lab.lock(m);
    order.emplace_back(name);
    lab.work(1);
    lab.unlock(m);
  };
  auto& w = lab.fifo("W", 2, 1, [&] { waiter("W"); });
  lab.fifo("V", 5, 2, [&] { waiter("V"); });
  lab.fifo("S", 9, 3, [&] {
    lab.simulator->scheduler().set_params(w, policy::RealtimeParams{8, false});
    EXPECT_EQ(m.waiters.first(), &w);
  });
  lab.run();
  EXPECT_EQ(order, (std::vector<std::string>{"W", "V"}));
  EXPECT_EQ(lab.finished["W"], 5);
}

// W's rank rises while it is awake and has no link that could be followed to its place in the list.
// L and W are equal, so L pays for itself and at 2 m becomes free, with W awake on CPU 1, where B
// (8) runs 1-4. T takes m at 2 and holds it to 9. V (6) waits from 3. At 3 W is raised from 5 to 7.
// At 4 B ends, W finds m taken and waits again: before V.
TEST(Handoff, ARankThatChangedWhileAwakeCountsWhenItWaitsAgain) {
  TestLab lab(3);
  TestLab::Mutex m;
  const auto only = [](int cpu) { return CpuMask::only(cpu); };
  lab.fifo_on(only(0), "L", 5, 0, [&] {
    lab.lock(m);
    lab.work(2);
    lab.unlock(m);
  });
  auto& w = lab.fifo_on(only(1), "W", 5, 0, [&] {
    lab.lock(m);
    lab.unlock(m);
  });
  lab.fifo_on(only(1), "B", 8, 1, [&] { lab.work(3); });
  lab.fifo_on(only(2), "T", 9, 0, [&] {
    lab.work(2);
    lab.simulator->settle();
    EXPECT_TRUE(lab.try_lock(m));
    lab.work(7);
    lab.unlock(m);
  });
  auto& v = lab.fifo_on(only(0), "V", 6, 3, [&] {
    lab.lock(m);
    lab.unlock(m);
  });
  lab.fifo_on(only(0), "S", 9, 3, [&] {
    lab.simulator->scheduler().set_params(w, policy::RealtimeParams{7, false});
    lab.sleep(2);
    EXPECT_EQ(m.waiters.first(), &w);
    EXPECT_EQ(w.wait_node.next, &v);
  });
  lab.run();
  EXPECT_EQ(lab.finished["W"], 9);
}

}  // namespace
}  // namespace px::core
