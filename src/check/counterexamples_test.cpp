// Goal: faults that were fixed stay fixed, and the checker goes on seeing them.
// Method: tests/checker/counterexamples holds schedules that once broke a rule, one a file. With
// the fault seeded again, following the schedule breaks the rule that the file names. The shipped
// core follows it as far as it fits, goes on from there to the end, and breaks nothing.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <filesystem>
#include <fstream>
#include <set>

#include "check/mutants.hpp"
#include "check/names.hpp"
#include "check/run.hpp"
#include "check/scenarios.hpp"
#include "check/schedule.hpp"
#include "check/world.hpp"

namespace px::check {
namespace {

struct Stored {
  std::string rule;  // as a violation prints it
  std::string line;  // broken into several, at a space or behind a comma
};

Stored read(const std::filesystem::path& path) {
  Stored stored;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("#")) continue;
    if (line.starts_with("rule: ")) {
      stored.rule = line.substr(6);
    } else {
      stored.line += line.ends_with(',') ? line : line + ' ';
    }
  }
  return stored;
}

std::vector<std::filesystem::path> files() {
  std::vector<std::filesystem::path> all;
  for (const auto& entry : std::filesystem::directory_iterator(PX_COUNTEREXAMPLES)) {
    if (entry.path().extension() == ".txt") all.push_back(entry.path());
  }
  std::sort(all.begin(), all.end());
  return all;
}

std::string name_of(const testing::TestParamInfo<std::filesystem::path>& info) {
  std::string name = info.param.stem().string();
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

class Counterexample : public testing::TestWithParam<std::filesystem::path> {};

TEST_P(Counterexample, StillShowsTheFault) {
  const Stored stored = read(GetParam());
  const Schedule schedule = parse_line(stored.line);
  ASSERT_NE(schedule.mutant, "none");
  EXPECT_NO_THROW((void)known_rule(stored.rule));
  ASSERT_FALSE(schedule.trail)
      << "expected state=any: stored schedules outlive changes of the core";
  try {
    const RunReport report = replay(stored.line);
    EXPECT_TRUE(report.violated);
    EXPECT_EQ(report.invariant, stored.rule) << report.message;
  } catch (const std::invalid_argument& error) {
    FAIL() << error.what() << "; px check " << schedule.scenario << " --mutant " << schedule.mutant
           << " finds one anew";
  }
}

TEST_P(Counterexample, IsHarmlessOnTheShippedCore) {
  constexpr int kMaxSteps = 100'000;
  const Schedule schedule = parse_line(read(GetParam()).line);
  WorldOptions options;
  options.granularity = schedule.granularity;
  options.store_buffers = schedule.store_buffers;
  World world(*find_scenario(schedule.scenario), options);
  std::size_t at = 0;
  bool follows = true;
  Choices enabled = world.choices();
  int step = 0;
  for (; enabled != 0 && step < kMaxSteps; ++step) {
    follows = follows && at < schedule.steps.size() && (enabled & bit(schedule.steps[at])) != 0;
    // Behind the schedule each agent takes its turn, so that nobody waits for ever.
    Choices later = enabled;
    later &= static_cast<Choices>(~0U << (step % kChoiceCount));
    const auto turn = static_cast<Choice>(std::countr_zero(later != 0 ? later : enabled));
    ASSERT_TRUE(world.step(follows ? schedule.steps[at++] : turn)) << world.breach().message;
    enabled = world.choices();
    ASSERT_TRUE(world.state_holds(enabled)) << world.breach().message;
  }
  EXPECT_LT(step, kMaxSteps);
  EXPECT_GT(at, 0U) << "not a step of it fits";
}

INSTANTIATE_TEST_SUITE_P(Stored, Counterexample, testing::ValuesIn(files()), name_of);

TEST(Counterexamples, AreOfSeveralFaults) {
  std::set<std::string> faults;
  for (const auto& file : files()) faults.insert(parse_line(read(file).line).mutant);
  EXPECT_GE(faults.size(), 10U);
}

}  // namespace
}  // namespace px::check
