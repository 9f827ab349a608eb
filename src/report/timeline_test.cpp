// Goal: the report page of runs holds all the data of the runs, refers to nothing outside itself,
// and stays intact whatever the names in the runs are.
// Method: the data is parsed back out of the page the way a browser finds it and undone to absolute
// instants; what the scripts draw from it is looked at in a browser (tests/browser).
#include "report/timeline.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "report/page.hpp"
#include "report/page_reader.hpp"
#include "report/run_data.hpp"
#include "report/samples.hpp"

namespace px::report {
namespace {

using nlohmann::json;

std::vector<trace::Segment> segments_in(const json& run) {
  std::vector<trace::Segment> segments;
  for (std::size_t cpu = 0; cpu < run["cpus"].size(); ++cpu) {
    const json& list = run["cpus"][cpu];
    Nanos end = 0;
    for (std::size_t i = 0; i + 3 < list.size(); i += 4) {
      const Nanos start = end + list[i].get<Nanos>();
      end = start + list[i + 1].get<Nanos>();
      segments.push_back({static_cast<int>(cpu), start, end, list[i + 2], list[i + 3]});
    }
  }
  return segments;
}

TEST(RunReport, HoldsTheSegmentsOfEveryCpu) {
  const trace::RunResult run = busy_run(500, 3);
  const json data = data_of(run_report_html({run}, "t"));
  const auto found = segments_in(data["runs"][0]);
  ASSERT_EQ(found.size(), run.segments.size());
  for (const trace::Segment& wanted : run.segments) {
    const bool there = std::any_of(found.begin(), found.end(), [&](const trace::Segment& s) {
      return s.cpu == wanted.cpu && s.start_ns == wanted.start_ns && s.end_ns == wanted.end_ns &&
             s.exec == wanted.exec && s.donor == wanted.donor;
    });
    EXPECT_TRUE(there) << wanted.cpu << " " << wanted.start_ns;
  }
}

TEST(RunReport, HoldsWaitsHoldsRunnableTimesAndHandoffs) {
  const json run = data_of(run_report_html({textbook_run(true)}, "t"))["runs"][0];
  constexpr Nanos ms = kMillisecond;
  EXPECT_EQ(run["label"], "sim, proxy");
  EXPECT_EQ(run["end"], 22 * ms);
  EXPECT_EQ(run["marked"], -1);
  EXPECT_EQ(run["tasks"], (json{"H", "M", "L"}));
  EXPECT_EQ(run["locks"], json::array({"m"}));
  EXPECT_EQ(run["waits"], (json{5 * ms, 3 * ms, 0, 0}));
  EXPECT_EQ(run["holds"], (json{1 * ms, 7 * ms, 2, 0, 7 * ms, 1 * ms, 0, 0}));
  EXPECT_EQ(run["handoffs"], (json{8 * ms, 0, 2, 0}));
  // L [3,5), M [4,10), L [8,20): distance between starts, length, task.
  EXPECT_EQ(run["runnable"], (json{3 * ms, 2 * ms, 2, 1 * ms, 6 * ms, 1, 4 * ms, 12 * ms, 2}));
}

TEST(RunReport, StacksSeveralRunsAndComparesThem) {
  const std::string page = run_report_html({textbook_run(false), textbook_run(true)}, "Two runs");
  EXPECT_EQ(data_of(page)["runs"].size(), 2U);
  EXPECT_EQ(occurrences(page, "class=\"timeline\""), 2U);
  EXPECT_NE(page.find("<th scope=\"row\">sim, none</th>"), std::string::npos);
  EXPECT_NE(page.find("<th scope=\"row\">sim, proxy</th>"), std::string::npos);
  EXPECT_NE(page.find("<title>Two runs</title>"), std::string::npos);
}

TEST(RunReport, ShowsTheNumbers) {
  trace::RunResult run = textbook_run(false);
  run.tasks[0].inversion_is_upper_bound = true;
  const std::string page = run_report_html({run}, "t");
  EXPECT_NE(page.find("<td title=\"13000000 ns\">13.00&nbsp;ms</td>"), std::string::npos);
  EXPECT_NE(page.find("&le; 10.00&nbsp;ms"), std::string::npos);
  EXPECT_NE(page.find("<th scope=\"row\">m</th>"), std::string::npos);
}

TEST(RunReport, ReportsDeadlockAndWarnings) {
  trace::RunResult run = textbook_run(false);
  run.deadlock = "A -> m -> B";
  run.warnings = {"CPU 7 folded to 1"};
  const std::string page = run_report_html({run}, "t");
  EXPECT_NE(page.find("<strong>Deadlock.</strong> A -&gt; m -&gt; B"), std::string::npos);
  EXPECT_NE(page.find("CPU 7 folded to 1"), std::string::npos);
}

TEST(RunReport, SurvivesHostileNames) {
  const std::string hostile = "</script><b>&\"'<!--<script>@DATA@";
  trace::RunResult run = textbook_run(true);
  run.tasks[2].name = hostile;
  run.tasks[2].policy = hostile;
  run.locks[0].name = hostile;
  run.world = hostile;
  run.deadlock = hostile;
  run.warnings = {hostile};
  const std::string page = run_report_html({run}, hostile);
  EXPECT_EQ(data_of(page)["runs"][0]["tasks"][2], hostile);
  EXPECT_EQ(data_of(page)["runs"][0]["locks"][0], hostile);
  const std::string benign = run_report_html({textbook_run(true)}, "t");
  // No element begins or ends that would not without the names.
  EXPECT_EQ(occurrences(page, "<script"), occurrences(benign, "<script"));
  EXPECT_EQ(occurrences(page, "</script"), occurrences(benign, "</script"));
  EXPECT_EQ(page.find("<b>"), std::string::npos);
  EXPECT_EQ(page.find("<!--"), std::string::npos);
}

TEST(RunReport, RefersToNothingOutside) {
  for (const std::string& page :
       {run_report_html({textbook_run(true)}, "t"), demo_report_html(sample_demo())}) {
    for (const char* reference : {"http:", "https:", "src=", "href=", "url(", "@import", "import(",
                                  "fetch(", "XMLHttpRequest"}) {
      EXPECT_EQ(page.find(reference), std::string::npos) << reference;
    }
    EXPECT_NE(page.find("default-src 'none'"), std::string::npos);
  }
}

TEST(RunReport, IsTheSameForTheSameRuns) {
  EXPECT_EQ(run_report_html({busy_run(300, 1)}, "t"), run_report_html({busy_run(300, 1)}, "t"));
  EXPECT_NE(run_report_html({busy_run(300, 1)}, "t"), run_report_html({busy_run(300, 2)}, "t"));
}

TEST(RunReport, MayBeEmpty) {
  EXPECT_TRUE(data_of(run_report_html({}, "t"))["runs"].empty());
  EXPECT_EQ(data_of(run_report_html({trace::RunResult{}}, "t"))["runs"].size(), 1U);
}

TEST(RunReport, StaysCompact) {
  const trace::RunResult run = busy_run(20'000, 1);
  const std::size_t empty = run_report_html({trace::RunResult{}}, "t").size();
  EXPECT_LT(empty, 80'000U);
  EXPECT_LT(run_report_html({run}, "t").size() - empty, 20'000U * 25);
}

TEST(RunData, MarksATaskWhenAsked) {
  EXPECT_EQ(json::parse(run_data(textbook_run(true), 2))["marked"], 2);
}

TEST(RunDataDeathTest, RefusesWhatIsNotInTheRun) {
  trace::RunResult run = textbook_run(true);
  run.segments[0].exec = 3;
  EXPECT_DEATH((void)run_data(run), "names tasks of its own result");
  run = textbook_run(true);
  run.segments[0].cpu = 1;
  EXPECT_DEATH((void)run_data(run), "names a CPU of its own result");
  run = textbook_run(true);
  run.holds[0].lock = 1;
  EXPECT_DEATH((void)run_data(run), "names a task and a lock of its own result");
}

TEST(HtmlDuration, KeepsNumberAndUnitTogether) {
  EXPECT_EQ(html_duration(0), "0");
  EXPECT_EQ(html_duration(12'345), "12.35&nbsp;&micro;s");
  EXPECT_EQ(html_duration(1'497'000'000), "1.497&nbsp;s");
}

}  // namespace
}  // namespace px::report
