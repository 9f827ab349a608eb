// Goal: the demo's JSON follows the contract to the letter, its table and page show the same
// figures, and the distribution that the page draws is true to the samples.
// Method: literals for small results; the page's data is parsed back; the distribution is compared
// with a count over all samples.
#include "report/demo.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include "base/prng.hpp"
#include "report/distribution.hpp"
#include "report/page_reader.hpp"
#include "report/samples.hpp"

namespace px::report {
namespace {

using nlohmann::json;

DemoResult small_demo() {
  DemoResult demo;
  DemoCase none;
  none.world = "linux";
  none.protocol = "none";
  none.lock_wait = {150, 70, 11, 12, 13, 14'970'000};
  none.max_net = 14'000'000;
  none.foreground_ops = 150;
  none.background_ops = 400;
  none.hog_share = 0.8125;
  none.disturbed_ns = 31;
  DemoCase proxy = none;
  proxy.world = "live";
  proxy.protocol = "proxy";
  proxy.lock_wait = {100'000, 70, 11, 12, 13, 1'400'000};
  DemoCase skipped;
  skipped.world = "linux";
  skipped.protocol = "inherit";
  skipped.skipped = "needs --privileged";
  demo.parts = {{"fair", "two tasks and a lock", {none, proxy}}, {"realtime", "", {skipped}}};
  return demo;
}

TEST(DemoJson, HasTheShapeOfTheContract) {
  EXPECT_EQ(demo_json(small_demo()),
            R"({"schema":1,"parts":[
{"name":"fair","cases":[
{"world":"linux","protocol":"none","lock_wait_ns":{"count":150,"contended":70,"p50":null,)"
            R"("p99":null,"p999":null,"max":14970000,"max_net":14000000},"foreground_ops":150,)"
            R"("background_ops":400,"hog_share":0.8125,"disturbed_ns":31},
{"world":"live","protocol":"proxy","lock_wait_ns":{"count":100000,"contended":70,"p50":11,)"
            R"("p99":12,"p999":13,"max":1400000,"max_net":14000000},"foreground_ops":150,)"
            R"("background_ops":400,"hog_share":0.8125,"disturbed_ns":31}]},
{"name":"realtime","cases":[
{"world":"linux","protocol":"inherit","skipped":"needs --privileged"}]}]}
)");
}

TEST(DemoJson, IsValidForOddStringsAndNumbers) {
  DemoResult demo = small_demo();
  demo.parts[0].cases[0].hog_share = std::numeric_limits<double>::quiet_NaN();
  demo.parts[1].cases[0].skipped = "a \"quoted\" </script>\nreason";
  const json parsed = json::parse(demo_json(demo));
  EXPECT_EQ(parsed["parts"][0]["cases"][0]["hog_share"], 0.0);
  EXPECT_EQ(parsed["parts"][1]["cases"][0]["skipped"], "a \"quoted\" </script>\nreason");
  EXPECT_TRUE(json::parse(demo_json(DemoResult{}))["parts"].empty());
}

TEST(EnoughSamples, NeedsAHundredTimesTheReciprocalOfTheTail) {
  EXPECT_FALSE(enough_samples(199, 50, 100));
  EXPECT_TRUE(enough_samples(200, 50, 100));
  EXPECT_FALSE(enough_samples(9'999, 99, 100));
  EXPECT_TRUE(enough_samples(10'000, 99, 100));
  EXPECT_FALSE(enough_samples(99'999, 999, 1000));
  EXPECT_TRUE(enough_samples(100'000, 999, 1000));
}

TEST(Gain, ComparesPlainThreadsWithProxyExecution) {
  DemoResult demo = small_demo();
  const auto gain = gain_of(demo.parts[0]);
  ASSERT_TRUE(gain.has_value());
  EXPECT_EQ(case_name(*gain->before), "linux/none");
  EXPECT_EQ(case_name(*gain->after), "live/proxy");
  EXPECT_EQ(gain_in_words(*gain), "11 times shorter");
  EXPECT_FALSE(gain_of(demo.parts[1]).has_value());

  demo.parts[0].cases[1].lock_wait.max = 29'940'000;
  EXPECT_EQ(gain_in_words(*gain_of(demo.parts[0])), "2.0 times longer");
}

TEST(Gain, FallsBackWhereLinuxDidNotRun) {
  DemoPart part = small_demo().parts[0];
  part.cases[0].skipped = "no";
  EXPECT_FALSE(gain_of(part).has_value());
  part.cases.push_back(part.cases[1]);
  part.cases.back().protocol = "none";
  part.cases.back().lock_wait.max = 5'600'000;
  EXPECT_EQ(case_name(*gain_of(part)->before), "live/none");
  EXPECT_EQ(gain_in_words(*gain_of(part)), "4.0 times shorter");
}

TEST(DemoTable, ShowsCasesGainAndReasons) {
  EXPECT_EQ(
      demo_table(small_demo()),
      "fair: two tasks and a lock\n"
      "  case             calls     p50     p99   p99.9     max max net  fg ops  bg ops   hogs "
      "disturbed\n"
      "  linux/none         150       -       -       - 14.97ms 14.00ms     150     400  81.2% "
      "     31ns\n"
      "  live/proxy      100000    11ns    12ns    13ns 1.400ms 14.00ms     150     400  81.2% "
      "     31ns\n"
      "  longest wait: 14.97ms with linux/none, 1.400ms with live/proxy: 11 times shorter\n"
      "\n"
      "realtime\n"
      "  case             calls     p50     p99   p99.9     max max net  fg ops  bg ops   hogs "
      "disturbed\n"
      "  linux/inherit  skipped: needs --privileged\n");
}

TEST(DemoTable, FitsIntoAHundredColumns) {
  std::istringstream lines(demo_table(sample_demo()));
  std::string line;
  while (std::getline(lines, line)) {
    // The description of a part is a sentence; tables are what must line up.
    const bool is_table = line.rfind("  ", 0) == 0;
    EXPECT_TRUE(!is_table || line.size() <= 100) << line;
  }
}

TEST(DemoReport, ShowsHeadlineTableOriginAndTimelines) {
  const std::string page = demo_report_html(sample_demo());
  EXPECT_NE(page.find("<b>1.497&nbsp;s</b>"), std::string::npos);
  EXPECT_NE(page.find("<b>1.340&nbsp;ms</b>"), std::string::npos);
  EXPECT_NE(page.find("<b>1117 times shorter</b>"), std::string::npos);
  EXPECT_NE(page.find("<code>px demo --seconds 5</code>"), std::string::npos);
  EXPECT_NE(page.find("2 CPUs, Linux 6.1, x86-64"), std::string::npos);
  EXPECT_NE(page.find("2026-11-24 21:00"), std::string::npos);
  EXPECT_NE(page.find("skipped: realtime threads need --privileged"), std::string::npos);
  const json data = data_of(page);
  ASSERT_EQ(data["runs"].size(), 3U);
  EXPECT_EQ(data["runs"][2]["label"], "live, proxy");
  EXPECT_EQ(data["runs"][2]["marked"], 0);
  ASSERT_EQ(data["charts"].size(), 2U);
  EXPECT_EQ(data["charts"][0].size(), 5U);
  EXPECT_EQ(data["charts"][1].size(), 2U);
  EXPECT_EQ(occurrences(page, "Who ran when is not recorded in this world"), 1U);
  // Donated work is shown a second time, magnified.
  EXPECT_EQ(occurrences(page, " data-detail"), 1U);
}

TEST(DemoReport, EscapesWhatItIsGiven) {
  DemoResult demo = small_demo();
  demo.command = demo.machine = demo.date = demo.parts[0].name = demo.parts[0].setup =
      "</main><script>x";
  demo.parts[1].cases[0].skipped = "<i>";
  const std::string page = demo_report_html(demo);
  EXPECT_EQ(page.find("</main><script>x"), std::string::npos);
  EXPECT_EQ(page.find("<i>"), std::string::npos);
  EXPECT_EQ(data_of(page)["charts"].size(), 0U);
}

TEST(DemoReport, IsTheSameForTheSameResult) {
  EXPECT_EQ(demo_report_html(sample_demo()), demo_report_html(sample_demo()));
}

TEST(Distribution, CountsWhatIsAtLeastThatLong) {
  EXPECT_EQ(distribution_points({}), "[]");
  EXPECT_EQ(distribution_points({7}), "[7,1]");
  EXPECT_EQ(distribution_points({5, 0, 9, 0, 5}), "[0,5,5,3,9,1]");
}

TEST(Distribution, IsExactAtItsPointsAndKeepsTheTail) {
  Prng prng(5);
  std::vector<Nanos> samples;
  for (int i = 0; i < 50'000; ++i) {
    samples.push_back(prng.chance(40) ? 0 : prng.between(1, Nanos{1} << prng.between(10, 30)));
  }
  const json points = json::parse(distribution_points(samples));
  ASSERT_LT(points.size(), 6'000U);
  std::sort(samples.begin(), samples.end());
  for (std::size_t i = 0; i < points.size(); i += 2) {
    const auto first = std::lower_bound(samples.begin(), samples.end(), points[i].get<Nanos>());
    EXPECT_EQ(points[i + 1].get<std::int64_t>(), samples.end() - first);
    ASSERT_NE(first, samples.end());
    EXPECT_EQ(*first, points[i].get<Nanos>());
  }
  std::vector<Nanos> different = samples;
  different.erase(std::unique(different.begin(), different.end()), different.end());
  for (std::size_t k = 1; k <= 100; ++k) {
    EXPECT_EQ(points[points.size() - 2 * k].get<Nanos>(), different[different.size() - k]);
  }
}

}  // namespace
}  // namespace px::report
