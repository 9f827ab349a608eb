// Draws one workload under two protocols, one timeline above the other, as SVG:
//
//   px_picture WORKLOAD.json OUT.svg
//
// A bar is a segment of the run; a bar with a second colour ran on the scheduling context of the
// task that has that colour. A thin line is a wait for a lock.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <fstream>
#include <string>
#include <variant>
#include <vector>

#include "sim/run.hpp"
#include "workload/read.hpp"

namespace px::picture {
namespace {

constexpr int kLeft = 150;
constexpr int kRight = 24;
constexpr int kMillisecondWidth = 42;
constexpr int kRowHeight = 30;
constexpr int kBarHeight = 20;
constexpr int kTitleHeight = 34;
constexpr int kPanelGap = 26;
constexpr int kLegendHeight = 40;
constexpr const char* kColours[] = {"#c8403c", "#9aa3ad", "#2f6f9f", "#6b8e4e", "#8a5fa8"};

struct Panel {
  std::string title;
  std::vector<std::string> names;  // of the rows
  trace::RunResult result;
};

double x_of(Nanos time) {
  return kLeft + static_cast<double>(time) * kMillisecondWidth / static_cast<double>(kMillisecond);
}

const char* colour_of(std::uint32_t task) { return kColours[task % std::size(kColours)]; }

std::string text(double x, double y, const std::string& what, const char* attributes = "") {
  return fmt::format("<text x=\"{:.0f}\" y=\"{:.0f}\" {}>{}</text>\n", x, y, attributes, what);
}

std::string bar(const trace::Segment& segment, double y) {
  const double x = x_of(segment.start_ns);
  const double width = x_of(segment.end_ns) - x;
  std::string svg =
      fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{}\" fill=\"{}\"/>\n",
                  x, y, width, kBarHeight, colour_of(segment.exec));
  if (segment.donor != segment.exec) {
    svg += fmt::format(
        "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{}\" fill=\"{}\"/>\n", x,
        y + kBarHeight * 0.55, width, kBarHeight * 0.45, colour_of(segment.donor));
  }
  return svg;
}

std::string wait(const trace::Wait& wait, double y) {
  const double middle = y + kBarHeight / 2.0;
  return fmt::format(
      "<line x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"{}\" "
      "stroke-width=\"2\" stroke-dasharray=\"2 4\"/>\n",
      x_of(wait.start_ns), x_of(wait.end_ns), middle, middle, colour_of(wait.task));
}

int height_of(const Panel& panel) {
  return kTitleHeight + kRowHeight * static_cast<int>(panel.result.tasks.size()) + 18;
}

std::string draw(const Panel& panel, int top) {
  const auto& result = panel.result;
  const auto row = [&](std::uint32_t task) {
    return static_cast<double>(top + kTitleHeight) + kRowHeight * static_cast<double>(task);
  };
  std::string svg = text(kLeft, top + 20, panel.title, "class=\"title\"");
  const int bottom = top + kTitleHeight + kRowHeight * static_cast<int>(result.tasks.size());
  const Nanos last = result.segments.back().end_ns;
  for (Nanos tick = 0; tick <= last; tick += kMillisecond) {
    svg += fmt::format(
        "<line x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"{1}\" y2=\"{2}\" stroke=\"#e4e7ea\"/>\n",
        x_of(tick), top + kTitleHeight - 4, bottom);
    if (tick % (5 * kMillisecond) == 0) {
      svg += text(x_of(tick), bottom + 14, fmt::format("{} ms", tick / kMillisecond),
                  "class=\"tick\"");
    }
  }
  for (std::uint32_t task = 0; task < result.tasks.size(); ++task) {
    svg += text(kLeft - 12, row(task) + 15, panel.names[task], "class=\"name\"");
  }
  for (const auto& one : result.waits) svg += wait(one, row(one.task));
  for (const auto& segment : result.segments) svg += bar(segment, row(segment.exec));
  return svg;
}

// "L, priority 10", or "L" where the rank has no number.
std::vector<std::string> names_of(const workload::Workload& workload) {
  std::vector<std::string> names;
  for (const auto& task : workload.tasks) {
    const auto* realtime = std::get_if<policy::RealtimeParams>(&task.params);
    names.push_back(realtime != nullptr
                        ? fmt::format("{}, priority {}", task.name, realtime->priority)
                        : task.name);
  }
  return names;
}

trace::RunResult run(const workload::Workload& workload, workload::Protocol protocol) {
  sim::SimOptions options;
  options.protocol = protocol;
  return sim::run(workload, options);
}

Nanos longest_wait(const trace::RunResult& result) { return result.tasks.front().lock_wait.max; }

std::string picture(const workload::Workload& workload) {
  std::vector<Panel> panels(2);
  panels[0].result = run(workload, workload::Protocol::kNone);
  panels[1].result = run(workload, workload::Protocol::kProxy);
  const auto title = [](const char* lock, const trace::RunResult& result) {
    return fmt::format("{}: {} waits {} ms for the lock", lock, result.tasks.front().name,
                       longest_wait(result) / kMillisecond);
  };
  panels[0].names = panels[1].names = names_of(workload);
  panels[0].title = title("Plain lock", panels[0].result);
  panels[1].title = title("Proxy execution", panels[1].result);

  std::string body;
  int top = 8;
  Nanos last = 0;
  for (const auto& panel : panels) {
    body += draw(panel, top);
    top += height_of(panel) + kPanelGap;
    last = std::max(last, panel.result.segments.back().end_ns);
  }
  body += text(kLeft, top, "dotted: waits for the lock", "class=\"legend\"");
  body += text(kLeft + 220, top,
               fmt::format("two colours: {} runs on {}'s time and rank",
                           panels[1].result.tasks.back().name, panels[1].result.tasks.front().name),
               "class=\"legend\"");
  const int width = static_cast<int>(x_of(last)) + kRight;
  const int height = top + kLegendHeight - 16;
  return fmt::format(
             "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" "
             "height=\"{1}\" role=\"img\" aria-label=\"{2}; {3}\">\n",
             width, height, panels[0].title, panels[1].title) +
         "<style>text{font:13px sans-serif;fill:#24292f}.title{font-weight:bold}"
         ".name{text-anchor:end}.tick{text-anchor:middle;font-size:11px;fill:#57606a}"
         ".legend{font-size:12px;fill:#57606a}</style>\n" +
         fmt::format("<rect width=\"{}\" height=\"{}\" rx=\"6\" fill=\"#ffffff\"/>\n", width,
                     height) +
         body + "</svg>\n";
}

}  // namespace
}  // namespace px::picture

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: px_picture WORKLOAD.json OUT.svg\n", stderr);
    return 2;
  }
  try {
    const std::string svg = px::picture::picture(px::workload::read_files({argv[1]}));
    std::ofstream out(argv[2], std::ios::binary | std::ios::trunc);
    out << svg;
    out.close();
    if (!out) {
      std::fprintf(stderr, "px_picture: cannot write %s\n", argv[2]);
      return 1;
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "px_picture: %s\n", error.what());
    return 2;
  }
  return 0;
}
