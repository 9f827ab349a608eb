// Goal: parameters are checked, turned into weights, and survive a round trip; a change of weight
// keeps what is owed in real time.
// Method: the ends of each range, both sides; fixed figures.
#include "policy/sched_context.hpp"

#include <gtest/gtest.h>

#include <string_view>

namespace px::policy {
namespace {

TEST(SchedContext, RangesOfFairParameters) {
  EXPECT_STREQ(invalid_params(FairParams{}), "");
  EXPECT_STREQ(invalid_params(FairParams{.nice = -20, .slice_ns = kSliceMax}), "");
  EXPECT_STREQ(invalid_params(FairParams{.nice = 19}), "");
  EXPECT_STREQ(invalid_params(FairParams{.nice = -21}), "nice level below -20; expected -20 to 19");
  EXPECT_STREQ(invalid_params(FairParams{.nice = 20}), "nice level above 19; expected -20 to 19");
  EXPECT_STREQ(invalid_params(FairParams{.slice_ns = -1}),
               "negative slice; expected 0 (the default) to 10 s");
  EXPECT_STREQ(invalid_params(FairParams{.slice_ns = kSliceMax + 1}),
               "slice above 10 s; expected 0 (the default) to 10 s");
}

TEST(SchedContext, RangesOfRealtimeParameters) {
  EXPECT_STREQ(invalid_params(RealtimeParams{.priority = 1}), "");
  EXPECT_STREQ(invalid_params(RealtimeParams{.priority = 99, .round_robin = true}), "");
  EXPECT_STREQ(invalid_params(RealtimeParams{.priority = 0}),
               "realtime priority below 1; expected 1 to 99");
  EXPECT_STREQ(invalid_params(RealtimeParams{.priority = 100}),
               "realtime priority above 99; expected 1 to 99");
}

TEST(SchedContext, WeightsAreLinuxs) {
  EXPECT_EQ(weight_of({.nice = -20}), 88761);
  EXPECT_EQ(weight_of({.nice = 0}), 1024);
  EXPECT_EQ(weight_of({.nice = 5}), 335);
  EXPECT_EQ(weight_of({.nice = 19}), 15);
  EXPECT_EQ(weight_of({.nice = -20, .idle_policy = true}), 3);
  for (int nice = kNiceMin; nice < kNiceMax; ++nice) {
    // A nice level is worth 10 % of the CPU: a ratio of about 1.25 between neighbours.
    const double ratio = static_cast<double>(weight_of({.nice = nice})) /
                         static_cast<double>(weight_of({.nice = nice + 1}));
    EXPECT_NEAR(ratio, 1.25, 0.06) << "nice " << nice;
  }
}

TEST(SchedContext, ParametersRoundTripAndSetClassAndRank) {
  SchedContext context;
  const FairParams fair{.nice = 3, .batch = true, .slice_ns = kMillisecond};
  set_params(context, fair);
  EXPECT_EQ(params_of(context), Params(fair));
  EXPECT_EQ(context.class_id, ClassId::kFair);
  EXPECT_EQ(context.fair.weight, weight_of(fair));
  EXPECT_EQ(context.rank(), Rank::fair());

  const RealtimeParams realtime{.priority = 42, .round_robin = true};
  set_params(context, realtime);
  EXPECT_EQ(params_of(context), Params(realtime));
  EXPECT_EQ(context.class_id, ClassId::kRealtime);
  EXPECT_EQ(context.rank(), Rank::realtime(42));
}

TEST(SchedContext, ChangeOfWeightKeepsLagAndRequestInRealTime) {
  SchedContext context;
  context.fair.lag = -2'000'000;
  context.fair.requested = true;
  context.fair.virtual_deadline = 1'000'000;
  set_params(context, FairParams{.nice = 19});
  EXPECT_EQ(context.fair.lag, -136'533'334);  // times 1024 / 15, rounded down
  EXPECT_EQ(context.fair.virtual_deadline, 68'266'666);
  EXPECT_TRUE(context.fair.requested);

  set_params(context, FairParams{.nice = 19, .slice_ns = kMillisecond});
  EXPECT_FALSE(context.fair.requested) << "another slice is another request";
}

TEST(SchedContext, ARequestIsNeverScaledToNothing) {
  SchedContext context;
  context.fair.requested = true;
  context.fair.virtual_deadline = 5;
  set_params(context, FairParams{.nice = -20});
  EXPECT_EQ(context.fair.virtual_deadline, 1);
}

TEST(SchedContextDeathTest, QueuedOrOutOfRangeIsRefused) {
  SchedContext context;
  EXPECT_DEATH(set_params(context, FairParams{.nice = 20}), "out of range");
  context.queued = true;
  EXPECT_DEATH(set_params(context, FairParams{}), "on no queue");
}

}  // namespace
}  // namespace px::policy
