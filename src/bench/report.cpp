#include "bench/report.hpp"

#include <cmath>
#include <cstdio>
#include <optional>

#include "bench/goals.hpp"
#include "bench/registry.hpp"

namespace px::bench {
namespace {

template <typename... Args>
std::string formatted(const char* format, Args... args) {
  char line[256];
  std::snprintf(line, sizeof line, format, args...);
  return line;
}

std::string number(double value) {
  if (std::abs(value) >= 1000) return formatted("%.0f", value);
  return formatted("%.1f", value);
}

double median_of(const Results& results, const char* name) {
  const auto found = results.find(name);
  return found != results.end() ? median(found->second.ns) : 0;
}

// What a goal is about, and its limit in this run; nothing if its cases did not run.
struct Judged {
  double value;
  double limit;
};
std::optional<Judged> judge(const Goal& goal, const Results& results) {
  const auto found = results.find(goal.name);
  if (found == results.end()) return std::nullopt;
  double value = median(found->second.ns);
  if (goal.figure != nullptr) {
    const auto figure = found->second.figures.find(goal.figure);
    if (figure == found->second.figures.end()) return std::nullopt;
    value = median(figure->second);
  }
  if (goal.limit_case == nullptr) return Judged{value, goal.limit};
  const double limit = median_of(results, goal.limit_case);
  if (limit == 0) return std::nullopt;
  return Judged{value, limit};
}

std::string case_line(const Case& one, const Series& series, const Results& results) {
  std::string ratio = "-";
  if (one.peer != nullptr) {
    const double peer = median_of(results, one.peer);
    if (peer > 0) ratio = formatted("%.2f of %s", median(series.ns) / peer, one.peer);
  }
  std::string line =
      formatted("%-25s %10s %10s %10s  %s", one.name, number(median(series.ns)).c_str(),
                number(series.ns.front()).c_str(), number(series.ns.back()).c_str(), ratio.c_str());
  for (const auto& [name, values] : series.figures) {
    line += "  " + name + " " + number(median(values));
  }
  return line + "\n";
}

}  // namespace

double median(const std::vector<double>& sorted) {
  return sorted.empty() ? 0 : sorted[sorted.size() / 2];
}

std::string table_of(const Results& results) {
  std::string table = formatted("%-25s %10s %10s %10s  %s\n", "case, ns", "median", "least", "most",
                                "ratio and further figures");
  for (const Case& one : all_cases()) {
    const auto found = results.find(one.name);
    if (found != results.end()) table += case_line(one, found->second, results);
  }
  table += formatted("\n%-3s %-42s %10s %10s\n", "row", "goal", "at most", "measured");
  for (const Goal& goal : goals()) {
    const auto judged = judge(goal, results);
    if (!judged) continue;
    table += formatted("%-3d %-42s %10s %10s  %s\n", goal.row, goal.text,
                       number(judged->limit).c_str(), number(judged->value).c_str(),
                       judged->value <= judged->limit ? "met" : "not met");
  }
  return table;
}

std::string json_of(const Results& results) {
  std::string json = "{\n\"unit\": \"ns\",\n\"cases\": [";
  const char* separator = "\n";
  for (const auto& [name, series] : results) {
    json += separator + formatted(
                            "{\"name\": \"%s\", \"median\": %.6g, \"least\": %.6g, "
                            "\"most\": %.6g, \"repetitions\": %zu",
                            name.c_str(), median(series.ns), series.ns.front(), series.ns.back(),
                            series.ns.size());
    for (const auto& [figure, values] : series.figures) {
      json += formatted(", \"%s\": %.6g", figure.c_str(), median(values));
    }
    json += "}";
    separator = ",\n";
  }
  json += "\n],\n\"goals\": [";
  separator = "\n";
  for (const Goal& goal : goals()) {
    const auto judged = judge(goal, results);
    if (!judged) continue;
    json += separator + formatted(
                            "{\"row\": %d, \"case\": \"%s\", \"at_most\": %.6g, "
                            "\"measured\": %.6g, \"met\": %s}",
                            goal.row, goal.name, judged->limit, judged->value,
                            judged->value <= judged->limit ? "true" : "false");
    separator = ",\n";
  }
  return json + "\n]\n}\n";
}

}  // namespace px::bench
