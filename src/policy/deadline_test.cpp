// Goal: EDF order, budgets, the wakeup rule, yield, reclaiming and admission are those of the
// constant bandwidth server, to the nanosecond.
// Method: one class, one or two contexts, instants given by hand; figures worked out by hand from
// the rules in deadline.hpp. Published schedules are in tests/golden, random sets in tests/oracle.
#include "policy/deadline.hpp"

#include <gtest/gtest.h>

#include "policy/admission.hpp"

namespace px::policy {
namespace {

class DeadlineTest : public testing::Test {
 protected:
  SchedContext make(Nanos runtime, Nanos deadline, Nanos period) {
    SchedContext context;
    context.id = next_id_++;
    set_params(context, DeadlineParams{runtime, deadline, period});
    return context;
  }
  void run(DeadlineClass& cls, SchedContext& context, Nanos from, Nanos to) {
    cls.set_current(context, from);
    (void)cls.charge(context, to - from, to);
    cls.put_current(context, to);
  }

  std::uint32_t next_id_ = 0;
  DeadlineClass cls_{false, 100};
};

TEST_F(DeadlineTest, TheEarliestDeadlineIsPicked) {
  SchedContext late = make(1, 10, 10);
  SchedContext early = make(1, 5, 10);
  cls_.enqueue(late, Enqueue::kNew, 0);
  cls_.enqueue(early, Enqueue::kNew, 0);
  EXPECT_EQ(cls_.pick(0), &early);
  EXPECT_TRUE(cls_.preempts(early, late, 0));
  EXPECT_FALSE(cls_.preempts(late, early, 0));
  EXPECT_TRUE(early.rank().outranks(late.rank()));
  EXPECT_TRUE(late.rank().outranks(Rank::realtime(99)));
  EXPECT_EQ(cls_.check(), nullptr);
}

TEST_F(DeadlineTest, AmongEqualDeadlinesTheCurrentStaysThenTheFirstToCome) {
  SchedContext a = make(2, 8, 10);
  SchedContext b = make(2, 10, 10);
  SchedContext c = make(2, 8, 8);
  cls_.enqueue(b, Enqueue::kNew, 0);
  cls_.set_current(b, 0);
  cls_.enqueue(c, Enqueue::kNew, 2);
  cls_.enqueue(a, Enqueue::kNew, 2);
  EXPECT_EQ(cls_.pick(2), &b) << "b is due at 10, as the others are";
  cls_.put_current(b, 2);
  cls_.dequeue(b, Dequeue::kSleep, 2);
  EXPECT_EQ(cls_.pick(2), &a) << "of one instant, the first created";
}

TEST_F(DeadlineTest, WhoHasUsedItsBudgetWaitsForItsNextPeriod) {
  SchedContext a = make(3, 8, 10);
  cls_.enqueue(a, Enqueue::kNew, 100);
  cls_.set_current(a, 100);
  EXPECT_EQ(cls_.slice_end(a, 100), 103);
  EXPECT_FALSE(cls_.charge(a, 2, 102));
  EXPECT_TRUE(cls_.charge(a, 3, 105)) << "2 more than it had";
  EXPECT_TRUE(cls_.settle(a, 105));
  EXPECT_EQ(cls_.pick(105), nullptr);
  EXPECT_EQ(cls_.queued(), 1);
  EXPECT_EQ(cls_.ready(), 0);
  EXPECT_EQ(a.rank(), Rank::idle());
  EXPECT_EQ(cls_.next_event(), 110) << "the period began at 100";
  EXPECT_EQ(cls_.replenish(109), nullptr);
  EXPECT_EQ(cls_.replenish(110), &a);
  EXPECT_EQ(cls_.replenish(110), nullptr);
  EXPECT_EQ(a.dl.left_ns, 1) << "what was overrun is missing";
  EXPECT_EQ(a.dl.deadline_ns, 118);
  EXPECT_EQ(a.dl.overruns, 1U);
  EXPECT_EQ(cls_.check(), nullptr);
}

TEST_F(DeadlineTest, AnOverrunOfSeveralBudgetsPostponesByAsManyPeriods) {
  SchedContext a = make(2, 10, 10);
  cls_.enqueue(a, Enqueue::kNew, 0);
  run(cls_, a, 0, 7);
  cls_.set_current(a, 7);
  EXPECT_TRUE(cls_.settle(a, 7));
  EXPECT_EQ(cls_.replenish(10), &a);
  EXPECT_EQ(a.dl.left_ns, 1) << "2 - 7 + 3 * 2";
  EXPECT_EQ(a.dl.deadline_ns, 40);
}

TEST_F(DeadlineTest, WhoHasFallenBehindBeginsAnew) {
  SchedContext a = make(2, 10, 10);
  cls_.enqueue(a, Enqueue::kNew, 0);
  cls_.set_current(a, 0);
  EXPECT_TRUE(cls_.charge(a, 2, 55));
  EXPECT_TRUE(cls_.settle(a, 55)) << "its next period began long ago";
  EXPECT_EQ(cls_.pick(55), &a);
  EXPECT_EQ(a.dl.left_ns, 2);
  EXPECT_EQ(a.dl.deadline_ns, 65);
}

TEST_F(DeadlineTest, TheWakeupRuleKeepsWhatMayStillBeUsed) {
  SchedContext a = make(4, 10, 10);
  cls_.enqueue(a, Enqueue::kNew, 0);
  run(cls_, a, 0, 2);
  cls_.dequeue(a, Dequeue::kSleep, 2);
  cls_.enqueue(a, Enqueue::kWake, 5);
  EXPECT_EQ(a.dl.left_ns, 2) << "2 / (10 - 5) is its share exactly";
  EXPECT_EQ(a.dl.deadline_ns, 10);
  cls_.dequeue(a, Dequeue::kSleep, 5);
  cls_.enqueue(a, Enqueue::kWake, 6);
  EXPECT_EQ(a.dl.left_ns, 4) << "2 / (10 - 6) would be too much: a new period";
  EXPECT_EQ(a.dl.deadline_ns, 16);
}

TEST_F(DeadlineTest, TheRevisedRuleOfConstrainedDeadlines) {
  SchedContext a = make(4, 8, 20);
  cls_.enqueue(a, Enqueue::kNew, 0);
  run(cls_, a, 0, 1);
  cls_.dequeue(a, Dequeue::kSleep, 1);
  cls_.enqueue(a, Enqueue::kWake, 4);
  EXPECT_EQ(a.dl.left_ns, 2) << "as its density 4/8 allows until 8";
  EXPECT_EQ(a.dl.deadline_ns, 8);
  cls_.dequeue(a, Dequeue::kSleep, 4);
  cls_.enqueue(a, Enqueue::kWake, 9);
  EXPECT_EQ(cls_.ready(), 0) << "its deadline has passed, its next period begins at 20";
  EXPECT_EQ(cls_.next_event(), 20);
  EXPECT_EQ(cls_.replenish(20), &a);
  EXPECT_EQ(a.dl.left_ns, 4);
  EXPECT_EQ(a.dl.deadline_ns, 28);
}

TEST_F(DeadlineTest, SleepingDoesNotFillABudget) {
  SchedContext a = make(3, 10, 10);
  cls_.enqueue(a, Enqueue::kNew, 0);
  run(cls_, a, 0, 3);
  cls_.dequeue(a, Dequeue::kSleep, 3);
  cls_.enqueue(a, Enqueue::kWake, 5);
  EXPECT_EQ(cls_.ready(), 0);
  EXPECT_EQ(cls_.next_event(), 10);
  cls_.dequeue(a, Dequeue::kSleep, 6);
  cls_.enqueue(a, Enqueue::kWake, 7);
  EXPECT_EQ(cls_.ready(), 0) << "throttled, it stays so";
  cls_.dequeue(a, Dequeue::kSleep, 8);
  cls_.enqueue(a, Enqueue::kWake, 12);
  EXPECT_EQ(cls_.ready(), 1);
  EXPECT_EQ(a.dl.left_ns, 3);
  EXPECT_EQ(a.dl.deadline_ns, 20);
}

TEST_F(DeadlineTest, AChangeOfParametersFillsNoBudget) {
  SchedContext a = make(3, 10, 10);
  cls_.enqueue(a, Enqueue::kNew, 0);
  run(cls_, a, 0, 2);
  cls_.dequeue(a, Dequeue::kSave, 2);
  set_params(a, DeadlineParams{6, 20, 20});
  cls_.enqueue(a, Enqueue::kRestore, 2);
  EXPECT_EQ(a.dl.left_ns, 1);
  EXPECT_EQ(a.dl.deadline_ns, 10);
  cls_.dequeue(a, Dequeue::kSave, 2);
  set_params(a, RealtimeParams{5, false});
  set_params(a, DeadlineParams{3, 10, 10});
  cls_.enqueue(a, Enqueue::kRestore, 4);
  EXPECT_EQ(a.dl.left_ns, 1) << "1 / (10 - 4) is less than its share";
  EXPECT_EQ(a.dl.deadline_ns, 10);
}

TEST_F(DeadlineTest, YieldGivesTheRestUp) {
  SchedContext a = make(5, 10, 10);
  cls_.enqueue(a, Enqueue::kNew, 0);
  cls_.set_current(a, 0);
  EXPECT_FALSE(cls_.charge(a, 1, 1));
  cls_.yield(a, 1);
  EXPECT_TRUE(cls_.settle(a, 1));
  EXPECT_EQ(cls_.next_event(), 10);
  EXPECT_EQ(cls_.replenish(10), &a);
  EXPECT_EQ(a.dl.left_ns, 5);
  EXPECT_EQ(a.dl.overruns, 0U) << "that was no overrun";
}

// kernel's documentation of SCHED_DEADLINE, worked example: two (4, 8) tasks.
TEST_F(DeadlineTest, ReclaimingPaysAtTheActiveRate) {
  DeadlineClass cls(true, 100);
  SchedContext a = make(4, 8, 8);
  SchedContext b = make(4, 8, 8);
  cls.enqueue(a, Enqueue::kNew, 0);
  cls.enqueue(b, Enqueue::kNew, 0);
  run(cls, a, 0, 2);
  EXPECT_EQ(a.dl.left_ns, 2) << "all is active: it pays in full";
  cls.dequeue(a, Dequeue::kSleep, 2);
  EXPECT_EQ(cls.next_event(), 4) << "8 - 2 * 8/4: its lag is 0 then";
  cls.set_current(b, 2);
  EXPECT_FALSE(cls.charge(b, 2, 4));
  EXPECT_EQ(b.dl.left_ns, 2);
  EXPECT_EQ(cls.replenish(4), nullptr) << "a is forgotten, not filled";
  EXPECT_EQ(cls.active_bandwidth(), kBandwidthOne / 2);
  EXPECT_EQ(cls.slice_end(b, 4), 8) << "2 left, paid at one half";
  EXPECT_FALSE(cls.charge(b, 3, 7));
  EXPECT_TRUE(cls.charge(b, 1, 8));
  EXPECT_EQ(cls.check(), nullptr);
}

TEST_F(DeadlineTest, ASleeperIsForgottenOnRequest) {
  DeadlineClass cls(true, 100);
  SchedContext a = make(4, 8, 8);
  cls.enqueue(a, Enqueue::kNew, 0);
  cls.dequeue(a, Dequeue::kSleep, 0);
  EXPECT_FALSE(a.dl.lingers) << "it has used nothing: its lag is 0 at once";
  EXPECT_EQ(cls.active_bandwidth(), 0);
  SchedContext b = make(4, 8, 8);
  cls.enqueue(b, Enqueue::kNew, 1);
  cls.enqueue(a, Enqueue::kWake, 1);
  run(cls, a, 1, 3);
  cls.dequeue(a, Dequeue::kSleep, 3);
  ASSERT_TRUE(a.dl.lingers) << "until 9 - 2 * 8/4";
  EXPECT_EQ(cls.next_event(), 5);
  cls.forget(a);
  EXPECT_EQ(cls.active_bandwidth(), kBandwidthOne / 2);
  EXPECT_EQ(cls.next_event(), kNever);
  cls.dequeue(b, Dequeue::kEnd, 3);
  EXPECT_FALSE(cls.in_use());
}

TEST(Admission, AdmitsWhatFitsExactlyAndNoMore) {
  Admission admission(100, 1);
  SchedContext thirds[4];
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(admission.request(thirds[i], DeadlineParams{1, 3, 3}, 0).granted);
  }
  const Admitted refused = admission.request(thirds[3], DeadlineParams{1, 1000, 1000}, 0);
  EXPECT_FALSE(refused.granted);
  EXPECT_EQ(describe(refused, 1),
            "found a deadline task that asks for 0.10 % of a CPU where others have 100.00 %, "
            "100.10 % in sum, expected at most 100.00 % on 1 CPU");
  EXPECT_EQ(thirds[3].dl.admitted, 0);
  admission.release(thirds[0], 0);
  EXPECT_TRUE(admission.request(thirds[3], DeadlineParams{1, 3, 3}, 0).granted);
}

// (4, 8) from 0 on, ended at 2 with half its budget: it has had its share at 8 - 2 * 8/4.
TEST_F(DeadlineTest, WhoHasEndedCountsUntilItsLagIsZero) {
  DeadlineClass cls(true, 100);
  Admission admission(100, 1);
  SchedContext a = make(4, 8, 8);
  SchedContext b = make(4, 8, 8);
  SchedContext c = make(4, 8, 8);
  EXPECT_TRUE(admission.request(a, a.dl_params, 0).granted);
  EXPECT_TRUE(admission.request(b, b.dl_params, 0).granted);
  cls.enqueue(a, Enqueue::kNew, 0);
  cls.enqueue(b, Enqueue::kNew, 0);
  run(cls, a, 0, 2);
  admission.release(a, 2);
  EXPECT_EQ(a.dl.admitted, 0);
  EXPECT_FALSE(admission.request(c, c.dl_params, 3).granted);
  EXPECT_EQ(admission.in_use(3), kBandwidthOne);
  EXPECT_TRUE(admission.request(c, c.dl_params, 4).granted);
  cls.dequeue(a, Dequeue::kEnd, 2);
  EXPECT_FALSE(a.dl.lingers);
  EXPECT_EQ(cls.next_event(), 4);
  cls.set_current(b, 2);
  EXPECT_FALSE(cls.charge(b, 2, 4));
  EXPECT_EQ(b.dl.left_ns, 2) << "paid in full";
  EXPECT_EQ(cls.replenish(4), nullptr);
  EXPECT_EQ(cls.active_bandwidth(), kBandwidthOne / 2);
  EXPECT_EQ(cls.slice_end(b, 4), 8) << "2 left, paid at one half";
  EXPECT_EQ(cls.check(), nullptr);
  cls.dequeue(b, Dequeue::kMigrate, 4);
  EXPECT_FALSE(cls.in_use());
}

// More than can be told apart leave with the latest of them.
TEST(LeavingBandwidth, NeverForgetsTooEarly) {
  LeavingBandwidth leaving;
  const auto most = static_cast<Nanos>(LeavingBandwidth::kMax);
  for (Nanos i = 0; i < most; ++i) EXPECT_TRUE(leaving.add(1, 100 - i));
  EXPECT_FALSE(leaving.add(10, 50));
  EXPECT_FALSE(leaving.add(20, 200));
  EXPECT_EQ(leaving.next(), 101 - most);
  const LeavingBandwidth::Gone first = leaving.expire(100);
  EXPECT_EQ(first.bandwidth, most - 1);
  EXPECT_EQ(first.entries, most - 1);
  EXPECT_EQ(leaving.expire(199).bandwidth, 0);
  EXPECT_EQ(leaving.expire(200).bandwidth, 1 + 10 + 20);
  EXPECT_EQ(leaving.next(), kNever);
}

TEST(Admission, AChangeReplacesAndALesserOneAlwaysFits) {
  Admission admission(95, 2);
  SchedContext a;
  SchedContext b;
  EXPECT_TRUE(admission.request(a, DeadlineParams{9, 10, 10}, 0).granted);
  EXPECT_TRUE(admission.request(b, DeadlineParams{10, 10, 10}, 0).granted);
  EXPECT_FALSE(admission.request(a, DeadlineParams{95, 100, 100}, 0).granted);
  EXPECT_TRUE(admission.request(b, DeadlineParams{9, 10, 10}, 0).granted);
  EXPECT_TRUE(admission.request(a, DeadlineParams{1, 1, 1}, 0).granted);
  EXPECT_TRUE(admission.request(a, FairParams{}, 0).granted);
  EXPECT_TRUE(admission.request(b, RealtimeParams{}, 0).granted);
  EXPECT_EQ(admission.in_use(0), 0);
}

TEST(Admission, ZeroPercentAdmitsEverything) {
  Admission admission(0, 1);
  SchedContext a;
  SchedContext b;
  EXPECT_TRUE(admission.request(a, DeadlineParams{1, 1, 1}, 0).granted);
  EXPECT_TRUE(admission.request(b, DeadlineParams{1, 1, 1}, 0).granted);
}

TEST(DeadlineParamsTest, RangesAreNamed) {
  EXPECT_STREQ(invalid_params(DeadlineParams{1, 1, 1}), "");
  EXPECT_STREQ(invalid_params(DeadlineParams{0, 1, 1}),
               "deadline runtime not above 0; expected at least 1 ns");
  EXPECT_STREQ(invalid_params(DeadlineParams{2, 1, 2}),
               "deadline shorter than the runtime; expected runtime <= deadline <= period");
  EXPECT_STREQ(invalid_params(DeadlineParams{1, 3, 2}),
               "period shorter than the deadline; expected runtime <= deadline <= period");
  EXPECT_STREQ(invalid_params(DeadlineParams{1, 3, kPeriodMax + 1}),
               "period above 8796 s; expected at most that");
}

}  // namespace
}  // namespace px::policy
