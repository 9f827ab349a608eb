#include "report/timeline.hpp"

#include <fmt/format.h>

#include <cstddef>

#include "report/page.hpp"
#include "report/run_data.hpp"
#include "report/tables.hpp"

namespace px::report {

namespace {

std::string meta_line(const trace::RunResult& run) {
  return fmt::format("<p class=\"meta\">{} {} &middot; {} &middot; seed {}</p>\n", run.cpus,
                     run.cpus == 1 ? "CPU" : "CPUs", html_duration(run.duration_ns), run.seed);
}

std::string notices(const trace::RunResult& run) {
  std::string text;
  if (!run.deadlock.empty()) {
    text += fmt::format("<p class=\"alarm\"><strong>Deadlock.</strong> {}</p>\n",
                        html_escaped(run.deadlock));
  }
  for (const std::string& warning : run.warnings) {
    text += fmt::format("<p class=\"note\">{}</p>\n", html_escaped(warning));
  }
  return text;
}

std::string section(const trace::RunResult& run, std::size_t index) {
  return fmt::format("<section class=\"run\" data-of-run=\"{}\">\n<h2>{}</h2>\n", index,
                     html_escaped(run_label(run))) +
         meta_line(run) + notices(run) + missing_segments_note(run) +
         fmt::format("<div class=\"timeline\" data-run=\"{}\"></div>\n", index) + run_tables(run) +
         "</section>\n";
}

}  // namespace

std::string run_report_html(const std::vector<trace::RunResult>& results, std::string_view title) {
  Page page;
  page.title = title;
  page.body = fmt::format("<header><h1>{}</h1></header>\n", html_escaped(title));
  if (results.size() > 1) page.body += comparison_table(results);
  page.body += "<div data-controls></div>\n";
  page.data = "{\"runs\":[";
  for (std::size_t i = 0; i < results.size(); ++i) {
    page.body += section(results[i], i);
    if (i > 0) page.data += ',';
    page.data += run_data(results[i]);
  }
  page.data += "]}";
  return page_html(page);
}

}  // namespace px::report
