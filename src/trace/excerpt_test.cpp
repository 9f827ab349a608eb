// Goal: an excerpt holds what lies in its window, cut and moved, and no number of the whole run.
// Method: one result with intervals before, across, inside and after the window.
#include "trace/excerpt.hpp"

#include <gtest/gtest.h>

namespace px::trace {
namespace {

TEST(Excerpt, CutsAndMovesIntervals) {
  RunResult run;
  run.world = "live";
  run.cpus = 2;
  run.protocol = "none";
  run.duration_ns = 1000;
  run.tasks.resize(1);
  run.tasks[0].name = "H";
  run.tasks[0].executed_ns = 77;
  run.tasks[0].jobs.resize(3);
  run.locks = {{"m", 1, 2, 3, 4, 5}};
  run.segments = {{0, 0, 100, 0, 0}, {0, 150, 250, 0, 0}, {1, 210, 220, 0, 0}, {0, 290, 400, 0, 0}};
  run.waits = {{0, 0, 100, 200}, {0, 0, 199, 201}};
  run.holds = {{0, 0, 0, 1000}};
  run.runnable = {{0, 300, 310}};
  run.handoffs = {{0, 0, 0, 199}, {0, 0, 0, 200}, {0, 0, 0, 299}, {0, 0, 0, 300}};

  const RunResult part = excerpt_of(run, 200, 300);
  EXPECT_EQ(part.world, "live");
  EXPECT_EQ(part.protocol, "none");
  EXPECT_EQ(part.cpus, 2);
  EXPECT_EQ(part.duration_ns, 100);
  EXPECT_EQ(part.tasks[0].name, "H");
  EXPECT_EQ(part.tasks[0].executed_ns, 0);
  EXPECT_TRUE(part.tasks[0].jobs.empty());
  EXPECT_EQ(part.locks[0].name, "m");
  EXPECT_EQ(part.locks[0].acquisitions, 0U);
  ASSERT_EQ(part.segments.size(), 3U);
  EXPECT_EQ(part.segments[0].start_ns, 0);
  EXPECT_EQ(part.segments[0].end_ns, 50);
  EXPECT_EQ(part.segments[1].start_ns, 10);
  EXPECT_EQ(part.segments[1].end_ns, 20);
  EXPECT_EQ(part.segments[2].start_ns, 90);
  EXPECT_EQ(part.segments[2].end_ns, 100);
  ASSERT_EQ(part.waits.size(), 1U);
  EXPECT_EQ(part.waits[0].end_ns, 1);
  ASSERT_EQ(part.holds.size(), 1U);
  EXPECT_EQ(part.holds[0].end_ns, 100);
  EXPECT_TRUE(part.runnable.empty());
  ASSERT_EQ(part.handoffs.size(), 2U);
  EXPECT_EQ(part.handoffs[0].at_ns, 0);
  EXPECT_EQ(part.handoffs[1].at_ns, 99);
}

TEST(Excerpt, MayBeEmpty) {
  RunResult run;
  run.segments = {{0, 0, 100, 0, 0}};
  EXPECT_TRUE(excerpt_of(run, 50, 50).segments.empty());
}

}  // namespace
}  // namespace px::trace
