// Goal: to_json writes exactly the shape of schema 1, whatever the names in it.
// Method: one small result is compared byte for byte; the rest is parsed back and compared field by
// field, key order included.
#include "trace/result_json.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace px::trace {
namespace {

using nlohmann::ordered_json;

std::vector<std::string> keys_of(const ordered_json& object) {
  std::vector<std::string> keys;
  for (const auto& item : object.items()) keys.push_back(item.key());
  return keys;
}

RunResult full_result() {
  RunResult result;
  result.world = "live";
  result.cpus = 2;
  result.protocol = "proxy";
  result.duration_ns = 1'000'000'007;
  result.seed = 18'446'744'073'709'551'615U;
  TaskResult task;
  task.name = "H";
  task.policy = "fifo";
  task.executed_ns = 1;
  task.charged_ns = 2;
  task.donated_ns = 3;
  task.received_ns = 4;
  task.blocked_ns = 5;
  task.runnable_ns = 6;
  task.inversion_ns = 7;
  task.switches = 8;
  task.preemptions = 9;
  task.migrations = 10;
  task.proxy_migrations = 11;
  task.lock_wait = {12, 13, 14, 15, 16, 17};
  task.jobs = {{1, 2, 3, 4, false}, {5, {}, {}, {}, true}};
  result.tasks = {task, {}};
  result.tasks[1].name = "L";
  result.tasks[1].policy = "other";
  result.locks = {{"m", 1, 2, 3, 4, 5}};
  result.segments = {{0, 10, 20, 1, 0}, {1, 11, 21, 0, 0}};
  result.totals = {21, 22, 23, 24};
  return result;
}

TEST(ResultJson, HasTheBytesOfTheContract) {
  const std::string expected =
      R"({"schema":1,"world":"live","cpus":2,"protocol":"proxy","placement":"owner",)"
      R"("duration_ns":1000000007,"seed":18446744073709551615,
"tasks":[
{"name":"H","policy":"fifo","executed_ns":1,"charged_ns":2,"donated_ns":3,"received_ns":4,)"
      R"("blocked_ns":5,"runnable_ns":6,"inversion_ns":7,"switches":8,"preemptions":9,)"
      R"("migrations":10,"proxy_migrations":11,)"
      R"("lock_wait_ns":{"count":12,"contended":13,"p50":14,"p99":15,"p999":16,"max":17},)"
      R"("jobs":[{"release_ns":1,"start_ns":2,"finish_ns":3,"deadline_ns":4,"missed":false},)"
      R"({"release_ns":5,"start_ns":null,"finish_ns":null,"deadline_ns":null,"missed":true}]},
{"name":"L","policy":"other","executed_ns":0,"charged_ns":0,"donated_ns":0,"received_ns":0,)"
      R"("blocked_ns":0,"runnable_ns":0,"inversion_ns":0,"switches":0,"preemptions":0,)"
      R"("migrations":0,"proxy_migrations":0,)"
      R"("lock_wait_ns":{"count":0,"contended":0,"p50":0,"p99":0,"p999":0,"max":0},"jobs":[]}
],
"locks":[
{"name":"m","acquisitions":1,"contended":2,"handoffs":3,"max_hold_ns":4,"max_chain":5}
],
"segments":[
{"cpu":0,"start_ns":10,"end_ns":20,"exec":"L","donor":"H"},
{"cpu":1,"start_ns":11,"end_ns":21,"exec":"H","donor":"H"}
],
"totals":{"events":21,"switches":22,"proxied_ns":23,"deadline_misses":24}}
)";
  EXPECT_EQ(to_json(full_result()), expected);
}

TEST(ResultJson, IsValidWithoutAnyTaskLockOrSegment) {
  const auto json = ordered_json::parse(to_json(RunResult{}));
  EXPECT_EQ(keys_of(json), (std::vector<std::string>{"schema", "world", "cpus", "protocol",
                                                     "placement", "duration_ns", "seed", "tasks",
                                                     "locks", "segments", "totals"}));
  EXPECT_TRUE(json["tasks"].is_array());
  EXPECT_TRUE(json["tasks"].empty());
  EXPECT_TRUE(json["locks"].empty());
  EXPECT_TRUE(json["segments"].empty());
}

TEST(ResultJson, WritesWhatIsThereOnlySometimesAfterWhatAlwaysIs) {
  RunResult result = full_result();
  result.tasks[0].refused = {"nice", "affinity"};
  result.tasks[1].inversion_is_upper_bound = true;
  result.deadlock = "A -> \"m\" -> B";
  result.warnings = {"one", "two"};
  const auto json = ordered_json::parse(to_json(result));
  EXPECT_EQ(json["tasks"][0]["refused"], (ordered_json{"nice", "affinity"}));
  EXPECT_FALSE(json["tasks"][0].contains("inversion_upper_bound"));
  EXPECT_EQ(json["tasks"][1]["inversion_upper_bound"], true);
  EXPECT_FALSE(json["tasks"][1].contains("refused"));
  EXPECT_EQ(json["deadlock"], "A -> \"m\" -> B");
  EXPECT_EQ(json["warnings"], (ordered_json{"one", "two"}));
  const auto keys = keys_of(json);
  EXPECT_EQ(keys[keys.size() - 3], "totals");
  EXPECT_EQ(keys[keys.size() - 2], "deadlock");
  EXPECT_EQ(keys[keys.size() - 1], "warnings");
}

TEST(ResultJson, EscapesNames) {
  RunResult result = full_result();
  const std::string odd = "a\"b\\c\n\t\x01</script>\u00e9";
  result.tasks[0].name = odd;
  result.locks[0].name = odd;
  const auto json = ordered_json::parse(to_json(result));
  EXPECT_EQ(json["tasks"][0]["name"], odd);
  EXPECT_EQ(json["locks"][0]["name"], odd);
  EXPECT_EQ(json["segments"][0]["donor"], odd);
}

TEST(ResultJson, ReplacesBytesThatAreNoText) {
  RunResult result = full_result();
  result.tasks[0].name = "x\xff\xfe";
  const auto json = ordered_json::parse(to_json(result));
  EXPECT_EQ(json["tasks"][0]["name"], "x\ufffd\ufffd");
}

TEST(ResultJson, IsTheSameForTheSameResult) {
  EXPECT_EQ(to_json(full_result()), to_json(full_result()));
}

TEST(ResultJsonDeathTest, RefusesSegmentsOfUnknownTasks) {
  RunResult result = full_result();
  result.segments[0].donor = 2;
  EXPECT_DEATH((void)to_json(result), "names tasks of its own result");
}

}  // namespace
}  // namespace px::trace
