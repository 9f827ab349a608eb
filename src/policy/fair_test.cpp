// Goal: each operation of the fair class does what its contract says.
// Method: hand-computed cases on one CPU driven as the runqueue drives it; the published EEVDF
// example; exactness against one large charge; damage that check() must find. The guarantees over
// long random runs are in fair_guarantees_test.cpp.
#include "policy/fair.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "base/prng.hpp"
#include "policy/fair_test_cpu.hpp"

namespace px::policy {
namespace {

constexpr Nanos kSlice = 3 * kMillisecond;

// The paper's example: client 1 joins at 0 with requests of 2 units, client 2 at 1 with requests of
// 1 unit; equal weights, quantum 1 unit. `stays`: the running client is still current when the next
// is chosen, so it wins ties; otherwise it has been put back first.
std::string paper_example(std::uint32_t id1, std::uint32_t id2, bool stays) {
  constexpr Nanos kUnit = kMillisecond;
  FairTestCpu cpu;
  auto one = fair_context(id1, {.slice_ns = 2 * kUnit});
  auto two = fair_context(id2, {.slice_ns = kUnit});
  cpu.start(one);
  std::string order;
  for (int t = 0; t < 10; ++t) {
    if (t == 1) cpu.start(two);
    if (!stays && cpu.current != nullptr) {
      cpu.fair.put_current(*std::exchange(cpu.current, nullptr), cpu.now);
    }
    order += cpu.schedule() == &one ? '1' : '2';
    (void)cpu.run(kUnit);
    cpu.expect_sound();
  }
  return order;
}

TEST(Fair, PublishedExampleWithBothTieRules) {
  EXPECT_EQ(paper_example(2, 1, false), "1212121212") << "ties to client 2, as in the paper";
  EXPECT_EQ(paper_example(1, 2, true), "1122112211") << "ties to client 1: the running one stays";
  EXPECT_EQ(paper_example(2, 1, true), "1122112211") << "an id never beats the running one";
  // At 1 both have waited since that instant, so the id decides; at 5 and 9 client 2 has waited
  // longer.
  EXPECT_EQ(paper_example(1, 2, false), "1122121212");
}

TEST(Fair, TiesGoToLongestWaitingThenToTheLowestId) {
  FairTestCpu cpu;
  auto early = fair_context(9);
  auto late_high = fair_context(5);
  auto late_low = fair_context(4);
  cpu.start(early);
  cpu.now = 10;
  cpu.start(late_high);
  cpu.start(late_low);
  EXPECT_EQ(cpu.fair.pick(cpu.now), &early);
  cpu.sleep(early);
  EXPECT_EQ(cpu.fair.pick(cpu.now), &late_low);
  cpu.sleep(late_low);
  EXPECT_EQ(cpu.fair.pick(cpu.now), &late_high);
  cpu.sleep(late_high);
  EXPECT_EQ(cpu.fair.pick(cpu.now), nullptr);
  cpu.expect_sound();
}

TEST(Fair, ManySmallChargesEqualOneLargeOne) {
  constexpr int kCharges = 1'000'000;
  for (int nice = kNiceMin; nice <= kNiceMax; ++nice) {
    FairTestCpu by_ones;
    FairTestCpu at_once;
    auto a = fair_context(1, {.nice = nice});
    auto b = a;
    by_ones.start(a);
    at_once.start(b);
    by_ones.schedule();
    at_once.schedule();
    for (int i = 0; i < kCharges; ++i) (void)by_ones.run(1);
    (void)at_once.run(kCharges);
    ASSERT_EQ(a.fair.vruntime, b.fair.vruntime) << "nice " << nice;
    ASSERT_EQ(a.fair.remainder, b.fair.remainder) << "nice " << nice;
    // Nothing is lost: vruntime and remainder together are the whole of what was charged.
    ASSERT_EQ(a.fair.vruntime * a.fair.weight + a.fair.remainder, Nanos{kCharges} * 1024);
    by_ones.expect_sound();
  }
}

TEST(Fair, SliceEndIsTheFirstInstantAtWhichChargeAsksForAChoice) {
  Prng prng(7);
  for (int round = 0; round < 2000; ++round) {
    FairTestCpu cpu;
    auto a = fair_context(1, {.nice = static_cast<int>(prng.between(-20, 19)),
                              .slice_ns = prng.between(1, 10 * kMillisecond)});
    auto b = fair_context(2);
    cpu.start(a);
    cpu.schedule();
    cpu.start(b);
    for (int request = 0; request < 3; ++request) {
      Nanos end = cpu.fair.slice_end(a, cpu.now);
      ASSERT_GT(end, cpu.now);
      while (end - cpu.now > 1) {
        const Nanos ran = prng.between(1, end - cpu.now - 1);
        ASSERT_FALSE(cpu.run(ran));
        ASSERT_EQ(cpu.fair.slice_end(a, cpu.now), end) << "running does not move the end";
      }
      ASSERT_TRUE(cpu.run(1));
    }
  }
}

TEST(Fair, AloneThereIsNoSliceEnd) {
  FairTestCpu cpu;
  auto a = fair_context(1);
  cpu.start(a);
  cpu.schedule();
  EXPECT_EQ(cpu.fair.slice_end(a, cpu.now), kNever);
  EXPECT_FALSE(cpu.run(100 * kSlice));
  EXPECT_EQ(cpu.fair.lag_of(a), 0);
  cpu.yield();
  EXPECT_EQ(cpu.current, &a);
  auto b = fair_context(2);
  cpu.start(b);
  EXPECT_EQ(cpu.fair.slice_end(a, cpu.now), cpu.now + kSlice);
}

TEST(Fair, RequestsFollowOnFromEachOtherUnlessOverrun) {
  FairTestCpu cpu;
  auto a = fair_context(1);
  auto b = fair_context(2);
  cpu.start(a);
  cpu.start(b);
  cpu.schedule();
  (void)cpu.run(kSlice + 100);
  EXPECT_EQ(a.fair.virtual_deadline, 2 * kSlice) << "in phase with the first";
  (void)cpu.run(5 * kSlice);
  EXPECT_EQ(a.fair.virtual_deadline, 7 * kSlice + 100) << "a whole request ahead again";
  cpu.expect_sound();
}

TEST(Fair, ChargeOfNothingDecidesNothing) {
  FairTestCpu cpu;
  auto a = fair_context(1);
  auto b = fair_context(2);
  cpu.start(a);
  cpu.start(b);
  cpu.schedule();
  EXPECT_FALSE(cpu.run(0));
  EXPECT_EQ(a.fair.vruntime, b.fair.vruntime);
}

TEST(Fair, NewcomersStartWithNoLag) {
  FairTestCpu cpu;
  auto a = fair_context(1);
  auto b = fair_context(2, {.nice = -5});
  cpu.start(a);
  cpu.schedule();
  (void)cpu.run(10 * kMillisecond);
  b.fair.lag = 12345;  // left over from another life: kNew has none
  cpu.start(b);
  EXPECT_EQ(cpu.fair.lag_of(b), 0);
  EXPECT_EQ(b.fair.vruntime, 10 * kMillisecond);
  cpu.expect_sound();
}

TEST(Fair, LagOfWhoWasAloneIsZeroAndAloneItIsForgotten) {
  FairTestCpu cpu;
  auto a = fair_context(1);
  auto b = fair_context(2);
  cpu.start(a);
  cpu.schedule();
  (void)cpu.run(12345);
  cpu.sleep(a);
  EXPECT_EQ(a.fair.lag, 0);
  EXPECT_EQ(cpu.fair.average_vruntime(), 12345) << "V stands still while nothing is queued";
  b.fair.lag = kMillisecond;
  cpu.wake(b);
  EXPECT_EQ(cpu.fair.lag_of(b), 0);
  EXPECT_EQ(b.fair.vruntime, 12345);
}

TEST(Fair, KeptLagIsAtMostARequestAndASlice) {
  FairTestCpu cpu;
  auto a = fair_context(1, {.nice = 5, .slice_ns = kMillisecond});
  auto b = fair_context(2, {.nice = 5, .slice_ns = kMillisecond});
  cpu.start(a);
  cpu.start(b);
  cpu.schedule();
  (void)cpu.run(kSecond);  // a CPU that could not preempt
  const std::int64_t limit = (4 * kMillisecond * 1024 + 334) / 335;
  cpu.fair.dequeue(b, Dequeue::kMigrate, cpu.now);
  EXPECT_EQ(b.fair.lag, limit);
  cpu.fair.enqueue(b, Enqueue::kMigrate, cpu.now);
  (void)cpu.run(kSecond);
  cpu.sleep(a);
  EXPECT_EQ(a.fair.lag, -limit);
}

TEST(Fair, AChangeOfParametersIsNoWayToBeLetOff) {
  FairTestCpu cpu;
  auto a = fair_context(1);
  auto b = fair_context(2);
  cpu.start(a);
  cpu.start(b);
  cpu.schedule();
  (void)cpu.run(kSecond);
  const auto vruntime = a.fair.vruntime;
  const auto deadline = a.fair.virtual_deadline;
  for (int i = 0; i < 100; ++i) {
    cpu.fair.dequeue(a, Dequeue::kSave, cpu.now);
    cpu.current = nullptr;
    cpu.fair.enqueue(a, Enqueue::kRestore, cpu.now);
    ASSERT_EQ(a.fair.vruntime - vruntime, 0) << "back in its place";
    ASSERT_EQ(a.fair.virtual_deadline, deadline);
  }
  // At a quarter of the weight, what it owes is the same time, hence more virtual time.
  cpu.fair.dequeue(a, Dequeue::kSave, cpu.now);
  set_params(a, FairParams{.nice = 6});
  cpu.fair.enqueue(a, Enqueue::kRestore, cpu.now);
  EXPECT_NEAR(static_cast<double>(cpu.fair.lag_of(a)) * 272 / 1024, -kSecond / 2.0, 2);
  cpu.expect_sound();
}

TEST(Fair, MigrationGoesOnWithARequestAndAWakeupMakesANewOne) {
  FairTestCpu from;
  FairTestCpu to;
  auto resident = fair_context(1);
  auto stays = fair_context(2);
  auto mover = fair_context(3);
  auto mover_twin = fair_context(4);
  to.start(resident);
  to.schedule();
  (void)to.run(777);
  from.start(mover);
  from.schedule();
  from.start(stays);
  (void)from.run(kMillisecond);
  const auto lag = from.fair.lag_of(mover);
  EXPECT_LT(lag, 0);

  from.fair.dequeue(mover, Dequeue::kMigrate, from.now);
  from.current = nullptr;
  to.fair.enqueue(mover, Enqueue::kMigrate, to.now);
  EXPECT_EQ(to.fair.lag_of(mover), lag);
  EXPECT_EQ(mover.fair.virtual_deadline - mover.fair.vruntime, 2 * kMillisecond);

  to.sleep(mover);
  to.wake(mover);
  EXPECT_EQ(mover.fair.virtual_deadline - mover.fair.vruntime, kSlice);

  // Both ends must speak of a move: who slept, or wakes, has nothing to go on with.
  for (const auto& [out, in] :
       {std::pair(Dequeue::kSleep, Enqueue::kMigrate), std::pair(Dequeue::kMigrate, Enqueue::kWake),
        std::pair(Dequeue::kMigrate, Enqueue::kNew)}) {
    if (!mover_twin.queued) from.start(mover_twin);
    from.schedule();
    (void)from.run(kSlice + kMillisecond);
    SchedContext& current = *std::exchange(from.current, nullptr);
    from.fair.dequeue(current, out, from.now);
    from.fair.enqueue(current, in, from.now);
    EXPECT_EQ(current.fair.virtual_deadline - current.fair.vruntime, kSlice);
    EXPECT_EQ(current.fair.lag, 0) << "a lag is kept only off the queue";
  }
  to.expect_sound();
  from.expect_sound();
}

TEST(Fair, WokenTakesOverOnlyIfItWouldBePicked) {
  FairTestCpu cpu;
  auto running = fair_context(1);
  auto same = fair_context(0);
  auto shorter = fair_context(2, {.slice_ns = kMillisecond});
  auto in_debt = fair_context(3, {.slice_ns = kMillisecond});
  cpu.start(running);
  cpu.schedule();
  cpu.start(same);
  EXPECT_FALSE(cpu.fair.preempts(same, running, cpu.now)) << "equal: the running one stays";
  cpu.start(shorter);
  EXPECT_TRUE(cpu.fair.preempts(shorter, running, cpu.now));
  cpu.sleep(shorter);
  in_debt.fair.lag = -kMillisecond;
  cpu.wake(in_debt);
  EXPECT_FALSE(cpu.fair.eligible(in_debt));
  EXPECT_FALSE(cpu.fair.preempts(in_debt, running, cpu.now));
}

TEST(Fair, BatchAndIdlePoliciesDoNotPreemptAndIdleIsPreempted) {
  FairTestCpu cpu;
  auto normal = fair_context(1);
  auto batch = fair_context(2, {.batch = true, .slice_ns = kMillisecond});
  auto idle = fair_context(3, {.idle_policy = true, .slice_ns = 1000});
  cpu.start(normal);
  cpu.schedule();
  cpu.start(batch);
  cpu.start(idle);
  EXPECT_FALSE(cpu.fair.preempts(batch, normal, cpu.now));
  EXPECT_FALSE(cpu.fair.preempts(idle, normal, cpu.now));
  EXPECT_FALSE(cpu.fair.preempts(idle, batch, cpu.now));

  EXPECT_EQ(cpu.interrupt(), &idle) << "a decision chooses it, being short";
  EXPECT_TRUE(cpu.fair.preempts(normal, idle, cpu.now));
  EXPECT_TRUE(cpu.fair.preempts(batch, idle, cpu.now));
  auto idle_too = fair_context(4, {.idle_policy = true, .slice_ns = 100});
  cpu.start(idle_too);
  EXPECT_FALSE(cpu.fair.preempts(idle_too, idle, cpu.now));
}

// What a blocked donor relies on: it pays for its owner's section, is asked about at both ends of
// it, and must not lose its turn for having paid.
TEST(Fair, ADecisionStandsUntilTheRequestIsServedOrABetterContextWakes) {
  FairTestCpu cpu;
  auto runs = fair_context(1);
  auto waits = fair_context(2);
  auto short_one = fair_context(3, {.slice_ns = kMillisecond});
  cpu.start(runs);
  cpu.start(waits);
  ASSERT_EQ(cpu.schedule(), &runs);
  EXPECT_FALSE(cpu.run(kMillisecond));
  ASSERT_FALSE(cpu.fair.eligible(runs));
  EXPECT_EQ(cpu.schedule(), &runs) << "nothing has happened but that it has run";
  EXPECT_TRUE(cpu.fair.preempts(waits, runs, cpu.now));
  EXPECT_EQ(cpu.schedule(), &waits);
  cpu.start(short_one);
  EXPECT_TRUE(cpu.fair.preempts(short_one, waits, cpu.now));
  EXPECT_EQ(cpu.schedule(), &short_one);
  EXPECT_TRUE(cpu.run(kMillisecond)) << "its request is served";
  EXPECT_EQ(cpu.schedule(), &waits);
  EXPECT_EQ(cpu.interrupt(), &waits) << "it has not run, and is first in deadline order";
  EXPECT_FALSE(cpu.run(2 * kMillisecond));
  EXPECT_NE(cpu.interrupt(), &waits) << "after a higher class the best one runs";
  cpu.expect_sound();
}

// The same for one that has followed another fair context.
TEST(Fair, ADecisionOutlivesTheSwitchThatItMakes) {
  FairTestCpu cpu;
  auto a = fair_context(1);
  auto b = fair_context(2);
  auto c = fair_context(3);
  for (auto* context : {&a, &b, &c}) cpu.start(*context);
  ASSERT_EQ(cpu.schedule(), &a);
  ASSERT_TRUE(cpu.run(3 * kMillisecond));
  ASSERT_EQ(cpu.schedule(), &b);
  EXPECT_TRUE(cpu.fair.decided());
  EXPECT_FALSE(cpu.run(2 * kMillisecond));
  ASSERT_FALSE(cpu.fair.eligible(b));
  EXPECT_EQ(cpu.schedule(), &b);
  cpu.expect_sound();
}

TEST(FairYield, EqualsAlternateWithAndWithoutRunningInBetween) {
  for (const Nanos ran : {Nanos{0}, Nanos{1000}, kMillisecond}) {
    FairTestCpu cpu;
    auto a = fair_context(1);
    auto b = fair_context(2);
    cpu.start(a);
    cpu.start(b);
    cpu.schedule();
    ASSERT_EQ(cpu.current, &a);
    for (int i = 0; i < 1000; ++i) {
      SchedContext* before = cpu.current;
      (void)cpu.run(ran);
      cpu.yield();
      ASSERT_NE(cpu.current, before) << "after yield " << i << " having run " << ran;
      cpu.expect_sound();
    }
  }
}

TEST(FairYield, LetsAnyEligibleContextRunAndLeavesServiceAlone) {
  Prng prng(13);
  for (int round = 0; round < 300; ++round) {
    FairTestCpu cpu;
    std::vector<SchedContext> contexts;
    const auto count = prng.between(2, 12);
    contexts.reserve(static_cast<std::size_t>(count));
    for (std::uint32_t i = 0; i < count; ++i) {
      contexts.push_back(fair_context(i, {.nice = static_cast<int>(prng.between(-20, 19)),
                                          .idle_policy = prng.chance(10),
                                          .slice_ns = prng.between(1, kSlice)}));
      cpu.start(contexts.back());
    }
    cpu.schedule();
    for (int step = 0; step < 200; ++step) {
      if (cpu.run(prng.between(0, kSlice))) cpu.schedule();
      SchedContext& yielder = *cpu.current;
      const auto vruntime = yielder.fair.vruntime;
      bool other_eligible = false;
      for (const auto& context : contexts) {
        other_eligible = other_eligible || (&context != &yielder && cpu.fair.eligible(context));
      }
      cpu.yield();
      ASSERT_EQ(yielder.fair.vruntime, vruntime);
      ASSERT_EQ(cpu.current != &yielder, other_eligible);
      cpu.expect_sound();
    }
  }
}

TEST(FairYield, AtOneInstantEverybodyGetsATurn) {
  FairTestCpu cpu;
  auto a = fair_context(1);
  auto b = fair_context(2);
  auto far = fair_context(3, {.idle_policy = true});  // its deadline is 341 slices away
  cpu.start(a);
  cpu.start(b);
  cpu.start(far);
  cpu.schedule();
  int yields = 0;
  while (cpu.current != &far && yields < 10'000) {
    cpu.yield();
    ++yields;
  }
  EXPECT_EQ(cpu.current, &far);
  EXPECT_LT(yields, 2 * 342);
  // From here on everybody is behind everybody else in turn, and deadlines have nowhere to go.
  const auto latest = far.fair.virtual_deadline;
  for (int i = 0; i < 999; ++i) cpu.yield();
  EXPECT_EQ(cpu.current, &far);
  for (const auto* context : {&a, &b, &far}) EXPECT_LE(context->fair.virtual_deadline, latest);
  cpu.expect_sound();
}

TEST(FairYield, APushedDeadlineLastsUntilTheContextRuns) {
  FairTestCpu cpu;
  auto a = fair_context(1);
  auto far = fair_context(2, {.idle_policy = true});
  cpu.start(a);
  cpu.start(far);
  cpu.schedule();
  for (int i = 0; i < 20; ++i) cpu.yield();
  ASSERT_EQ(cpu.current, &a);
  EXPECT_GT(a.fair.virtual_deadline, 10 * kSlice);
  EXPECT_EQ(cpu.fair.slice_end(a, cpu.now), cpu.now + kSlice) << "its request is no longer";
  (void)cpu.run(1000);
  EXPECT_EQ(a.fair.virtual_deadline, kSlice);
  cpu.yield();
  EXPECT_LE(a.fair.virtual_deadline, a.fair.vruntime + 2 * kSlice);
}

TEST(FairYield, AYieldWithNobodyToGiveWayToDoesNotCountLater) {
  FairTestCpu cpu;
  auto a = fair_context(1);
  auto b = fair_context(2, {.slice_ns = 2 * kSlice});
  cpu.start(a);
  cpu.schedule();
  cpu.yield();  // alone
  (void)cpu.run(1);
  cpu.start(b);
  EXPECT_EQ(cpu.schedule(), &a) << "its deadline is the earlier one";
}

TEST(Fair, VirtualTimeWraps) {
  FairTestCpu cpu;
  auto a = fair_context(1, {.idle_policy = true});
  cpu.start(a);
  cpu.schedule();
  // 2^63 virtual ns at weight 3 are about 26 charges of the longest kind.
  int charges = 0;
  do {
    const auto before = a.fair.vruntime;
    (void)cpu.fair.charge(a, FairClass::kChargeMax, cpu.now);
    ASSERT_GT(virtual_diff(a.fair.vruntime, before), 0);
    cpu.expect_sound();
  } while (a.fair.vruntime > 0 && ++charges < 100);
  ASSERT_LT(a.fair.vruntime, 0);

  // And in the middle of a mix: the order holds while some are before the wrap and some after it.
  FairTestCpu mix;
  auto ballast = fair_context(1);
  mix.start(ballast);
  mix.schedule();
  for (int i = 0; i < 8191; ++i) (void)mix.fair.charge(ballast, FairClass::kChargeMax, mix.now);
  (void)mix.fair.charge(ballast, FairClass::kChargeMax - 20 * kSlice, mix.now);
  std::vector<SchedContext> contexts;
  contexts.reserve(10);
  for (std::uint32_t i = 0; i < 10; ++i) {
    contexts.push_back(fair_context(i + 2, {.nice = static_cast<int>(i) - 5}));
    mix.start(contexts.back());
  }
  ASSERT_GT(ballast.fair.vruntime, 0);
  bool wrapped = false;
  for (int i = 0; i < 5000; ++i) {
    mix.run_slice(kNever);
    mix.expect_sound();
    for (const auto& context : contexts) {
      const double lag_ns = static_cast<double>(mix.fair.lag_of(context)) *
                            static_cast<double>(context.fair.weight) / 1024;
      ASSERT_LE(std::abs(lag_ns), kSlice + 1);
      wrapped = wrapped || context.fair.vruntime < 0;
    }
  }
  EXPECT_TRUE(wrapped);
  EXPECT_LT(mix.fair.average_vruntime(), 0);
}

class DamagedFairQueue : public testing::Test {
 protected:
  void SetUp() override {
    cpu_.start(a_);
    cpu_.start(b_);
    cpu_.start(c_);
    cpu_.schedule();
    (void)cpu_.run(1000);
    ASSERT_EQ(cpu_.fair.check(), nullptr);
  }

