// The seeded faults, by name.
#pragma once

#include <string_view>
#include <vector>

#include "core/checked.hpp"

namespace px::check {

struct MutantInfo {
  const char* name;
  core::Mutant id;
  const char* cause;     // what the core does wrong then
  const char* scenario;  // where it is caught cheapest
  bool fine = false;     // needs fine granularity
};

[[nodiscard]] const std::vector<MutantInfo>& mutants();
// nullptr: there is none of that name.
[[nodiscard]] const MutantInfo* find_mutant(std::string_view name);

}  // namespace px::check
