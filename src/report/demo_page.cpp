#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>
#include <utility>

#include "report/demo.hpp"
#include "report/distribution.hpp"
#include "report/page.hpp"
#include "report/run_data.hpp"
#include "trace/json_text.hpp"

namespace px::report {

namespace {

// Colour and dashes of a case, the same in every chart: style.css knows case-0 to case-4.
int style_of(const DemoCase& one) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kKnown = {
      {{"linux", "none"}, {"linux", "inherit"}, {"live", "none"}, {"live", "proxy"}}};
  for (std::size_t i = 0; i < kKnown.size(); ++i) {
    if (one.world == kKnown[i].first && one.protocol == kKnown[i].second) {
      return static_cast<int>(i);
    }
  }
  return static_cast<int>(kKnown.size());
}

std::string case_words(const DemoCase& one) {
  std::string words = one.world;
  if (one.world == "linux") words = "Linux threads";
  if (one.world == "live") words = "px runtime";
  if (one.world == "sim") words = "simulated";
  std::string lock = one.protocol;
  if (one.protocol == "none") lock = "plain mutex";
  if (one.protocol == "inherit") lock = "priority inheritance";
  if (one.protocol == "proxy") lock = "proxy execution";
  return words + ", " + lock;
}

std::string figure(std::string_view kind, const std::string& value, const std::string& words) {
  return fmt::format("<div class=\"figure {}\"><b>{}</b><span>{}</span></div>\n", kind, value,
                     html_escaped(words));
}

// Three figures in a row; nothing where there is nothing to compare.
std::string headline(const DemoPart& part) {
  const auto gain = gain_of(part);
  if (!gain) return {};
  return figure("before", html_duration(gain->before->lock_wait.max),
                fmt::format("longest wait: {}", case_words(*gain->before))) +
         figure("after", html_duration(gain->after->lock_wait.max),
                fmt::format("longest wait: {}", case_words(*gain->after))) +
         figure("gain", gain_in_words(*gain), fmt::format("in the {} part", part.name));
}

std::string what_you_see() {
  return "<h2>What you see</h2>\n"
         "<p>Two tasks share a lock: a <em>foreground</em> task that somebody waits for, and a "
         "<em>background</em> task that nobody does. Others, the <em>hogs</em>, only want the CPU. "
         "When the foreground finds the lock taken, it can go on no sooner than the background has "
         "left the lock. But the background matters little, so the scheduler lets the hogs run "
         "instead, and the foreground waits for all of them. This is <em>priority inversion</em>."
         "</p>\n"
         "<p>Priority inheritance lends the waiting task&rsquo;s priority to the lock&rsquo;s "
         "owner. "
         "That helps where a priority decides who runs; ordinary tasks share the CPU by weight, "
         "and "
         "there it does nothing. With <em>proxy execution</em> the waiting task lends everything "
         "that decides when it may run, its whole scheduling context: the owner runs at once, in "
         "the "
         "waiting task&rsquo;s turn and on its account, until it leaves the lock.</p>\n"
         "<p>In the timelines below that is the striped work: the colour of the task that runs, "
         "with "
         "stripes in the colour of the task that pays for it.</p>\n";
}

std::string cell(const std::string& text) { return fmt::format("<td>{}</td>", text); }

std::string quantile_cell(const trace::LatencySummary& wait, Nanos value, std::uint64_t numerator,
                          std::uint64_t denominator) {
  if (enough_samples(wait.count, numerator, denominator)) return cell(html_duration(value));
  return "<td class=\"zero\" title=\"too few lock calls to say\">&ndash;</td>";
}

std::string case_row(const DemoCase& one) {
  std::string row = fmt::format("<tr><th scope=\"row\"><span class=\"key case-{}\"></span>{}</th>",
                                style_of(one), html_escaped(case_words(one)));
  if (!one.skipped.empty()) {
    return row + fmt::format("<td class=\"text note\" colspan=\"10\">skipped: {}</td></tr>\n",
                             html_escaped(one.skipped));
  }
  const trace::LatencySummary& wait = one.lock_wait;
  row += cell(std::to_string(wait.count)) + quantile_cell(wait, wait.p50, 50, 100) +
         quantile_cell(wait, wait.p99, 99, 100) + quantile_cell(wait, wait.p999, 999, 1000) +
         fmt::format("<td class=\"best\">{}</td>", html_duration(wait.max)) +
         cell(html_duration(one.max_net)) + cell(std::to_string(one.foreground_ops)) +
         cell(std::to_string(one.background_ops)) +
         cell(fmt::format("{:.1f} %", 100 * one.hog_share)) + cell(html_duration(one.disturbed_ns));
  return row + "</tr>\n";
}

std::string part_table(const DemoPart& part) {
  std::string table =
      "<div class=\"scroll\"><table>\n<thead><tr>"
      "<th scope=\"col\">Case</th>"
      "<th scope=\"col\" title=\"lock calls of the foreground\">Lock calls</th>"
      "<th scope=\"col\" title=\"half of them waited no longer\">Median wait</th>"
      "<th scope=\"col\" title=\"99 of 100 waited no longer\">99 %</th>"
      "<th scope=\"col\" title=\"999 of 1000 waited no longer\">99.9 %</th>"
      "<th scope=\"col\">Longest wait</th>"
      "<th scope=\"col\" title=\"the longest wait during which the machine did not take the CPU "
      "away\">Longest undisturbed</th>"
      "<th scope=\"col\" title=\"completed by the foreground\">Foreground ops</th>"
      "<th scope=\"col\" title=\"completed by the background\">Background ops</th>"
      "<th scope=\"col\" title=\"CPU time of the hogs / wall time\">Hogs&rsquo; share</th>"
      "<th scope=\"col\" title=\"time that the machine took the CPU away\">Disturbed</th>"
      "</tr></thead>\n<tbody>\n";
  for (const DemoCase& one : part.cases) table += case_row(one);
  return table + "</tbody></table></div>\n";
}

std::string chart_data(const DemoPart& part) {
  std::string text = "[";
  for (const DemoCase& one : part.cases) {
    if (!one.skipped.empty() || one.waits.empty()) continue;
    text += fmt::format("{}{{\"label\":{},\"style\":{},\"count\":{},\"points\":{}}}",
                        text.size() > 1 ? "," : "", trace::json_quoted(case_words(one)),
                        style_of(one), one.waits.size(), distribution_points(one.waits));
  }
  return text + "]";
}

// Does any task run on the context of another?
bool lends(const trace::RunResult& result) {
  return std::any_of(result.segments.begin(), result.segments.end(),
                     [](const trace::Segment& s) { return s.exec != s.donor; });
}

// The body and the data of the page grow together: a timeline's place in the body names its run in
// the data.
class DemoPage {
 public:
  explicit DemoPage(const DemoResult& result) {
    body_ = "<header><h1>How long does a task wait for a lock that a lesser task holds?</h1>\n";
    body_ += "<div class=\"headline\">\n";
    for (const DemoPart& part : result.parts) body_ += headline(part);
    body_ += "</div></header>\n";
    body_ += what_you_see();
    for (const DemoPart& part : result.parts) add_part(part);
    body_ += fmt::format(
        "<div class=\"produced meta\">\n<p>Command: <code>{}</code></p>\n<p>Machine: {}</p>\n"
        "<p>Date: {}</p>\n</div>\n",
        html_escaped(result.command), html_escaped(result.machine), html_escaped(result.date));
  }