  SchedContext a_ = fair_context(1);
  SchedContext b_ = fair_context(2, {.nice = 3});
  SchedContext c_ = fair_context(3, {.nice = -3});
  FairTestCpu cpu_;
};

TEST_F(DamagedFairQueue, UnaccountedService) {
  cpu_.current->fair.vruntime += 1;
  EXPECT_STREQ(cpu_.fair.check(), "fair: the lags do not sum to zero");
}

TEST_F(DamagedFairQueue, UnaccountedWeight) {
  a_.fair.weight = 1025;
  EXPECT_STREQ(cpu_.fair.check(), "fair: a weight not of its nice level");
  a_.fair_params.nice = -1;
  a_.fair.weight = weight_of(a_.fair_params);
  EXPECT_STREQ(cpu_.fair.check(), "fair: the weight differs from the sum of weights");
}

TEST_F(DamagedFairQueue, ServedRequest) {
  SchedContext& current = *cpu_.current;
  current.fair.request_end = current.fair.vruntime;
  EXPECT_STREQ(cpu_.fair.check(), "fair: a served request goes on");
}

TEST_F(DamagedFairQueue, DeadlineBeforeTheRequestsEnd) {
  --cpu_.current->fair.virtual_deadline;
  EXPECT_STREQ(cpu_.fair.check(), "fair: a virtual deadline before the end of its request");
}

TEST_F(DamagedFairQueue, ContextMarkedWrongly) {
  b_.queued = false;
  EXPECT_STREQ(cpu_.fair.check(), "fair: a context on the queue is not marked as queued");
  b_.queued = true;
  b_.class_id = ClassId::kIdle;
  EXPECT_STREQ(cpu_.fair.check(), "fair: a context of another class is queued");
}

TEST_F(DamagedFairQueue, MovedInTheOrder) {
  for (SchedContext* context : {&a_, &b_, &c_}) {
    if (context != cpu_.current) context->fair.virtual_deadline += kSecond;
    if (context != cpu_.current) break;
  }
  EXPECT_NE(cpu_.fair.check(), nullptr);
}

TEST(FairDeathTest, MisuseIsNamed) {
  FairTestCpu cpu;
  auto a = fair_context(1);
  auto b = fair_context(2);
  EXPECT_DEATH(cpu.sleep(a), "only a queued context can be dequeued");
  cpu.start(a);
  cpu.start(b);
  EXPECT_DEATH(cpu.start(a), "one queue only");
  cpu.schedule();
  EXPECT_DEATH(cpu.fair.set_current(b, 0), "must be put back");
  EXPECT_DEATH(cpu.fair.put_current(b, 0), "only the current context");
  EXPECT_DEATH((void)cpu.fair.charge(b, 1, 0), "only the current context pays");
  EXPECT_DEATH((void)cpu.fair.charge(*cpu.current, -1, 0), "0 to 2\\^50");
  EXPECT_DEATH(cpu.fair.yield(b, 0), "only the current context yields");
  EXPECT_DEATH(FairClass(0), "expected 1 ns to 10 s");
}

}  // namespace
}  // namespace px::policy
