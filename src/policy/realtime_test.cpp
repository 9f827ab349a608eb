// Goal: the realtime class orders contexts as POSIX and the contract on ties say.
// Method: small hand-made cases for each rule; random operations against a plain model (a vector
// per level); damage that check() must find.
#include "policy/realtime.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "base/prng.hpp"

namespace px::policy {
namespace {

constexpr Nanos kTurn = 100 * kMillisecond;

SchedContext realtime_context(std::uint32_t id, int priority, bool round_robin = false) {
  SchedContext context;
  context.id = id;
  set_params(context, RealtimeParams{.priority = priority, .round_robin = round_robin});
  return context;
}

class Realtime : public testing::Test {
 protected:
  void start(SchedContext& context) { queue_.enqueue(context, Enqueue::kNew, now_); }

  // Chooses again, as schedule() does.
  SchedContext* schedule() {
    const char* broken = queue_.check();
    EXPECT_EQ(broken, nullptr) << broken;
    SchedContext* next = queue_.pick(now_);
    if (next == current_) return current_;
    if (current_ != nullptr) queue_.put_current(*current_, now_);
    current_ = next;
    if (current_ != nullptr) queue_.set_current(*current_, now_);
    return current_;
  }

  void sleep(SchedContext& context) {
    queue_.dequeue(context, Dequeue::kSleep, now_);
    if (current_ == &context) current_ = nullptr;
  }

  // Changes the parameters of a queued context as the core does.
  void change(SchedContext& context, const RealtimeParams& params, Enqueue why) {
    const bool was_current = current_ == &context;
    queue_.dequeue(context, Dequeue::kSave, now_);
    set_params(context, params);
    queue_.enqueue(context, why, now_);
    if (was_current) queue_.set_current(context, now_);
  }

  std::vector<std::uint32_t> ids() const {
    std::vector<std::uint32_t> result;
    queue_.for_each_queued([&](const SchedContext& context) { result.push_back(context.id); });
    const char* broken = queue_.check();
    EXPECT_EQ(broken, nullptr) << broken;
    return result;
  }

