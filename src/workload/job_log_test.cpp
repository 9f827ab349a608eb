// Goal: the log lists each job from its release on, and what happened after the end of the run is
// not counted. Method: the calls that the interpreter makes, in its order.
#include "workload/job_log.hpp"

#include <gtest/gtest.h>

#include "workload/read.hpp"

namespace px::workload {
namespace {

TaskSpec first_task(const std::string& members) {
  return read_text("{\"tasks\":{\"t\":{" + members + "}}}", "w.json").tasks[0];
}

const std::string kPeriodic = R"("delay":1,"run":1,"timer":{"ref":"r","period":10})";

TEST(JobLog, ADisabledOneDoesNothing) {
  JobLog log;
  EXPECT_FALSE(log.enabled());
  EXPECT_FALSE(log.awaits_start());
  log.open(0, 5);
  log.finish(3);
  log.finalize(10);
  EXPECT_TRUE(log.take().empty());
}

TEST(JobLog, ReleasesTheFirstJobAtTheDelay) {
  JobLog log(first_task(kPeriodic));
  EXPECT_TRUE(log.awaits_start());
  log.finalize(kMillisecond);
  const auto jobs = log.take();
  ASSERT_EQ(jobs.size(), 1u);
  EXPECT_EQ(jobs[0].release_ns, 1'000);
  EXPECT_EQ(jobs[0].deadline_ns, 11'000);
  EXPECT_FALSE(jobs[0].start_ns);
  EXPECT_FALSE(jobs[0].finish_ns);
  EXPECT_TRUE(jobs[0].missed);
  EXPECT_TRUE(log.take().empty());
}

TEST(JobLog, AFirstActivationWithoutEventsIsNoJob) {
  const JobLog log(first_task(R"("timer":{"ref":"r","period":10},"run":1)"));
  EXPECT_TRUE(log.enabled());
  EXPECT_FALSE(log.awaits_start());
}

TEST(JobLog, MissedMeansAfterTheDeadline) {
  JobLog log(first_task(kPeriodic));
  log.start(2'000);
  log.finish(11'000);  // exactly at the deadline
  log.open(11'000, 21'000);
  log.start(11'000);
  log.finish(21'001);
  log.open(21'000, std::nullopt);
  log.start(22'000);
  log.finish(99'000);
  log.open(31'000, 100'000);  // unfinished, deadline at the end
  log.start(99'000);
  log.finalize(100'000);
  const auto jobs = log.take();
  ASSERT_EQ(jobs.size(), 4u);
  EXPECT_FALSE(jobs[0].missed);
  EXPECT_TRUE(jobs[1].missed);
  EXPECT_FALSE(jobs[2].missed);
  EXPECT_FALSE(jobs[3].finish_ns);
  EXPECT_TRUE(jobs[3].missed);
}

TEST(JobLog, CountsNothingAfterTheEnd) {
  JobLog log(first_task(kPeriodic));
  log.start(2'000);
  log.finish(50'001);  // late, and after the end
  log.open(51'000, 61'000);
  log.start(51'000);
  log.finalize(50'000);
  const auto jobs = log.take();
  ASSERT_EQ(jobs.size(), 1u);
  EXPECT_EQ(jobs[0].start_ns, 2'000);
  EXPECT_FALSE(jobs[0].finish_ns);
  EXPECT_TRUE(jobs[0].missed);
}

TEST(JobLog, DropsAJobReleasedAtTheLastInstant) {
  JobLog log(first_task(kPeriodic));
  log.start(2'000);
  log.finish(5'000);
  log.open(11'000, 21'000);
  log.finalize(11'000);
  EXPECT_EQ(log.take().size(), 1u);
}

TEST(JobLog, KeepsWhatWasStartedAtTheLastInstant) {
  JobLog log(first_task(kPeriodic));
  log.start(2'000);
  log.finish(5'000);
  log.open(11'000, 21'000);
  log.start(11'000);
  log.finalize(11'000);
  const auto jobs = log.take();
  ASSERT_EQ(jobs.size(), 2u);
  EXPECT_EQ(jobs[1].start_ns, 11'000);
  EXPECT_FALSE(jobs[1].missed);
}

TEST(JobLog, HoldsManyJobsInOrder) {
  JobLog log(first_task(R"("run":1)"));
  log.start(0);
  for (Nanos i = 1; i <= 10'000; ++i) {
    log.finish(i);
    log.open(i, std::nullopt);
    log.start(i);
  }
  log.finalize(20'000);
  const auto jobs = log.take();
  ASSERT_EQ(jobs.size(), 10'001u);
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    EXPECT_EQ(jobs[i].release_ns, static_cast<Nanos>(i));
  }
}

using JobLogDeathTest = testing::Test;

TEST(JobLogDeathTest, JobsDoNotOverlap) {
  JobLog log(first_task(kPeriodic));
  EXPECT_DEATH(log.open(5, std::nullopt), "the job before is not finished");
  EXPECT_DEATH(log.finish(5), "a job finishes that was never started");
}

}  // namespace
}  // namespace px::workload
