// Goal: on one CPU with FIFO tasks, proxy execution is exact priority inheritance: every job ends
// at the same instant, although nobody's priority is ever changed. The protocol `inherit`, which
// does change it, is the same.
// Method: 10,000 random sets, run by the simulator and by a reference that shares no scheduling
// code with it; the same without any cure. Then the reference is broken on purpose in six ways, and
// the comparison must notice each of them. A failure prints the set as a file that `px run`
// replays.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "random_sets.hpp"
#include "reference_scheduler.hpp"
#include "sim/run.hpp"
#include "workload/read.hpp"

namespace px::oracle {
namespace {

using workload::Protocol;

constexpr std::uint64_t kSeeds = 10'000;
constexpr int kFailuresPrinted = 3;

trace::RunResult simulate_with_product(const workload::Workload& workload, Protocol protocol) {
  sim::SimOptions options;
  options.protocol = protocol;
  return sim::run(workload, options);
}

// The execution timeline of a result with the donors left out.
std::vector<RefSegment> timeline_of(const trace::RunResult& result) {
  std::vector<RefSegment> timeline;
  for (const trace::Segment& segment : result.segments) {
    const auto task = static_cast<int>(segment.exec);
    if (!timeline.empty() && timeline.back().task == task &&
        timeline.back().end == segment.start_ns) {
      timeline.back().end = segment.end_ns;
    } else {
      timeline.push_back({segment.start_ns, segment.end_ns, task});
    }
  }
  return timeline;
}

std::string text_of(const RefSegment& segment) {
  return fmt::format("T{} [{}, {}) ns", segment.task, segment.start, segment.end);
}

// The first job that ends elsewhere, else the first interval that differs; empty = none.
std::string first_difference(const RefResult& expected, const trace::RunResult& found) {
  if (!found.deadlock.empty()) return "the simulator reports a deadlock: " + found.deadlock;
  for (std::size_t i = 0; i < expected.finish.size(); ++i) {
    const auto& jobs = found.tasks[i].jobs;
    if (jobs.size() != 1) return fmt::format("T{} has {} jobs, not one", i, jobs.size());
    const auto finish = jobs[0].finish_ns;
    if (!finish) return fmt::format("T{} never ends", i);
    if (*finish == expected.finish[i]) continue;
    return fmt::format("T{} ends at {} ns, the reference says {} ns", i, *finish,
                       expected.finish[i]);
  }
  const std::vector<RefSegment> timeline = timeline_of(found);
  const std::size_t common = std::min(timeline.size(), expected.segments.size());
  for (std::size_t i = 0; i < common; ++i) {
    if (timeline[i] == expected.segments[i]) continue;
    return fmt::format("the simulator runs {}, the reference {}", text_of(timeline[i]),
                       text_of(expected.segments[i]));
  }
  return timeline.size() == expected.segments.size() ? "" : "one of the two runs on";
}

struct Comparison {
  Protocol product;
  RefProtocol reference;
  SetOptions sets;
};

// The reference for one set. Proxy execution hands a lock over to the paying donor; where somebody
// more urgent arrives at that very instant, inheritance would let it take the lock first, and the
// reference with hand-over is the one to compare with.
RefResult reference_run(const TaskSet& set, RefProtocol protocol, Protocol product, Fault fault) {
  RefResult result = simulate(set, protocol, fault);
  if (product != Protocol::kProxy || !result.blocking.stolen_from_donor) return result;
  return simulate(set, RefProtocol::kInheritAndHandOver, fault);
}

std::string difference_at(std::uint64_t seed, const Comparison& comparison, Fault fault) {
  const TaskSet set = random_set(seed, comparison.sets);
  return first_difference(reference_run(set, comparison.reference, comparison.product, fault),
                          simulate_with_product(workload_of(set), comparison.product));
}

void expect_equal_on_all_seeds(const Comparison& comparison) {
  int failures = 0;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    const std::string difference = difference_at(seed, comparison, Fault::kNone);
    if (difference.empty() || ++failures > kFailuresPrinted) continue;
    ADD_FAILURE() << "seed " << seed << " with protocol " << name_of(comparison.product) << ": "
                  << difference << "\nreplay: px run --protocol " << name_of(comparison.product)
                  << " FILE, where FILE contains\n"
                  << rtapp_json(random_set(seed, comparison.sets));
  }
  EXPECT_EQ(failures, 0) << "of " << kSeeds << " seeds differ";
}

bool notices(const Comparison& comparison, Fault fault) {
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    if (!difference_at(seed, comparison, fault).empty()) return true;
  }
  return false;
}