  using Ids = std::vector<std::uint32_t>;
  RealtimeClass queue_{kTurn};
  SchedContext* current_ = nullptr;
  Nanos now_ = 0;
};

TEST_F(Realtime, HighestPriorityFirstOverTheWholeRange) {
  std::vector<SchedContext> contexts;
  contexts.reserve(99);
  for (int priority = 1; priority <= 99; ++priority) {
    contexts.push_back(realtime_context(static_cast<std::uint32_t>(priority), priority));
  }
  // Not in order of priority: 37 is prime to 99.
  for (std::size_t i = 0; i < 99; ++i) start(contexts[i * 37 % 99]);
  EXPECT_EQ(queue_.queued(), 99);
  for (int priority = 99; priority >= 1; --priority) {
    SchedContext* best = queue_.pick(now_);
    ASSERT_NE(best, nullptr);
    ASSERT_EQ(best->rt_params.priority, priority);
    sleep(*best);
  }
  EXPECT_EQ(queue_.pick(now_), nullptr);
  EXPECT_EQ(queue_.queued(), 0);
}

TEST_F(Realtime, FirstInFirstOutWithinALevel) {
  auto a = realtime_context(3, 10);
  auto b = realtime_context(2, 10);
  auto c = realtime_context(1, 10);
  start(a);
  now_ = 1;
  start(b);
  now_ = 2;
  start(c);
  EXPECT_EQ(ids(), (Ids{3, 2, 1}));
  now_ = 3;
  sleep(a);
  queue_.enqueue(a, Enqueue::kWake, now_);
  EXPECT_EQ(ids(), (Ids{2, 1, 3})) << "a wakeup goes to the tail";
}

TEST_F(Realtime, ArrivalsOfOneInstantGoById) {
  auto a = realtime_context(5, 10);
  auto b = realtime_context(3, 10);
  auto c = realtime_context(4, 10);
  auto d = realtime_context(1, 10);
  start(a);
  schedule();
  start(b);
  start(c);
  EXPECT_EQ(ids(), (Ids{5, 3, 4})) << "but never ahead of the running one";
  now_ = 1;
  start(d);
  EXPECT_EQ(ids(), (Ids{5, 3, 4, 1})) << "nor of whoever has waited longer";
}

TEST_F(Realtime, PreemptedKeepsTheHeadOfItsLevel) {
  auto low = realtime_context(1, 10);
  auto low_too = realtime_context(2, 10);
  auto high = realtime_context(3, 20);
  start(low);
  schedule();
  now_ = 1;
  start(low_too);
  start(high);
  EXPECT_TRUE(queue_.preempts(high, low, now_));
  EXPECT_FALSE(queue_.preempts(low_too, low, now_)) << "equal priority";
  EXPECT_FALSE(queue_.preempts(low, high, now_));
  EXPECT_EQ(schedule(), &high);
  now_ = 2;
  sleep(high);
  EXPECT_EQ(schedule(), &low);
}

TEST_F(Realtime, YieldGoesBehindAllOfItsLevelAndNoOther) {
  auto a = realtime_context(1, 10);
  auto b = realtime_context(2, 10);
  auto c = realtime_context(3, 10);
  auto lower = realtime_context(4, 5);
  for (auto* context : {&a, &b, &c, &lower}) start(*context);
  schedule();
  for (const std::uint32_t next : {2U, 3U, 1U, 2U}) {  // all at one instant
    queue_.yield(*current_, now_);
    EXPECT_EQ(schedule()->id, next);
  }
  auto same_instant = realtime_context(0, 10);
  queue_.yield(b, now_);
  start(same_instant);
  EXPECT_EQ(ids(), (Ids{3, 1, 2, 0, 4})) << "who comes after a yield is behind it, whatever its id";
  sleep(same_instant);
  schedule();
  sleep(a);
  sleep(c);
  schedule();
  queue_.yield(*current_, now_);
  EXPECT_EQ(schedule(), &b) << "alone at its level";
}

TEST_F(Realtime, FifoHasNoSlice) {
  auto a = realtime_context(1, 10);
  auto b = realtime_context(2, 10);
  start(a);
  start(b);
  schedule();
  EXPECT_EQ(queue_.slice_end(a, now_), kNever);
  EXPECT_FALSE(queue_.charge(a, 10 * kTurn, now_));
  EXPECT_EQ(schedule(), &a);
}

TEST_F(Realtime, RoundRobinTurnsEndAndGoToTheTail) {
  auto a = realtime_context(1, 10, true);
  auto b = realtime_context(2, 10, true);
  auto c = realtime_context(3, 10, true);
  for (auto* context : {&a, &b, &c}) start(*context);
  schedule();
  Ids order;
  for (int i = 0; i < 6; ++i) {
    const Nanos end = queue_.slice_end(*current_, now_);
    ASSERT_EQ(end, now_ + kTurn);
    EXPECT_FALSE(queue_.charge(*current_, kTurn - 1, end - 1));
    EXPECT_EQ(queue_.slice_end(*current_, end - 1), end);
    EXPECT_TRUE(queue_.charge(*current_, 1, end));
    now_ = end;
    order.push_back(schedule()->id);
  }
  EXPECT_EQ(order, (Ids{2, 3, 1, 2, 3, 1}));
}

TEST_F(Realtime, PreemptedRoundRobinGoesOnWithTheRestOfItsTurn) {
  auto a = realtime_context(1, 10, true);
  auto b = realtime_context(2, 10, true);
  auto high = realtime_context(3, 11);
  start(a);
  start(b);
  schedule();
  EXPECT_FALSE(queue_.charge(a, kTurn / 4, now_ = kTurn / 4));
  start(high);
  schedule();
  now_ += 5;
  sleep(high);
  EXPECT_EQ(schedule(), &a);
  EXPECT_EQ(queue_.slice_end(a, now_), now_ + kTurn * 3 / 4);
}

TEST_F(Realtime, WhoGoesToTheTailHasAFullTurn) {
  auto a = realtime_context(1, 10, true);
  auto b = realtime_context(2, 10, true);
  start(a);
  start(b);
  schedule();
  EXPECT_FALSE(queue_.charge(a, kTurn / 4, now_ = kTurn / 4));
  queue_.yield(a, now_);
  EXPECT_EQ(queue_.slice_end(a, now_), now_ + kTurn);

  EXPECT_EQ(schedule(), &b);
  EXPECT_FALSE(queue_.charge(b, kTurn / 4, now_ += kTurn / 4));
  sleep(b);
  queue_.enqueue(b, Enqueue::kWake, ++now_);
  EXPECT_EQ(queue_.slice_end(b, now_), now_ + kTurn);
}

TEST_F(Realtime, RoundRobinAloneAtItsLevelRunsOn) {
  auto a = realtime_context(1, 10, true);
  auto lower = realtime_context(2, 9, true);
  start(a);
  start(lower);
  schedule();
  EXPECT_EQ(queue_.slice_end(a, now_), kNever);
  EXPECT_FALSE(queue_.charge(a, 3 * kTurn, now_));
  EXPECT_EQ(schedule(), &a);
  auto fifo = realtime_context(3, 10);
  start(fifo);
  EXPECT_EQ(queue_.slice_end(a, now_), now_ + kTurn);
  EXPECT_TRUE(queue_.charge(a, kTurn, now_ += kTurn));
  EXPECT_EQ(schedule(), &fifo);
}

TEST_F(Realtime, RestoreKeepsThePlaceAtAnUnchangedPriority) {
  auto a = realtime_context(1, 10);
  auto b = realtime_context(2, 10);
  auto c = realtime_context(3, 10);
  for (auto* context : {&a, &b, &c}) start(*context);
  change(b, {.priority = 10, .round_robin = true}, Enqueue::kRestore);
  EXPECT_EQ(ids(), (Ids{1, 2, 3}));
  schedule();
  now_ = 5;
  change(a, {.priority = 10, .round_robin = true}, Enqueue::kRestore);
  EXPECT_EQ(ids(), (Ids{1, 2, 3})) << "the running one too";
}

TEST_F(Realtime, RestoreAtAnotherPriorityGoesToTheTail) {
  auto a = realtime_context(1, 10);
  auto b = realtime_context(2, 20);
  auto c = realtime_context(3, 20);
  for (auto* context : {&a, &b, &c}) start(*context);
  now_ = 1;
  change(a, {.priority = 20}, Enqueue::kRestore);
  EXPECT_EQ(ids(), (Ids{2, 3, 1}));
  // Having been elsewhere in between, it has no place to go back to.
  queue_.dequeue(b, Dequeue::kSave, now_);
  set_params(b, FairParams{});
  set_params(b, RealtimeParams{.priority = 20});
  now_ = 2;
  queue_.enqueue(b, Enqueue::kRestore, now_);
  EXPECT_EQ(ids(), (Ids{3, 1, 2}));
}

TEST_F(Realtime, RestoreAtAnotherPriorityTakesTheRunningOneToTheTailToo) {
  auto a = realtime_context(1, 20);
  auto b = realtime_context(2, 10);
  auto c = realtime_context(3, 10);
  for (auto* context : {&a, &b, &c}) start(*context);
  schedule();
  now_ = 1;
  change(a, {.priority = 10}, Enqueue::kRestore);
  EXPECT_EQ(ids(), (Ids{2, 3, 1})) << "having become current again does not change that";
  EXPECT_EQ(schedule(), &b);
}

TEST_F(Realtime, EndOfABoostGoesToTheHead) {
  auto boosted = realtime_context(1, 50);
  auto a = realtime_context(2, 10);
  auto b = realtime_context(3, 10);
  for (auto* context : {&boosted, &a, &b}) start(*context);
  schedule();
  now_ = 1;
  change(boosted, {.priority = 10}, Enqueue::kRestoreHead);
  EXPECT_EQ(ids(), (Ids{1, 2, 3}));
  EXPECT_EQ(schedule(), &boosted);
}

TEST_F(Realtime, BeginOfABoostKeepsTheTimeWaited) {
  auto running = realtime_context(1, 50);
  auto early = realtime_context(2, 30);
  auto raised = realtime_context(3, 10);
  auto late = realtime_context(4, 30);
  start(running);
  schedule();
  for (auto* context : {&early, &raised, &late}) {
    ++now_;
    start(*context);
  }
  ++now_;
  change(raised, {.priority = 30}, Enqueue::kRestorePlace);
  EXPECT_EQ(ids(), (Ids{1, 2, 3, 4}));
  EXPECT_EQ(queue_.check(), nullptr);
}

TEST_F(Realtime, HeadOfTheLevelIsBehindTheRunningOne) {
  auto running = realtime_context(1, 10);
  auto waiting = realtime_context(2, 10);
  auto boosted = realtime_context(3, 10);
  start(running);
  start(waiting);
  schedule();
  queue_.enqueue(boosted, Enqueue::kRestoreHead, now_);
  EXPECT_EQ(ids(), (Ids{1, 3, 2}));
  EXPECT_EQ(schedule(), &running);
  // Once the running one has given way, the head is the head.
  queue_.dequeue(boosted, Dequeue::kSave, now_);
  queue_.yield(running, now_);
  queue_.enqueue(boosted, Enqueue::kRestoreHead, now_);
  EXPECT_EQ(ids(), (Ids{3, 2, 1}));
}

// The model: one vector per level, head first.
TEST_F(Realtime, MatchesAModelOverRandomOperations) {
  constexpr int kContexts = 24;
  Prng prng(3);
  std::vector<SchedContext> contexts;
  contexts.reserve(kContexts);
  for (std::uint32_t i = 0; i < kContexts; ++i) contexts.push_back(realtime_context(i, 1));
  std::array<std::vector<SchedContext*>, 100> model;
  const auto level = [&](const SchedContext& context) -> auto& {
    return model[static_cast<std::size_t>(context.rt_params.priority)];
  };
  for (int step = 0; step < 50'000; ++step) {
    ++now_;  // distinct instants: the rule for one instant has its own test
    auto& chosen = contexts[static_cast<std::size_t>(prng.between(0, kContexts - 1))];
    auto& list = level(chosen);
    const auto place = std::find(list.begin(), list.end(), &chosen);
    if (!chosen.queued) {
      set_params(chosen, RealtimeParams{.priority = static_cast<int>(prng.between(60, 68))});
      const bool head = prng.chance(20);
      auto& target = level(chosen);
      queue_.enqueue(chosen, head ? Enqueue::kRestoreHead : Enqueue::kWake, now_);
      const bool behind = head && !target.empty() && target.front() == current_;
      target.insert(head ? target.begin() + (behind ? 1 : 0) : target.end(), &chosen);
    } else if (prng.chance(50)) {
      list.erase(place);
      sleep(chosen);
    } else if (current_ != nullptr) {
      auto& own = level(*current_);
      queue_.yield(*current_, now_);
      own.erase(std::find(own.begin(), own.end(), current_));
      own.push_back(current_);
    }
    if (prng.chance(80)) schedule();
    Ids expected;
    for (std::size_t priority = 99; priority > 0; --priority) {
      for (const SchedContext* context : model[priority]) expected.push_back(context->id);
    }
    ASSERT_EQ(ids(), expected) << "step " << step;
    ASSERT_EQ(queue_.queued(), static_cast<int>(expected.size()));
  }
}

class DamagedRealtimeQueue : public testing::Test {
 protected:
  void SetUp() override {
    queue_.enqueue(a_, Enqueue::kNew, 1);
    queue_.enqueue(b_, Enqueue::kNew, 2);
    ASSERT_EQ(queue_.check(), nullptr);
  }

