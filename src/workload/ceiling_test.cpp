// Goal: the ceiling of a lock is the one given or the highest rank of those who lock it, and who
// could never lock it is named at load.
// Method: small workloads in text, with tasks of one and of several phases.
#include "workload/ceiling.hpp"

#include <gtest/gtest.h>

#include <string>

#include "workload/error.hpp"
#include "workload/read.hpp"

namespace px::workload {
namespace {

Workload with(const std::string& resource, const std::string& tasks) {
  return read_text("{\"resources\": {\"m\": {" + resource + "}}, \"tasks\": {" + tasks + "}}",
                   "w.json");
}

constexpr const char* kSection = "\"loop\": 1, \"lock\": \"m\", \"run\": 1, \"unlock\": \"m\"";

std::string task(const std::string& name, const std::string& policy, int priority) {
  return "\"" + name + "\": {\"policy\": \"" + policy +
         "\", \"priority\": " + std::to_string(priority) + ", " + kSection + "}";
}

TEST(CeilingOf, IsTheHighestUserIfNoneIsGiven) {
  const Workload mixed = with("", task("A", "SCHED_OTHER", 5) + "," + task("B", "SCHED_FIFO", 7) +
                                      "," + task("C", "SCHED_RR", 3));
  EXPECT_TRUE(ceiling_of(mixed, 0).realtime);
  EXPECT_EQ(ceiling_of(mixed, 0).level, 7);
  const Workload fair = with("", task("A", "SCHED_OTHER", 5) + "," + task("B", "SCHED_OTHER", -3));
  EXPECT_FALSE(ceiling_of(fair, 0).realtime);
  EXPECT_EQ(ceiling_of(fair, 0).level, -3);
}

TEST(CeilingOf, CountsOnlyTheRankWhereTheLockIsTaken) {
  const Workload phases = with("",
                               "\"A\": {\"loop\": 2, \"phases\": {"
                               "\"p\": {\"policy\": \"SCHED_FIFO\", \"priority\": 9, \"run\": 1}, "
                               "\"q\": {\"policy\": \"SCHED_FIFO\", \"priority\": 4, " +
                                   std::string(kSection) + "}}}");
  EXPECT_EQ(ceiling_of(phases, 0).level, 4);
  // A phase that sets nothing has what the one before it set, also in the next round.
  const Workload sticky =
      with("", "\"A\": {\"loop\": 2, \"phases\": {\"p\": {" + std::string(kSection) +
                   "}, \"q\": {\"policy\": \"SCHED_FIFO\", \"priority\": 4, \"run\": 1}}}");
  EXPECT_TRUE(ceiling_of(sticky, 0).realtime);
  EXPECT_EQ(ceiling_of(sticky, 0).level, 4);
}

TEST(CeilingOf, NamesWhoRanksAboveTheOneGiven) {
  const std::string given = "\"px\": {\"protocol\": \"protect\", \"ceiling\": 5}";
  EXPECT_EQ(ceiling_of(with(given, task("A", "SCHED_FIFO", 5)), 0).level, 5);
  try {
    (void)ceiling_of(with(given, task("A", "SCHED_FIFO", 6)), 0);
    FAIL() << "no error";
  } catch (const Error& error) {
    const std::string text = error.what();
    EXPECT_NE(text.find("w.json:1:"), std::string::npos) << text;
    EXPECT_NE(text.find("found task \"A\" with realtime priority 6 locking \"m\", whose ceiling is "
                        "realtime priority 5"),
              std::string::npos)
        << text;
  }
}

TEST(CeilingOf, RanksNiceLevelsUpsideDown) {
  const Ceiling ceiling{false, 0};
  EXPECT_TRUE(ceiling.is_below(policy::FairParams{.nice = -1}));
  EXPECT_FALSE(ceiling.is_below(policy::FairParams{.nice = 0}));
  EXPECT_TRUE(ceiling.is_below(policy::RealtimeParams{1, false}));
}

}  // namespace
}  // namespace px::workload
