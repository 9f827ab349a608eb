// Goal: a small workload file becomes the scenario that it describes; one that is too big, or that
// the checker's scripts cannot say, is refused at its place. Method: files in a folder of the
// test's own; the explorations themselves are `px check`'s.
#include "check_workload.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "workload/error.hpp"

namespace px::tools {
namespace {

class CheckWorkload : public testing::Test {
 protected:
  std::string write(const std::string& text) {
    const auto folder = std::filesystem::path(testing::TempDir()) / "px-check-workload";
    std::filesystem::create_directories(folder);
    const auto file = folder / (std::string(test_info_->name()) + ".json");
    std::ofstream(file) << text;
    return file.string();
  }
  std::string error_of(const std::string& text) {
    try {
      (void)scenario_from_file(write(text));
    } catch (const workload::Error& error) {
      return error.what();
    }
    return "";
  }

 private:
  const testing::TestInfo* test_info_ = testing::UnitTest::GetInstance()->current_test_info();
};

std::string script_of(const check::TaskScript& task) {
  std::string text;
  for (const check::ScriptOp& op : task.ops) text += (text.empty() ? "" : "; ") + op.text;
  return text;
}

TEST_F(CheckWorkload, LoopsAreUnrolledAndLockCallsKnowTheirUnlock) {
  const auto scenario = scenario_from_file(write(R"({
    "tasks": {
      "low": {"policy": "SCHED_FIFO", "priority": 1, "cpus": [0], "loop": 2,
              "lock": "m", "run": 100, "unlock": "m", "sleep": 50},
      "high": {"policy": "SCHED_FIFO", "priority": 9, "cpus": [1], "delay": 10, "loop": 1,
               "lock": "m", "unlock": "m"}
    }})"));
  ASSERT_EQ(scenario.tasks.size(), 2U);
  EXPECT_EQ(scenario.cpus, 2);
  EXPECT_EQ(scenario.locks, std::vector<std::string>{"m"});
  EXPECT_EQ(script_of(scenario.tasks[0]),
            "lock m; run; unlock m; sleep; lock m; run; unlock m; sleep");
  EXPECT_EQ(script_of(scenario.tasks[1]), "delay; lock m; unlock m");
  EXPECT_EQ(scenario.tasks[0].ops[4].otherwise, 7);
  EXPECT_EQ(scenario.tasks[0].cpus, 1U);
  EXPECT_EQ(scenario.tasks[1].cpus, 2U);
  EXPECT_EQ(scenario.tasks[1].ops[0].ns, 10 * kMicrosecond);
}

TEST_F(CheckWorkload, WhatIsTooBigIsRefusedAtItsPlace) {
  const std::string endless = error_of(R"({"tasks": {"a": {"loop": -1, "run": 10}}})");
  EXPECT_NE(endless.find("a task without an end"), std::string::npos) << endless;
  EXPECT_NE(endless.find(".json:1:"), std::string::npos) << endless;
  const std::string wide = error_of(R"({"tasks": {"a": {"instance": 7, "loop": 1, "run": 10}}})");
  EXPECT_NE(wide.find("7 tasks"), std::string::npos) << wide;
  const std::string longer = error_of(R"({"tasks": {"a": {"loop": 101, "run": 10}}})");
  EXPECT_NE(longer.find("more than 100 operations"), std::string::npos) << longer;
  const std::string cpus = error_of(R"({"tasks": {"a": {"cpus": [9], "loop": 1, "run": 10}}})");
  EXPECT_NE(cpus.find("10 CPUs"), std::string::npos) << cpus;
}

TEST_F(CheckWorkload, AProtocolThatTheCheckerDoesNotExploreIsRefused) {
  const std::string error = error_of(R"({
    "global": {"px": {"lock_protocol": "inherit"}},
    "tasks": {"a": {"loop": 1, "lock": "m", "unlock": "m"}}})");
  EXPECT_NE(error.find("protocol inherit"), std::string::npos) << error;
}

TEST(CheckWorkloadNames, AreThoseOfFiles) {
  EXPECT_TRUE(names_workload("a/b.json"));
  EXPECT_FALSE(names_workload("two-tasks"));
}

}  // namespace
}  // namespace px::tools
