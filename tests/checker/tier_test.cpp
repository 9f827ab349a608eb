// Goal: the quick tier says what it said before, and it is big enough: enough scenarios are
// explored completely, and the number of states of each is the one kept in state_counts.cpp.
// Method: the results of check.all, which runs first and fails by itself on a violation or on a
// scenario that does not reach every outcome of find_proxy_task that it declares.
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "check/scenarios.hpp"
#include "check/state_counts.hpp"

namespace px::check {
namespace {

struct Size {
  std::uint64_t states = 0;
  bool complete = false;
};
using Key = std::pair<std::string, bool>;  // scenario, fine

std::map<Key, Size> found() {
  std::ifstream file(PX_TIER_JSON);
  std::map<Key, Size> sizes;
  const auto document = nlohmann::json::parse(file);
  for (const auto& run : document.at("runs")) {
    sizes[{run.at("scenario"), run.at("granularity") == "fine"}] = {run.at("states"),
                                                                    run.at("complete")};
  }
  return sizes;
}

// What to keep of a scenario: the size if it was complete; a greater one that only the nightly tier
// gets to stays.
std::uint64_t to_keep(const Scenario& scenario, bool fine, const Size& size) {
  if (size.complete) return size.states;
  const std::uint64_t kept = known_states(scenario.name, fine);
  return kept > quick_bound(scenario, fine) ? kept : 0;
}

// The source with the rows as they have to be.
std::string renewed_source(const std::map<Key, Size>& sizes) {
  std::ifstream file(PX_COUNTS_SOURCE);
  std::string text;
  bool rows = false;
  for (std::string line; std::getline(file, line);) {
    if (line == "};") rows = false;
    if (!rows) text += line + '\n';
    if (line.find("kCounts[] = {") == std::string::npos) continue;
    rows = true;
    for (const Scenario& scenario : scenarios()) {
      text += "    {\"" + scenario.name + "\", " +
              std::to_string(to_keep(scenario, false, sizes.at({scenario.name, false}))) + ", " +
              std::to_string(to_keep(scenario, true, sizes.at({scenario.name, true}))) + "},\n";
    }
  }
  return text;
}

TEST(QuickTier, HasTheNumbersOfStatesThatAreKept) {
  const std::map<Key, Size> sizes = found();
  EXPECT_EQ(sizes.size(), 2 * scenarios().size());
  std::string wrong;
  for (const Scenario& scenario : scenarios()) {
    for (const bool fine : {false, true}) {
      const auto size = sizes.find({scenario.name, fine});
      ASSERT_NE(size, sizes.end()) << scenario.name;
      const std::uint64_t kept = known_states(scenario.name, fine);
      const std::uint64_t now = to_keep(scenario, fine, size->second);
      if (kept == now) continue;
      wrong += scenario.name + (fine ? " fine" : " coarse") + ": kept " + std::to_string(kept) +
               ", found " + std::to_string(now) + '\n';
    }
  }
  if (wrong.empty()) return;
  std::ofstream(PX_COUNTS_RENEWED) << renewed_source(sizes);
  ADD_FAILURE() << wrong << "(0: not complete.) If a change of the core or of a scenario is meant "
                << "to change them:\n  cp " PX_COUNTS_RENEWED " " PX_COUNTS_SOURCE;
}

TEST(QuickTier, ListsTheScenariosInTheirOrder) {
  ASSERT_EQ(state_counts().size(), scenarios().size());
  for (std::size_t i = 0; i < scenarios().size(); ++i) {
    EXPECT_EQ(state_counts()[i].scenario, scenarios()[i].name);
  }
}

TEST(QuickTier, IsCompleteWhereItCounts) {
  constexpr std::uint64_t kBigEnough = 10'000;
  int complete[2] = {};
  int big[2] = {};
  for (const auto& [key, size] : found()) {
    const auto& [name, fine] = key;
    const Scenario* scenario = find_scenario(name);
    ASSERT_NE(scenario, nullptr) << name;
    if (!size.complete) continue;
    ++complete[fine];
    const bool counts = size.states >= kBigEnough && !scenario->reaches.empty();
    big[fine] += counts ? 1 : 0;
  }
  std::ostringstream summary;
  summary << "coarse: " << complete[0] << " of " << scenarios().size() << " scenarios complete, "
          << big[0] << " of them with 10,000 states or more and every declared outcome reached\n"
          << "fine: " << complete[1] << " complete, " << big[1] << " of them so\n";
  std::cout << summary.str();
  EXPECT_GE(big[0], 15) << summary.str();
  EXPECT_GE(big[1], 8) << summary.str();
}

}  // namespace
}  // namespace px::check
