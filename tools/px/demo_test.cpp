// Goal: what the demo shows follows from the runs. Method: runs made by hand, and the demo's
// workloads read back; nothing is run.
#include <gtest/gtest.h>

#include "demo_case.hpp"
#include "disturbance.hpp"

namespace px::tools {
namespace {

TEST(DisturbanceLog, CountsOverlappingGapsOnce) {
  const DisturbanceLog log({{300, 400}, {100, 200}, {150, 250}, {400, 450}}, 1000);
  EXPECT_EQ(log.total(), 150 + 150);
}

TEST(DisturbanceLog, CutsOffWhatLiesOutsideTheRun) {
  const DisturbanceLog log({{-500, -100}, {-50, 50}, {900, 1100}, {1200, 1300}}, 1000);
  EXPECT_EQ(log.total(), 50 + 100);
}

TEST(DisturbanceLog, KnowsWhatOverlaps) {
  const DisturbanceLog log({{100, 200}, {300, 400}}, 1000);
  EXPECT_FALSE(log.overlaps(0, 100));
  EXPECT_TRUE(log.overlaps(0, 101));
  EXPECT_TRUE(log.overlaps(150, 160));
  EXPECT_TRUE(log.overlaps(199, 250));
  EXPECT_FALSE(log.overlaps(200, 300));
  EXPECT_TRUE(log.overlaps(50, 900));
  EXPECT_FALSE(log.overlaps(400, 1000));
  EXPECT_FALSE(DisturbanceLog({}, 1000).overlaps(0, 1000));
}

TEST(Sentinel, StopsAndTellsInstantsInOrder) {
  Sentinel sentinel;
  Nanos last = 0;
  for (const trace::Disturbance& gap : sentinel.stop()) {
    EXPECT_GE(gap.start_ns, last);
    EXPECT_GE(gap.end_ns - gap.start_ns, trace::kDisturbance);
    last = gap.end_ns;
  }
  EXPECT_TRUE(sentinel.stop().empty());
}

trace::RunResult made_run() {
  trace::RunResult run;
  run.world = "live";
  run.protocol = "none";
  run.duration_ns = 1000;
  run.t_zero_ns = 50'000;
  run.tasks.resize(kFirstHog + kHogs);
  trace::TaskResult& foreground = run.tasks[kForeground];
  foreground.lock_wait.count = 10;
  foreground.lock_wait.contended = 3;
  foreground.lock_wait.max = 300;
  foreground.lock_calls = {{100, 50, true}, {200, 300, true}, {900, 100, false}};
  run.tasks[kBackground].lock_wait.count = 4;
  for (std::uint32_t hog = kFirstHog; hog < run.tasks.size(); ++hog) {
    run.tasks[hog].executed_ns = 225;
  }
  return run;
}

TEST(DemoCase, SumsUpARun) {
  const report::DemoCase one = reduce(made_run(), {});
  EXPECT_EQ(one.world, "live");
  EXPECT_EQ(one.protocol, "none");
  EXPECT_EQ(one.foreground_ops, 9U);  // the last call did not get the lock
  EXPECT_EQ(one.background_ops, 4U);
  EXPECT_DOUBLE_EQ(one.hog_share, 0.9);
  EXPECT_EQ(one.disturbed_ns, 0);
  EXPECT_EQ(one.max_net, 300);
  EXPECT_EQ(one.waits, (std::vector<Nanos>{0, 0, 0, 0, 0, 0, 0, 50, 300, 100}));
  ASSERT_TRUE(one.excerpt.has_value());
  EXPECT_EQ(one.excerpt->duration_ns, 1000);
}

TEST(DemoCase, LeavesDisturbedWaitsOutOfTheNetMaximum) {
  trace::RunResult run = made_run();
  run.disturbances = {{250, 300}};
  EXPECT_EQ(reduce(run, {}).max_net, 100);
  EXPECT_EQ(reduce(run, {}).lock_wait.max, 300);
  // The sentinel's instants are the clock's, not the run's.
  const report::DemoCase one = reduce(run, {{50'950, 51'500}});
  EXPECT_EQ(one.max_net, 50);
  EXPECT_EQ(one.disturbed_ns, 50 + 50);
}

TEST(DemoWorkload, IsWhatItSays) {
  for (const DemoKind kind : {DemoKind::kFair, DemoKind::kRealtime}) {
    const workload::Workload workload = demo_workload(kind);
    ASSERT_EQ(workload.tasks.size(), kFirstHog + kHogs);
    EXPECT_EQ(workload.tasks[kForeground].name, "foreground");
    EXPECT_EQ(workload.tasks[kBackground].name, "background");
    EXPECT_EQ(workload.tasks[kFirstHog].name, "hog-0");
    EXPECT_EQ(workload.locks.size(), 1U);
    for (const workload::TaskSpec& task : workload.tasks) {
      EXPECT_EQ(task.cpus, CpuMask::only(0));
      EXPECT_TRUE(is_endless(task));
    }
  }
}

}  // namespace
}  // namespace px::tools
