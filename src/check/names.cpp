#include "check/names.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <stdexcept>

#include "check/scenarios.hpp"
#include "check/text.hpp"
#include "core/checked.hpp"

namespace px::check {

namespace {

// Levenshtein's distance.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j < row.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replace = diagonal + (a[i - 1] != b[j - 1] ? 1 : 0);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replace});
    }
  }
  return row[b.size()];
}

[[noreturn]] void unknown(const char* what, std::string_view name, std::vector<std::string> names) {
  std::stable_sort(names.begin(), names.end(), [name](const std::string& a, const std::string& b) {
    return distance(a, name) < distance(b, name);
  });
  std::string text = concat({"found ", what, " '", name, "', expected one like"});
  for (std::size_t i = 0; i < names.size() && i < 3; ++i)
    text += concat({i > 0 ? ", " : " ", names[i]});
  throw std::invalid_argument(text);
}

}  // namespace

const Scenario& known_scenario(std::string_view name) {
  if (const Scenario* scenario = find_scenario(name)) return *scenario;
  std::vector<std::string> names;
  for (const Scenario& scenario : scenarios()) names.push_back(scenario.name);
  unknown("scenario", name, std::move(names));
}

const MutantInfo& known_mutant(std::string_view name) {
  if (const MutantInfo* mutant = find_mutant(name)) return *mutant;
  std::vector<std::string> names;
  for (const MutantInfo& mutant : mutants()) names.emplace_back(mutant.name);
  unknown("mutant", name, std::move(names));
}

std::string invariant_name(const Breach& breach) {
  if (breach.number == 0) return breach.name;
  return concat({std::to_string(breach.number), " ", breach.name});
}

const char* way_name(std::size_t way) {
  static constexpr std::array<const char*, static_cast<std::size_t>(core::Way::kCount)> kNames = {
      "row 1, the running task",
      "row 1, another task",
      "row 2",
      "row 4, the waiter runs",
      "row 4, lends to the next",
      "row 5",
      "row 6, linked",
      "row 6, migrated",
      "row 7",
      "row 8",
      "row 9, a cycle",
      "row 10",
      "end of the chain",
      "idle once",
      "the owner was back before the waiter hung on it",
      "wakeup in place",
      "wakeup of the running task",
      "wakeup that brings a migrant home",
      "wakeup off the runqueue",
      "wakeup of a task between two CPUs",
      "a parked or linked waiter is activated",
      "its own waiters follow it",
      "hand-off",
      "time limit",
      "cancellation",
      "deadlock"};
  return way < kNames.size() ? kNames[way] : "?";
}

Progress progress_to_stderr(const std::string& name) {
  return [name](const ProgressReport& report) {
    const double rate = static_cast<double>(report.transitions) / std::max(report.seconds, 1e-9);
    std::fprintf(stderr, "%s: %llu states, %.0f transitions/s, depth %llu, frontier %llu\n",
                 name.c_str(), static_cast<unsigned long long>(report.states), rate,
                 static_cast<unsigned long long>(report.depth),
                 static_cast<unsigned long long>(report.frontier));
  };
}

}  // namespace px::check