constexpr Comparison kProxyIsInheritance{Protocol::kProxy, RefProtocol::kInherit, {}};
constexpr Comparison kInheritIsInheritance{Protocol::kInherit, RefProtocol::kInherit, {}};
constexpr Comparison kNoneIsNone{Protocol::kNone, RefProtocol::kNone, {}};
constexpr Comparison kNoneWithEquals{Protocol::kNone, RefProtocol::kNone, {true, false}};

TEST(ProxyEqualsInheritance, OnRandomSets) { expect_equal_on_all_seeds(kProxyIsInheritance); }

TEST(ProxyEqualsInheritance, OnRandomSetsWhereOwnersSleep) {
  expect_equal_on_all_seeds({Protocol::kProxy, RefProtocol::kInherit, {false, true}});
}

// The protocol `inherit` changes parameters as an rt_mutex does: no case is left out.
TEST(InheritEqualsInheritance, OnRandomSets) { expect_equal_on_all_seeds(kInheritIsInheritance); }

TEST(InheritEqualsInheritance, OnRandomSetsWhereOwnersSleep) {
  expect_equal_on_all_seeds({Protocol::kInherit, RefProtocol::kInherit, {false, true}});
}

TEST(InheritEqualsInheritance, OnRandomSetsWithEqualPrioritiesAndSleeps) {
  expect_equal_on_all_seeds({Protocol::kInherit, RefProtocol::kInherit, {true, true}});
}

// On one CPU nobody ever waits for a lock that has the ceiling of all its users, as long as its
// owner does not sleep.
TEST(Protect, NobodyEverWaits) {
  std::uint64_t acquisitions = 0;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    const auto result = simulate_with_product(workload_of(random_set(seed)), Protocol::kProtect);
    ASSERT_EQ(result.deadlock, "") << "seed " << seed;
    for (const auto& lock : result.locks) {
      acquisitions += lock.acquisitions;
      ASSERT_EQ(lock.contended, 0) << "seed " << seed << ", lock " << lock.name;
    }
  }
  EXPECT_GT(acquisitions, kSeeds);
}

TEST(NoneEqualsNone, OnRandomSets) { expect_equal_on_all_seeds(kNoneIsNone); }

TEST(NoneEqualsNone, OnRandomSetsWithEqualPriorities) {
  expect_equal_on_all_seeds(kNoneWithEquals);
}

TEST(NoneEqualsNone, OnRandomSetsWithEqualPrioritiesAndSleeps) {
  expect_equal_on_all_seeds({Protocol::kNone, RefProtocol::kNone, {true, true}});
}

TEST(TheComparison, NoticesEachFault) {
  EXPECT_TRUE(notices(kProxyIsInheritance, Fault::kNoTransitivity));
  EXPECT_TRUE(notices(kProxyIsInheritance, Fault::kBoostOutlastsUnlock));
  EXPECT_TRUE(notices(kProxyIsInheritance, Fault::kBoostEndsTooEarly));
  EXPECT_TRUE(notices(kProxyIsInheritance, Fault::kWakesFirstCome));
  EXPECT_TRUE(notices(kProxyIsInheritance, Fault::kWaitersKeepTheirRank));
  EXPECT_TRUE(notices(kNoneWithEquals, Fault::kPreemptedGoesToTail));
}

TEST(TheComparison, NoticesAnotherProtocol) {
  EXPECT_TRUE(notices({Protocol::kNone, RefProtocol::kInherit, {}}, Fault::kNone));
  EXPECT_TRUE(notices({Protocol::kProxy, RefProtocol::kNone, {}}, Fault::kNone));
  EXPECT_TRUE(notices({Protocol::kInherit, RefProtocol::kNone, {}}, Fault::kNone));
}

TEST(TheReplayFile, GivesTheSameRun) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    const TaskSet set = random_set(seed, {false, true});
    const workload::Workload read = workload::read_text(rtapp_json(set), "set.json");
    const RefResult expected =
        reference_run(set, RefProtocol::kInherit, Protocol::kProxy, Fault::kNone);
    EXPECT_EQ(first_difference(expected, simulate_with_product(read, Protocol::kProxy)), "")
        << "seed " << seed;
  }
}

}  // namespace
}  // namespace px::oracle
