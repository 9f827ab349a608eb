// Goal: the classes of a CPU are asked in rank order and each context reaches its own class.
// Method: a handful of contexts of every class, moved between classes; idle is never queued.
#include "policy/class_stack.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace px::policy {
namespace {

SchedContext context_with(std::uint32_t id, const Params& params) {
  SchedContext context;
  context.id = id;
  set_params(context, params);
  return context;
}

class Classes : public testing::Test {
 protected:
  void SetUp() override { idle_.class_id = ClassId::kIdle; }
  void TearDown() override {
    const char* broken = stack_.check();
    EXPECT_EQ(broken, nullptr) << broken;
  }

  SchedContext idle_;
  SchedContext fair_ = context_with(1, FairParams{.nice = -20});
  SchedContext fair_too_ = context_with(2, FairParams{});
  SchedContext low_ = context_with(3, RealtimeParams{.priority = 1});
  SchedContext high_ = context_with(4, RealtimeParams{.priority = 99, .round_robin = true});
  ClassStack stack_{{.fair_slice_ns = kMillisecond, .rr_slice_ns = 2 * kMillisecond}};
};

TEST_F(Classes, HighestClassFirst) {
  EXPECT_EQ(stack_.pick(0), nullptr);
  for (auto* context : {&fair_, &low_, &fair_too_, &high_}) {
    stack_.enqueue(*context, Enqueue::kNew, 0);
  }
  EXPECT_EQ(stack_.queued(), 4);
  EXPECT_EQ(stack_.fair().queued(), 2);
  EXPECT_EQ(stack_.realtime().queued(), 2);
  for (auto* expected : {&high_, &low_, &fair_, &fair_too_}) {
    ASSERT_EQ(stack_.pick(0), expected);
    stack_.dequeue(*expected, Dequeue::kSleep, 0);
  }
  EXPECT_EQ(stack_.pick(0), nullptr);
  EXPECT_EQ(stack_.queued(), 0);
}

TEST_F(Classes, PreemptionAcrossClasses) {
  for (auto* context : {&fair_, &fair_too_, &low_, &high_}) {
    stack_.enqueue(*context, Enqueue::kNew, 0);
  }
  EXPECT_TRUE(stack_.preempts(low_, fair_, 0));
  EXPECT_FALSE(stack_.preempts(fair_, low_, 0));
  EXPECT_TRUE(stack_.preempts(high_, low_, 0));
  EXPECT_FALSE(stack_.preempts(low_, high_, 0));
  EXPECT_TRUE(stack_.preempts(fair_, idle_, 0));
  EXPECT_TRUE(stack_.preempts(low_, idle_, 0));
  EXPECT_FALSE(stack_.preempts(idle_, fair_, 0));
  EXPECT_FALSE(stack_.preempts(idle_, idle_, 0));
  // Within fair the class decides: the heavier one's request is served at an earlier deadline.
  stack_.set_current(fair_too_, 0);
  EXPECT_TRUE(stack_.preempts(fair_, fair_too_, 0));
}

TEST_F(Classes, IdleIsNeverCurrentOfAClass) {
  stack_.set_current(idle_, 0);
  stack_.put_current(idle_, 0);
  stack_.yield(idle_, 0);
  EXPECT_EQ(stack_.slice_end(idle_, 0), kNever);
  EXPECT_EQ(stack_.queued(), 0);
}

TEST_F(Classes, EachClassHasItsOwnSlice) {
  auto high_too = context_with(5, RealtimeParams{.priority = 99});
  for (auto* context : {&fair_too_, &high_, &high_too}) stack_.enqueue(*context, Enqueue::kNew, 0);
  stack_.set_current(high_, 0);
  EXPECT_EQ(stack_.slice_end(high_, 0), 2 * kMillisecond);
  EXPECT_TRUE(stack_.charge(high_, 2 * kMillisecond, 2 * kMillisecond));
  EXPECT_EQ(stack_.pick(0), &high_too);
  stack_.put_current(high_, 0);
  stack_.dequeue(high_, Dequeue::kSleep, 0);
  stack_.dequeue(high_too, Dequeue::kSleep, 0);

  stack_.set_current(fair_too_, 0);
  EXPECT_EQ(stack_.slice_end(fair_too_, 0), kNever) << "realtime contexts are not of this class";
  stack_.enqueue(fair_, Enqueue::kNew, 0);
  EXPECT_EQ(stack_.slice_end(fair_too_, 0), kMillisecond);
  stack_.yield(fair_too_, 0);
  EXPECT_EQ(stack_.pick(0), &fair_);
}

// A boost takes a fair context to a realtime priority and back: its lag and request survive.
TEST_F(Classes, AVisitToAnotherClassKeepsTheFairPlace) {
  stack_.enqueue(fair_, Enqueue::kNew, 0);
  stack_.enqueue(fair_too_, Enqueue::kNew, 0);
  stack_.set_current(fair_too_, 0);
  (void)stack_.charge(fair_too_, 500'000, 500'000);
  const auto lag = stack_.fair().lag_of(fair_too_);
  const auto left = fair_too_.fair.virtual_deadline - fair_too_.fair.vruntime;

  stack_.dequeue(fair_too_, Dequeue::kSave, 500'000);
  set_params(fair_too_, RealtimeParams{.priority = 7});
  stack_.enqueue(fair_too_, Enqueue::kRestore, 500'000);
  EXPECT_EQ(stack_.pick(500'000), &fair_too_);
  stack_.set_current(fair_too_, 500'000);
  EXPECT_FALSE(stack_.charge(fair_too_, 10 * kMillisecond, 10'500'000));

  stack_.dequeue(fair_too_, Dequeue::kSave, 10'500'000);
  set_params(fair_too_, FairParams{});
  stack_.enqueue(fair_too_, Enqueue::kRestoreHead, 10'500'000);
  EXPECT_NEAR(static_cast<double>(stack_.fair().lag_of(fair_too_)), static_cast<double>(lag), 2);
  EXPECT_EQ(fair_too_.fair.virtual_deadline - fair_too_.fair.vruntime, left);
}

TEST_F(Classes, EveryQueuedContextIsVisitedOnce) {
  for (auto* context : {&fair_, &low_, &fair_too_, &high_}) {
    stack_.enqueue(*context, Enqueue::kNew, 0);
  }
  stack_.set_current(high_, 0);
  std::vector<int> seen(5);
  stack_.for_each_queued([&](const SchedContext& context) { ++seen[context.id]; });
  EXPECT_EQ(seen, (std::vector<int>{0, 1, 1, 1, 1}));
}

TEST_F(Classes, CheckLooksIntoEveryClass) {
  stack_.enqueue(fair_, Enqueue::kNew, 0);
  stack_.enqueue(low_, Enqueue::kNew, 0);
  EXPECT_EQ(stack_.check(), nullptr);
  ++fair_.fair.vruntime;
  EXPECT_NE(stack_.check(), nullptr);
  --fair_.fair.vruntime;
  low_.queued = false;
  EXPECT_STREQ(stack_.check(), "realtime: a context on a list is not marked as queued");
  low_.queued = true;
  stack_.set_current(fair_, 0);
  stack_.set_current(low_, 0);
  EXPECT_STREQ(stack_.check(), "classes: two contexts are current on one CPU");
  stack_.put_current(fair_, 0);
}

using ClassesDeathTest = Classes;

TEST_F(ClassesDeathTest, ContextsOfNoClassQueueAreRefused) {
  EXPECT_DEATH(stack_.enqueue(idle_, Enqueue::kNew, 0), "on no class queue");
  EXPECT_DEATH((void)stack_.charge(idle_, 1, 0), "on no class queue");
}

}  // namespace
}  // namespace px::policy