  [[nodiscard]] std::string html() const {
    return page_html(
        {"px demo", body_, fmt::format(R"({{"runs":[{}],"charts":[{}]}})", runs_, charts_)});
  }

 private:
  void add_part(const DemoPart& part) {
    body_ += fmt::format("<section>\n<h2>The {} part</h2>\n<p>{}</p>\n", html_escaped(part.name),
                         html_escaped(part.setup)) +
             part_table(part);
    const bool any_waits = std::any_of(part.cases.begin(), part.cases.end(),
                                       [](const DemoCase& one) { return !one.waits.empty(); });
    if (any_waits) {
      body_ += fmt::format(
          "<h3>How the waits are distributed</h3>\n"
          "<div class=\"chart\" data-chart=\"{}\"></div>\n",
          chart_count_++);
      charts_ += fmt::format("{}{}", charts_.empty() ? "" : ",", chart_data(part));
    }
    body_ += "</section>\n";
    bool first_of_part = true;
    for (const DemoCase& one : part.cases) {
      if (!one.skipped.empty() || !one.excerpt) continue;
      if (first_of_part)
        body_ += "<h3>Around the longest wait of each case, on one time axis</h3>\n";
      if (run_count_ == 0) body_ += "<div data-controls></div>\n";
      first_of_part = false;
      add_timeline(one);
    }
  }

  void add_timeline(const DemoCase& one) {
    body_ += fmt::format(
        "<section class=\"run\" data-of-run=\"{0}\">\n"
        "<h3><span class=\"key case-{1}\"></span>{2}</h3>\n{3}"
        "<div class=\"timeline\" data-run=\"{0}\"></div>\n",
        run_count_, style_of(one), html_escaped(case_words(one)),
        missing_segments_note(*one.excerpt));
    if (lends(*one.excerpt)) {
      body_ += fmt::format(
          "<p class=\"note\">Magnified, around the longest wait:</p>\n"
          "<div class=\"timeline\" data-run=\"{}\" data-detail></div>\n",
          run_count_);
    }
    body_ += "</section>\n";
    runs_ +=
        fmt::format("{}{}", run_count_++ == 0 ? "" : ",\n", run_data(*one.excerpt, one.foreground));
  }

  std::string body_;
  std::string runs_;
  std::string charts_;
  int run_count_ = 0;
  int chart_count_ = 0;
};

}  // namespace

std::string demo_report_html(const DemoResult& result) { return DemoPage(result).html(); }

}  // namespace px::report
