// Writes the sample pages that tests/browser looks at: samples_main FOLDER.
#include <cstdio>
#include <exception>
#include <string>
#include <utility>
#include <vector>

#include "report/demo.hpp"
#include "report/samples.hpp"
#include "report/timeline.hpp"
#include "trace/file_output.hpp"

namespace {

using px::report::run_report_html;
using px::report::textbook_run;

std::vector<std::pair<std::string, std::string>> pages() {
  px::trace::RunResult hostile = textbook_run(true);
  hostile.tasks[2].name = "</script><b>&\"'";
  hostile.locks[0].name = "<!-- <script>";
  hostile.deadlock = "<img src=x onerror=alert(1)>";
  return {
      {"textbook.html", run_report_html({textbook_run(false), textbook_run(true)},
                                        "Textbook inversion, with and without proxy execution")},
      {"demo.html", px::report::demo_report_html(px::report::sample_demo())},
      {"busy.html", run_report_html({px::report::busy_run(20'000, 1)}, "A busy run")},
      {"million.html", run_report_html({px::report::busy_run(1'000'000, 2)}, "Many segments")},
      {"empty.html", run_report_html({}, "No runs")},
      {"hostile.html", run_report_html({hostile}, "</title><script>alert(1)")},
  };
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
    return 2;
  }
  try {
    for (const auto& page : pages()) {
      px::trace::write_file_atomically(std::string(argv[1]) + "/" + page.first, page.second);
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
