// Goal: the table that `px run` prints shows the right numbers, lines up and fits into 100 columns,
// and durations read well at every magnitude.
// Method: literals for durations; for tables the whole text of a small result, and line widths for
// results with extreme names and values.
#include "trace/summary.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <sstream>
#include <string>

#include "trace/human.hpp"

namespace px::trace {
namespace {

TEST(HumanDuration, HasFourDigitsAndAUnit) {
  EXPECT_EQ(human_duration(0), "0");
  EXPECT_EQ(human_duration(1), "1ns");
  EXPECT_EQ(human_duration(999), "999ns");
  EXPECT_EQ(human_duration(1'000), "1.000us");
  EXPECT_EQ(human_duration(1'234), "1.234us");
  EXPECT_EQ(human_duration(12'345), "12.35us");
  EXPECT_EQ(human_duration(123'449), "123.4us");
  EXPECT_EQ(human_duration(1'234'567), "1.235ms");
  EXPECT_EQ(human_duration(395'190'000), "395.2ms");
  EXPECT_EQ(human_duration(12'340'000'000), "12.34s");
  EXPECT_EQ(human_duration(123'456'000'000), "123.5s");
  EXPECT_EQ(human_duration(9'876'400'000'000), "9876s");
  EXPECT_EQ(human_duration(-1'500'000), "-1.500ms");
}

TEST(HumanDuration, RoundsIntoTheNextUnitRatherThanAddingADigit) {
  EXPECT_EQ(human_duration(9'999), "9.999us");
  EXPECT_EQ(human_duration(99'994), "99.99us");
  EXPECT_EQ(human_duration(99'995), "100.0us");
  EXPECT_EQ(human_duration(999'949), "999.9us");
  EXPECT_EQ(human_duration(999'950), "1.000ms");
  EXPECT_EQ(human_duration(9'999'499), "9.999ms");
  EXPECT_EQ(human_duration(9'999'500), "10.00ms");
  EXPECT_EQ(human_duration(999'949'999), "999.9ms");
  EXPECT_EQ(human_duration(999'950'000), "1.000s");
  EXPECT_EQ(human_duration(std::numeric_limits<Nanos>::max()), "9223372037s");
  EXPECT_EQ(human_duration(std::numeric_limits<Nanos>::min()), "-9223372037s");
}

TEST(Fitted, CutsAndPadsByCodePoints) {
  EXPECT_EQ(fitted("abc", 5), "abc  ");
  EXPECT_EQ(fitted("abcdef", 5), "abcd~");
  EXPECT_EQ(fitted("\u00e9\u00e9\u00e9\u00e9", 3), "\u00e9\u00e9~");
  EXPECT_EQ(columns_of("h\u00e9"), 2U);
}

RunResult small_result() {
  RunResult result;
  result.world = "sim";
  result.protocol = "proxy";
  result.duration_ns = 22'000'000;
  TaskResult h;
  h.name = "H";
  h.policy = "fifo";
  h.executed_ns = 4'000'000;
  h.donated_ns = 3'000'000;
  h.blocked_ns = 3'000'000;
  h.inversion_ns = 250;
  h.lock_wait = {1, 1, 3'000'000, 3'000'000, 3'000'000, 3'000'000};
  h.jobs = {{0, 0, 1, 5, false}, {0, 0, 9, 5, true}};
  TaskResult l;
  l.name = "L";
  l.policy = "other";
  l.executed_ns = 8'000'000;
  l.received_ns = 3'000'000;
  result.tasks = {h, l};
  result.locks = {{"m", 2, 1, 1, 7'000'000, 1}};
  return result;
}

TEST(Summary, ShowsTasksAndLocks) {
  EXPECT_EQ(
      summary_table(small_result()),
      "world sim, 1 CPU, protocol proxy, placement owner, 22.00ms\n"
      "\n"
      "task              policy       ran donated receivd blocked invertd  wait50  wait99 waitmax "
      "jobs/miss\n"
      "H                 fifo     4.000ms 3.000ms       0 3.000ms   250ns 3.000ms 3.000ms 3.000ms "
      "      2/1\n"
      "L                 other    8.000ms       0 3.000ms       0       0       0       0       0 "
      "        -\n"
      "\n"
      "lock              acquisitions  contended  handoffs  max hold  max chain\n"
      "m                            2          1         1   7.000ms          1\n");
}

TEST(Summary, ReportsDeadlockAndWarnings) {
  RunResult result = small_result();
  result.deadlock = "A -> m -> B -> n -> A";
  result.warnings = {"CPU 7 folded to 1", "nice refused"};
  const std::string text = summary_table(result);
  EXPECT_NE(text.find("\ndeadlock: A -> m -> B -> n -> A\n"), std::string::npos);
  EXPECT_NE(text.find("\nwarning: CPU 7 folded to 1\nwarning: nice refused\n"), std::string::npos);
}

TEST(Summary, FitsIntoAHundredColumnsAndStopsAfterFiftyRows) {
  RunResult result = small_result();
  result.cpus = 1024;
  TaskResult wide = result.tasks[0];
  wide.name = std::string(300, 'x');
  wide.policy = "deadline";
  wide.executed_ns = wide.donated_ns = wide.received_ns = wide.blocked_ns = wide.inversion_ns =
      9'999 * kSecond;
  wide.lock_wait = {1, 1, 9'999 * kSecond, 9'999 * kSecond, 1, 9'999 * kSecond};
  wide.jobs.resize(99'999);
  result.tasks.assign(60, wide);
  result.locks.assign(51, {std::string(300, 'y'), 999'999'999'999, 9'999'999'999, 999'999'999,
                           9'999 * kSecond, 9'999'999'999});
  const std::string text = summary_table(result);
  std::istringstream lines(text);
  std::string line;
  while (std::getline(lines, line)) EXPECT_LE(columns_of(line), kSummaryWidth) << line;
  EXPECT_NE(text.find("and 10 more tasks"), std::string::npos);
  EXPECT_NE(text.find("and 1 more locks"), std::string::npos);
}

}  // namespace
}  // namespace px::trace