  SchedContext a_ = realtime_context(1, 10);
  SchedContext b_ = realtime_context(2, 10);
  RealtimeClass queue_{kTurn};
};

TEST_F(DamagedRealtimeQueue, Priority) {
  a_.rt_params.priority = 11;
  EXPECT_STREQ(queue_.check(), "realtime: a context on another level's list");
}

TEST_F(DamagedRealtimeQueue, Mark) {
  b_.queued = false;
  EXPECT_STREQ(queue_.check(), "realtime: a context on a list is not marked as queued");
}

TEST_F(DamagedRealtimeQueue, Order) {
  std::swap(a_.queue_seq, b_.queue_seq);
  EXPECT_STREQ(queue_.check(), "realtime: a list out of order");
}

TEST_F(DamagedRealtimeQueue, Class) {
  a_.class_id = ClassId::kFair;
  EXPECT_STREQ(queue_.check(), "realtime: a context of another class is queued");
}

TEST_F(DamagedRealtimeQueue, Turn) {
  a_.rt.rr_left_ns = 0;
  EXPECT_STREQ(queue_.check(), "realtime: a context with a used-up turn");
}

TEST(RealtimeDeathTest, MisuseIsNamed) {
  RealtimeClass queue(kTurn);
  auto a = realtime_context(1, 10);
  auto b = realtime_context(2, 10);
  EXPECT_DEATH(queue.dequeue(a, Dequeue::kSleep, 0), "only a queued context can be dequeued");
  queue.enqueue(a, Enqueue::kNew, 0);
  queue.enqueue(b, Enqueue::kNew, 0);
  EXPECT_DEATH(queue.enqueue(a, Enqueue::kNew, 0), "one queue only");
  queue.set_current(a, 0);
  EXPECT_DEATH(queue.set_current(b, 0), "must be put back");
  EXPECT_DEATH((void)queue.charge(b, 1, 0), "only the current context pays");
  EXPECT_DEATH(RealtimeClass(0), "expected 1 ns to 10 s");
}

}  // namespace
}  // namespace px::policy
