// Goal: the random sets are worth running: well-formed, and often blocked in the ways that matter.
// Method: the reference runs 10,000 of them, which checks their form, and counts what happened.
#include "random_sets.hpp"

#include <gtest/gtest.h>

#include <set>

namespace px::oracle {
namespace {

constexpr std::uint64_t kSets = 10'000;

TEST(RandomSets, AreBlockedOftenEnough) {
  std::uint64_t blocked = 0;
  std::uint64_t chain_of_two = 0;
  std::uint64_t chain_of_three_with_two = 0;
  for (std::uint64_t seed = 0; seed < kSets; ++seed) {
    const Blocking seen = simulate(random_set(seed), RefProtocol::kInherit).blocking;
    blocked += seen.blocked_tasks > 0 ? 1 : 0;
    chain_of_two += seen.longest_chain >= 2 ? 1 : 0;
    chain_of_three_with_two += seen.chain_of_three_with_two ? 1 : 0;
  }
  RecordProperty("blocked", static_cast<int>(blocked));
  RecordProperty("chain_of_two", static_cast<int>(chain_of_two));
  RecordProperty("chain_of_three_with_two", static_cast<int>(chain_of_three_with_two));
  EXPECT_GE(blocked, kSets * 30 / 100);
  EXPECT_GE(chain_of_two, kSets * 10 / 100);
  EXPECT_GE(chain_of_three_with_two, kSets * 5 / 100);
}

TEST(RandomSets, KeepTheirPromises) {
  std::set<std::size_t> sizes;
  std::set<int> lock_counts;
  for (std::uint64_t seed = 0; seed < 1'000; ++seed) {
    const TaskSet set = random_set(seed);
    sizes.insert(set.tasks.size());
    lock_counts.insert(set.locks);
    std::set<int> priorities;
    for (const RefTask& task : set.tasks) {
      EXPECT_TRUE(priorities.insert(task.priority).second) << "seed " << seed;
      for (const Instruction& step : task.program) EXPECT_NE(step.step, Step::kSleep);
    }
  }
  EXPECT_EQ(sizes, (std::set<std::size_t>{3, 4, 5, 6, 7, 8}));
  EXPECT_EQ(lock_counts, (std::set<int>{1, 2, 3, 4}));
}

TEST(RandomSets, OptionsAddEqualsAndSleeps) {
  int with_equals = 0;
  int with_sleeps = 0;
  for (std::uint64_t seed = 0; seed < 1'000; ++seed) {
    const TaskSet set = random_set(seed, {true, true});
    std::set<int> priorities;
    bool sleeps = false;
    for (const RefTask& task : set.tasks) {
      priorities.insert(task.priority);
      for (const Instruction& step : task.program) sleeps = sleeps || step.step == Step::kSleep;
    }
    with_equals += priorities.size() < set.tasks.size() ? 1 : 0;
    with_sleeps += sleeps ? 1 : 0;
    EXPECT_EQ(simulate(set, RefProtocol::kNone).finish.size(), set.tasks.size());
  }
  EXPECT_GT(with_equals, 800);
  EXPECT_GT(with_sleeps, 500);
}

TEST(RandomSets, TheSameSeedGivesTheSameSet) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    EXPECT_EQ(rtapp_json(random_set(seed)), rtapp_json(random_set(seed)));
  }
  EXPECT_NE(rtapp_json(random_set(1)), rtapp_json(random_set(2)));
}

TEST(RandomSets, HandingOverDiffersOnlyWhereALockIsStolen) {
  int stolen = 0;
  for (std::uint64_t seed = 0; seed < kSets; ++seed) {
    const TaskSet set = random_set(seed);
    const RefResult inherit = simulate(set, RefProtocol::kInherit);
    const RefResult handed = simulate(set, RefProtocol::kInheritAndHandOver);
    if (inherit.blocking.stolen_from_donor) {
      ++stolen;
    } else {
      EXPECT_EQ(inherit.finish, handed.finish) << "seed " << seed;
    }
  }
  EXPECT_GE(stolen, 1);
  EXPECT_LE(stolen, static_cast<int>(kSets / 100));
}

TEST(RandomSets, EveryFaultShows) {
  for (const Fault fault :
       {Fault::kNoTransitivity, Fault::kBoostOutlastsUnlock, Fault::kBoostEndsTooEarly,
        Fault::kWakesFirstCome, Fault::kWaitersKeepTheirRank}) {
    int differing = 0;
    for (std::uint64_t seed = 0; seed < kSets; ++seed) {
      const TaskSet set = random_set(seed);
      differing += simulate(set, RefProtocol::kInherit, fault).finish !=
                   simulate(set, RefProtocol::kInherit).finish;
    }
    EXPECT_GE(differing, 20) << "fault " << static_cast<int>(fault);
  }
  int differing = 0;
  for (std::uint64_t seed = 0; seed < kSets; ++seed) {
    const TaskSet set = random_set(seed, {true, false});
    differing += simulate(set, RefProtocol::kNone, Fault::kPreemptedGoesToTail).finish !=
                 simulate(set, RefProtocol::kNone).finish;
  }
  EXPECT_GE(differing, 20) << "a preempted task at the tail of its level";
}

}  // namespace
}  // namespace px::oracle
