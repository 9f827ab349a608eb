// Goal: each rule of invariants.hpp finds the damage that it is there to find, and names it; sound
// states pass.
// Method: a run is stopped at an instant that has lending, migration, parking and waiting at once;
// one field is damaged at a time, and the first broken rule's number is compared.
#include "core/invariants-inl.hpp"

#include <gtest/gtest.h>

#include "sim/test_lab.hpp"

namespace px::core {
namespace {

using P = sim::Platform;

// At instant 5, on three CPUs:
//   CPU 0: L (1) holds m and runs on H (9), which came from CPU 1. U (8) waits behind H, linked.
//   CPU 1: idle. S (7) holds n and sleeps; W (6) waits for n and hangs on S.
//   CPU 2: X (50) runs; E has ended; Y (2), queued, waits for nobody.
class InvariantsTest : public testing::Test {
 protected:
  InvariantsTest() : lab_(3) {
    const auto only = [](int cpu) { return CpuMask::only(cpu); };
    l_ = &lab_.fifo_on(only(0), "L", 1, 0, [&] { hold(m_, 100); });
    h_ = &lab_.fifo_on(only(1), "H", 9, 1, [&] { hold(m_, 1); });
    u_ = &lab_.fifo_on(only(1), "U", 8, 2, [&] { hold(m_, 1); });
    s_ = &lab_.fifo_on(only(1), "S", 7, 1, [&] {
      lab_.lock(n_);
      lab_.sleep(50);
      lab_.unlock(n_);
    });
    w_ = &lab_.fifo_on(only(1), "W", 6, 3, [&] { hold(n_, 1); });
    e_ = &lab_.fifo_on(only(2), "E", 3, 0, [&] { lab_.work(1); });
    x_ = &lab_.fifo_on(only(2), "X", 50, 2, [&] { lab_.work(100); });
    y_ = &lab_.fifo_on(only(2), "Y", 2, 2, [&] { lab_.work(1); });
    tasks_ = {l_, h_, u_, s_, w_, e_, x_, y_};
    lab_.simulator->run(5);
  }
  void hold(TestLab::Mutex& mutex, Nanos ns) {
    lab_.lock(mutex);
    lab_.work(ns);
    lab_.unlock(mutex);
  }
  // The number of the first broken rule; 0: none.
  int broken() {
    const InvariantView<P> view{lab_.simulator->scheduler(), tasks_, mutexes_};
    ViolationReport violation;
    const bool sound = check_state(view, violation);
    EXPECT_EQ(sound, violation.number == 0);
    if (!sound) {
      EXPECT_STRNE(violation.name, "");
      EXPECT_STRNE(violation.message, "");
    }
    return violation.number;
  }
  Runqueue<P>& rq(int cpu) { return lab_.simulator->scheduler().rq(cpu); }
  static constexpr auto kRelaxed = std::memory_order_relaxed;

