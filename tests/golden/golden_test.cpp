// Goal: schedules that others have published come out of the simulator to the nanosecond.
// Method: every workload of workloads/golden runs under every protocol of its sidecar (derivations:
// README.md); intervals, ends of jobs and missed deadlines are compared, and a second run must give
// the same bytes.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "expectation.hpp"
#include "sim/run.hpp"
#include "trace/result_json.hpp"
#include "workload/read.hpp"

namespace px::golden {
namespace {

namespace fs = std::filesystem;

// Names without extension of the files in `folder` that end in `suffix`, sorted.
std::vector<std::string> names_in(const std::string& folder, const std::string& suffix) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (name.ends_with(suffix)) names.push_back(name.substr(0, name.size() - suffix.size()));
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<Interval> intervals_of(const trace::RunResult& result) {
  std::vector<Interval> intervals;
  for (const trace::Segment& segment : result.segments) {
    intervals.push_back({segment.cpu, segment.start_ns, segment.end_ns,
                         result.tasks.at(segment.exec).name, result.tasks.at(segment.donor).name});
  }
  return intervals;
}

std::vector<Nanos> ends_of_jobs(const trace::RunResult& result, const std::string& task) {
  std::vector<Nanos> ends;
  for (const trace::TaskResult& candidate : result.tasks) {
    if (candidate.name != task) continue;
    for (const trace::Job& job : candidate.jobs) ends.push_back(job.finish_ns.value_or(-1));
  }
  return ends;
}

trace::RunResult run(const workload::Workload& workload, const std::string& protocol) {
  sim::SimOptions options;
  options.protocol = workload::protocol_named(protocol);
  return sim::run(workload, options);
}

void compare(const trace::RunResult& result, const Expectation& expected) {
  SCOPED_TRACE("protocol " + expected.protocol);
  EXPECT_EQ(result.deadlock, "");
  EXPECT_EQ(text_of(intervals_of(result), expected.until),
            text_of(expected.intervals, expected.until));
  for (const auto& [task, ends] : expected.finish) {
    EXPECT_EQ(ends_of_jobs(result, task), ends) << task;
  }
  if (expected.deadline_misses) {
    EXPECT_EQ(result.totals.deadline_misses, *expected.deadline_misses);
  }
}

class Golden : public testing::TestWithParam<std::string> {
 protected:
  [[nodiscard]] static workload::Workload workload() {
    return workload::read_files({std::string(PX_GOLDEN_WORKLOADS "/") + GetParam() + ".json"});
  }
  [[nodiscard]] static std::vector<Expectation> expectations() {
    return read_expectations(std::string(PX_GOLDEN_EXPECTATIONS "/") + GetParam() + ".expect.json");
  }
};

TEST_P(Golden, RunsAsPublished) {
  std::vector<std::string> compared;
  for (const Expectation& expected : expectations()) {
    compare(run(workload(), expected.protocol), expected);
    compared.push_back(expected.protocol);
  }
  std::sort(compared.begin(), compared.end());
  EXPECT_EQ(compared, (std::vector<std::string>{"inherit", "none", "protect", "proxy"}));
}

// Only proxy execution lends: under every other protocol each task pays for itself.
TEST_P(Golden, OnlyProxyMakesDonors) {
  for (const char* protocol : {"inherit", "none", "protect"}) {
    EXPECT_EQ(run(workload(), protocol).totals.proxied_ns, 0) << protocol;
  }
}

TEST_P(Golden, RunsTwiceAlike) {
  for (const char* protocol : {"proxy", "inherit", "protect", "none"}) {
    const std::string first = trace::to_json(run(workload(), protocol));
    EXPECT_EQ(first, trace::to_json(run(workload(), protocol))) << protocol;
    EXPECT_GT(first.size(), 200U) << protocol;
  }
}

INSTANTIATE_TEST_SUITE_P(Workloads, Golden,
                         testing::ValuesIn(names_in(PX_GOLDEN_EXPECTATIONS, ".expect.json")),
                         [](const auto& parameter) {
                           std::string name = parameter.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST(GoldenFiles, EveryWorkloadHasAnExpectation) {
  EXPECT_EQ(names_in(PX_GOLDEN_WORKLOADS, ".json"),
            names_in(PX_GOLDEN_EXPECTATIONS, ".expect.json"));
}

// The comparison must be able to fail: a timeline shifted by one nanosecond is another one.
TEST(GoldenFiles, OneNanosecondShows) {
  const std::vector<Interval> right{{0, 0, 1000, "A", "A"}, {0, 1000, 2000, "B", "A"}};
  std::vector<Interval> wrong = right;
  wrong[1].end -= 1;
  EXPECT_NE(text_of(right, kNever), text_of(wrong, kNever));
  EXPECT_EQ(text_of(right, 1999), text_of(wrong, 1999));
  wrong = right;
  wrong[1].donor = "B";
  EXPECT_NE(text_of(right, kNever), text_of(wrong, kNever));
}

}  // namespace
}  // namespace px::golden
