// What a set of explorations has met: the rows of the walk, the steps of a wait's link and of going
// to sleep, the paths of a wakeup, the premises of the rules.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

#include "check/run.hpp"

namespace px::check {

class Coverage {
 public:
  Coverage();
  // Only what was explored completely counts: the rest says too little about what can be met.
  void add(const RunReport& report);
  void print(std::ostream& out) const;
  // What was never met, by name.
  [[nodiscard]] std::vector<std::string> missing() const;

 private:
  std::vector<std::uint64_t> ways_;
  std::vector<std::uint64_t> premises_;
};

}  // namespace px::check