  TestLab lab_;
  TestLab::Mutex m_;
  TestLab::Mutex n_;
  TestLab::Task *l_, *h_, *u_, *s_, *w_, *e_, *x_, *y_;
  std::vector<Task<P>*> tasks_;
  std::vector<const Mutex<P>*> mutexes_{&m_, &n_};
};

TEST_F(InvariantsTest, TheStateIsTheOneMeantAndSound) {
  EXPECT_EQ(rq(0).curr.load(kRelaxed), l_);
  EXPECT_EQ(rq(0).donor.load(kRelaxed), h_);
  EXPECT_EQ(u_->parked_on.load(kRelaxed), l_);
  EXPECT_EQ(w_->parked_on.load(kRelaxed), s_);
  EXPECT_EQ(rq(2).curr.load(kRelaxed), x_);
  EXPECT_EQ(y_->on_rq.load(kRelaxed), OnRq::kQueued);
  EXPECT_EQ(e_->state.load(kRelaxed), TaskState::kDead);
  EXPECT_EQ(broken(), 0);
}

TEST_F(InvariantsTest, OneCpu) {
  rq(2).curr.store(l_, kRelaxed);
  EXPECT_EQ(broken(), 1);
}
TEST_F(InvariantsTest, StackInUse) {
  y_->on_cpu.store(true, kRelaxed);
  EXPECT_EQ(broken(), 1);
}
TEST_F(InvariantsTest, Affinity) {
  l_->affinity = CpuMask::only(1);
  EXPECT_EQ(broken(), 2);
  rq(0).need_resched.store(1, kRelaxed);
  EXPECT_EQ(broken(), 0);
}
TEST_F(InvariantsTest, CurrQueued) {
  x_->on_rq.store(OnRq::kNo, kRelaxed);
  EXPECT_EQ(broken(), 3);
}
TEST_F(InvariantsTest, CurrNotBlocked) {
  x_->state.store(TaskState::kSleeping, kRelaxed);
  rq(2).need_resched.store(1, kRelaxed);
  x_->is_blocked.set(true);
  EXPECT_EQ(broken(), 4);
}
TEST_F(InvariantsTest, RunnableNotBlocked) {
  y_->is_blocked.set(true);
  EXPECT_EQ(broken(), 5);
}
TEST_F(InvariantsTest, ChainEndRuns) {
  h_->is_blocked.set(false);
  EXPECT_EQ(broken(), 6);
}
TEST_F(InvariantsTest, DonorQueued) {
  rq(0).need_resched.store(1, kRelaxed);
  rq(0).donor.store(y_, kRelaxed);
  EXPECT_EQ(broken(), 7);
}
TEST_F(InvariantsTest, OneDonor) {
  rq(0).donor_rank.store(1, kRelaxed);
  EXPECT_EQ(broken(), 8);
}
TEST_F(InvariantsTest, IdleDonor) {
  // As if X had just been made idle, with Y queued and nobody to look.
  rq(2).classes.put_current(x_->se, 5);
  rq(2).donor.store(rq(2).idle, kRelaxed);
  rq(2).donor_rank.store(policy::Rank::idle().value(), kRelaxed);
  rq(2).curr.store(rq(2).idle, kRelaxed);
  x_->on_cpu.store(false, kRelaxed);
  EXPECT_EQ(broken(), 9);
}
TEST_F(InvariantsTest, BestDonor) {
  // Y pays although X is queued.
  rq(2).classes.put_current(x_->se, 5);
  rq(2).classes.set_current(y_->se, 5);
  for (auto* slot : {&rq(2).donor, &rq(2).curr}) slot->store(y_, kRelaxed);
  rq(2).donor_rank.store(y_->rank().value(), kRelaxed);
  x_->on_cpu.store(false, kRelaxed);
  y_->on_cpu.store(true, kRelaxed);
  EXPECT_EQ(broken(), 19);
}
TEST_F(InvariantsTest, LenderIsNowhere) {
  w_->parked_on.store(nullptr, kRelaxed);
  s_->parked_first.store(nullptr, kRelaxed);
  s_->parked_last = nullptr;
  EXPECT_EQ(broken(), 33);
}
TEST_F(InvariantsTest, SliceEnd) {
  x_->se.rt_params.round_robin = true;
  y_->se.rt_params.priority = 50;  // a second context at X's level, to be found by its links
  for (auto* task : {x_, y_}) task->base_params = policy::params_of(task->se);
  EXPECT_EQ(broken(), 38);
}
TEST_F(InvariantsTest, BoostIsEarned) {
  l_->blocked_donor.set(u_);
  EXPECT_EQ(broken(), 23);
}
TEST_F(InvariantsTest, IdleWithWork) {
  // X stays donor, but the idle task runs. On a CPU by itself that is all there is to see.
  rq(2).curr.store(rq(2).idle, kRelaxed);
  x_->on_cpu.store(false, kRelaxed);
  EXPECT_EQ(broken(), 6);
  const auto settled_2 = [](const void*, int cpu) { return cpu == 2; };
  const InvariantView<P> view{lab_.simulator->scheduler(), tasks_, mutexes_, 0, settled_2};
  ViolationReport violation;
  EXPECT_FALSE(check_state(view, violation));
  EXPECT_EQ(violation.number, 48);
}
TEST_F(InvariantsTest, WaitListOrder) {
  u_->wait_node.rank = policy::Rank::realtime(99);
  EXPECT_EQ(broken(), 11);
}
TEST_F(InvariantsTest, WaitListRank) {
  w_->se.rt_params.priority = 5;
  w_->base_params = policy::params_of(w_->se);
  EXPECT_EQ(broken(), 11);
}
TEST_F(InvariantsTest, ParametersAreEarned) {
  w_->se.rt_params.priority = 5;
  w_->wait_node.rank = w_->rank();
  EXPECT_EQ(broken(), 23);
}
TEST_F(InvariantsTest, WaitListLinks) {
  u_->wait_node.prev = nullptr;
  EXPECT_EQ(broken(), 11);
}
TEST_F(InvariantsTest, LinkedIsListed) {
  y_->blocked_on.store(&l_->exit, kRelaxed);
  y_->wait_node.rank = y_->rank();
  EXPECT_EQ(broken(), 11);
}
TEST_F(InvariantsTest, OwnerWaits) {
  s_->blocked_on.store(&n_, kRelaxed);
  n_.waiters.insert(*s_, s_->rank());
  s_->wait_may_end = false;
  EXPECT_EQ(broken(), 12);
}
TEST_F(InvariantsTest, WaitersBit) {
  m_.waiters.remove(*u_);
  u_->blocked_on.store(nullptr, kRelaxed);
  u_->parked_on.store(nullptr, kRelaxed);
  l_->parked_first.store(nullptr, kRelaxed);
  l_->parked_last = nullptr;
  EXPECT_EQ(broken(), 0);  // H still waits
  TestLab::Mutex other;
  other.waiters.insert(*u_, u_->rank());
  mutexes_.push_back(&other);
  EXPECT_EQ(broken(), 14);  // free, and its only waiter sleeps
  u_->wake_pending.store(true, kRelaxed);
  u_->state.store(TaskState::kRunnable, kRelaxed);
  u_->is_blocked.set(false);
  EXPECT_EQ(broken(), 31);  // the pending wakeup is on no list
  u_->wake_pending.store(false, kRelaxed);
  u_->cpu.store(u_->wake_cpu.get(), kRelaxed);
  EXPECT_EQ(broken(), 13);
}
TEST_F(InvariantsTest, WakeupNotDelivered) {
  w_->blocked_on.store(nullptr, kRelaxed);
  EXPECT_EQ(broken(), 15);
}
TEST_F(InvariantsTest, WaitOverButAsleep) {
  s_->wait_end.store(WaitEnd::kTimedOut, kRelaxed);
  EXPECT_EQ(broken(), 15);
}
TEST_F(InvariantsTest, WaitOverButLinked) {
  w_->wait_end.store(WaitEnd::kStopped, kRelaxed);
  EXPECT_EQ(broken(), 15);
}
TEST_F(InvariantsTest, AwayAndAwake) {
  y_->wake_cpu.set(0);
  EXPECT_EQ(broken(), 27);
}
TEST_F(InvariantsTest, InTransit) {
  y_->on_rq.store(OnRq::kMigrating, kRelaxed);
  EXPECT_EQ(broken(), 31);
}
TEST_F(InvariantsTest, DeferredList) {
  rq(2).deferred_wakes = w_;
  EXPECT_EQ(broken(), 31);
  rq(2).deferred_wakes = nullptr;
  w_->wake_pending.store(true, kRelaxed);
  EXPECT_EQ(broken(), 31);
}
TEST_F(InvariantsTest, ParkedLists) {
  w_->parked_on.store(x_, kRelaxed);
  EXPECT_EQ(broken(), 32);
}
TEST_F(InvariantsTest, ParkedLost) {
  s_->parked_first.store(nullptr, kRelaxed);
  EXPECT_EQ(broken(), 32);
}
TEST_F(InvariantsTest, ParkedListEnd) {
  s_->parked_last = u_;
  EXPECT_EQ(broken(), 32);
}
TEST_F(InvariantsTest, ParkedCycle) {
  s_->parked_on.store(w_, kRelaxed);
  w_->parked_first.store(s_, kRelaxed);
  w_->parked_last = s_;
  s_->wait_may_end = false;
  EXPECT_EQ(broken(), 32);
}
TEST_F(InvariantsTest, HangsOnAQueuedTask) {
  w_->parked_on.store(y_, kRelaxed);
  y_->parked_first.store(w_, kRelaxed);
  y_->parked_last = w_;
  s_->parked_first.store(nullptr, kRelaxed);
  s_->parked_last = nullptr;
  EXPECT_EQ(broken(), 32);
}
TEST_F(InvariantsTest, HangsOnTheWrongTask) {
  w_->parked_on.store(x_, kRelaxed);
  x_->parked_first.store(w_, kRelaxed);
  x_->parked_last = w_;
  s_->parked_first.store(nullptr, kRelaxed);
  s_->parked_last = nullptr;
  EXPECT_EQ(broken(), 33);
}
TEST_F(InvariantsTest, HangsWhileOnCpu) {
  w_->on_cpu.store(true, kRelaxed);
  EXPECT_EQ(broken(), 34);
}
TEST_F(InvariantsTest, TimeConserved) {
  rq(1).idle_ns += 1;
  EXPECT_EQ(broken(), 35);
}
TEST_F(InvariantsTest, DonatedEqualsReceived) {
  h_->times.donated_ns += 1;
  EXPECT_EQ(broken(), 36);
  h_->se.charged_ns += 1;
  EXPECT_EQ(broken(), 36);
}
TEST_F(InvariantsTest, Recount) {
  rq(2).nr_queued.store(1, kRelaxed);
  EXPECT_EQ(broken(), 38);
}
TEST_F(InvariantsTest, QueuedWithoutContext) {
  e_->state.store(TaskState::kNew, kRelaxed);
  e_->on_rq.store(OnRq::kQueued, kRelaxed);
  EXPECT_EQ(broken(), 38);
}
TEST_F(InvariantsTest, ContextWithoutTask) {
  y_->on_rq.store(OnRq::kNo, kRelaxed);
  EXPECT_EQ(broken(), 38);
}
TEST_F(InvariantsTest, FirstTimer) {
  rq(1).timer_at.store(kNever, kRelaxed);
  EXPECT_EQ(broken(), 38);
}
TEST_F(InvariantsTest, EndedIsGone) {
  e_->timer.armed = true;
  EXPECT_EQ(broken(), 41);
}

// Rules that need all CPUs to stand still are left out while one does not; those about one settled
// CPU, and those that hold always, are not.
TEST_F(InvariantsTest, UnsettledCpusNarrowWhatIsChecked) {
  const auto settled_but_0 = [](const void*, int cpu) { return cpu != 0; };
  const InvariantView<P> view{lab_.simulator->scheduler(), tasks_, mutexes_, 0, settled_but_0};
  ViolationReport violation;
  w_->blocked_on.store(nullptr, kRelaxed);  // in flight, for all one can know
  EXPECT_TRUE(check_state(view, violation));
  rq(0).donor_rank.store(1, kRelaxed);
  EXPECT_TRUE(check_state(view, violation));
  rq(2).donor_rank.store(1, kRelaxed);
  EXPECT_FALSE(check_state(view, violation));
  EXPECT_EQ(violation.number, 8);
  y_->is_blocked.set(true);
  EXPECT_FALSE(check_state(view, violation));
  EXPECT_EQ(violation.number, 5);
}

TEST_F(InvariantsTest, Steps) {
  const InvariantView<P> view{lab_.simulator->scheduler(), tasks_, mutexes_};
  const auto before = totals_of(view);
  ViolationReport violation;
  auto after = before;
  after.clock_ns += 3;
  after.busy_ns += 2;
  after.idle_ns += 1;
  EXPECT_TRUE(check_step(before, after, violation));
  after.busy_ns += 1;
  EXPECT_FALSE(check_step(before, after, violation));
  EXPECT_EQ(violation.number, 35);
  EXPECT_FALSE(check_step(after, before, violation));
}

// The simulator looks by itself and says when.
TEST(InvariantsInTheSimulator, AViolationIsReportedWithItsInstant) {
  TestLab lab;
  TestLab::Task* t = nullptr;
  t = &lab.fifo("T", 1, 0, [&] {
    lab.work(3);
    t->times.donated_ns += 1;
    lab.work(1);
  });
  try {
    lab.simulator->run(kNever);
    FAIL() << "the damage was not found";
  } catch (const std::runtime_error& error) {
    EXPECT_EQ(
        std::string(error.what()).find("invariant 36 (donated equals received) at 3: task T: "), 0U)
        << error.what();
  }
}

}  // namespace
}  // namespace px::core
