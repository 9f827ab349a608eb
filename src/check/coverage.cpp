#include "check/coverage.hpp"

#include <iomanip>
#include <ostream>

#include "check/names.hpp"
#include "check/premises.hpp"
#include "check/text.hpp"
#include "core/checked.hpp"

namespace px::check {

namespace {

void add_to(std::vector<std::uint64_t>& sums, const std::vector<std::uint64_t>& counts) {
  for (std::size_t i = 0; i < sums.size() && i < counts.size(); ++i) sums[i] += counts[i];
}

std::string name_of(const Premise& premise) {
  return concat({"rule ", std::to_string(premise.number), " ", premise.rule, ": ", premise.when});
}

}  // namespace

Coverage::Coverage()
    : ways_(static_cast<std::size_t>(core::Way::kCount)), premises_(premises().size()) {}

void Coverage::add(const RunReport& report) {
  if (!report.complete) return;
  add_to(ways_, report.ways);
  add_to(premises_, report.premises);
}

void Coverage::print(std::ostream& out) const {
  out << "ways through the core, in transitions of the complete explorations:\n";
  for (std::size_t way = 0; way < ways_.size(); ++way) {
    out << std::setw(12) << ways_[way] << "  " << way_name(way) << '\n';
  }
  out << "premises of the rules, in states reached by them:\n";
  for (std::size_t i = 0; i < premises_.size(); ++i) {
    out << std::setw(12) << premises_[i] << "  " << name_of(premises()[i]) << '\n';
  }
}

std::vector<std::string> Coverage::missing() const {
  std::vector<std::string> names;
  for (std::size_t way = 0; way < ways_.size(); ++way) {
    if (ways_[way] == 0) names.emplace_back(way_name(way));
  }
  for (std::size_t i = 0; i < premises_.size(); ++i) {
    if (premises_[i] == 0) names.push_back(name_of(premises()[i]));
  }
  return names;
}

}  // namespace px::check
