#include "check/names.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <stdexcept>

#include "check/premises.hpp"
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

// What the checker judges beside the states that premises() are about.
struct OwnRule {
  int number;
  const char* name;
};
constexpr OwnRule kOwnRules[] = {
    {0, "assertion"},
    {0, "data race"},
    {0, "preempt count"},
    {1, "one CPU per context"},
    {2, "execution inside affinity"},
    {4, "blocked tasks never execute"},
    {5, "running is not blocked"},
    {10, "mutual exclusion"},
    {11, "no link without a wait"},
    {14, "no time limit"},
    {14, "no timer without a wait"},
    {16, "hand-off to the paying donor"},
    {18, "lock order"},
    {27, "migrated means blocked"},
    {29, "no ping-pong"},
    {35, "who runs is counted"},
    {42, "no wakeup on an offline CPU"},
    {43, "ends of waits are true"},
    {45, "endless step"},
    {45, "no CPU waits for ever"},
    {45, "no false deadlock"},
    {45, "no livelock"},
    {47, "off means off"},
};

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

std::string known_rule(std::string_view name) {
  std::vector<std::string> names;
  const auto is_known = [&](int number, const char* rule) {
    const Breach breach{number, rule, {}};
    names.push_back(invariant_name(breach));
    return goes_by(breach, name);
  };
  for (const Premise& premise : premises()) {
    if (is_known(premise.number, premise.rule)) return std::string(name);
  }
  for (const OwnRule& rule : kOwnRules) {
    if (is_known(rule.number, rule.name)) return std::string(name);
  }
  unknown("invariant", name, std::move(names));
}

std::string invariant_name(const Breach& breach) {
  if (breach.number == 0) return breach.name;
  return concat({std::to_string(breach.number), " ", breach.name});
}

const char* way_name(std::size_t way) {
  static constexpr std::array<const char*, static_cast<std::size_t>(core::Way::kCount)> kNames = {
      "walk: row 1, the running task",
      "walk: row 1, another task",
      "walk: row 2, the link changed",
      "walk: row 4, the waiter runs",
      "walk: row 4, lends to the next waiter",
      "walk: row 4, leaves without a helper",
      "walk: row 5, parked",
      "walk: row 6, linked",
      "walk: row 6, migrated",
      "walk: row 7, the owner moves",
      "walk: row 9, a cycle",
      "walk: row 10, on to the owner",
      "walk: the end of the chain runs",
      "walk: idle once",
      "walk: the owner was back before the waiter hung on it",
      "link: set",
      "link: still there when its task is awake again",
      "link: taken away, the lock is free",
      "link: taken away by a hand-off",
      "link: taken away by the end of a task",
      "link: taken away by a time limit or stop request",
      "link: taken away to end a deadlock",
      "link: gone before it could be taken away",
      "block: lends, queued",
      "block: leaves the runqueue",
      "block: woken since it decided to sleep",
      "block: its wait has ended before",
      "wakeup: of a task that does not sleep",
      "wakeup: in place",
      "wakeup: of the running task",
      "wakeup: takes a context off, to be placed anew",
      "wakeup: takes the donor in use off",
      "wakeup: off the runqueue",
      "wakeup: waits until the last CPU has switched away",
      "wakeup: placed at home",
      "wakeup: placed elsewhere",
      "wakeup: placed where it lent",
      "wakeup: of a task between two CPUs",
      "wakeup: of a task that hangs on an owner",
      "wakeup: ends a boost",
      "activation: of a waiter that hangs on an owner",
      "activation: of one that has left meanwhile",
      "activation: its own waiters follow it",
      "balancing: a chain is pushed",
      "balancing: a chain is pulled",
      "balancing: a fair task moves",
      "budget: used up, throttled",
      "budget: used up while another task runs on it",
      "budget: filled again",
      "lock: hand-off to the paying donor",
      "lock: hand-off at the starvation bound",
      "lock: taken by spinning",
      "lock: time limit",
      "lock: stop request",
      "lock: deadlock"};
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
