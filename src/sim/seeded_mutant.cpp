// Part of the build with PX_SIM_MUTANTS alone: the fault that this process runs with.
#include <cstdlib>

#include "sim/platform.hpp"

namespace px::sim {

core::Mutant seeded_mutant() {
  static const core::Mutant seeded = [] {
    const char* text = std::getenv("PX_SIM_MUTANT");
    const long number = text != nullptr ? std::strtol(text, nullptr, 10) : 0;
    const bool known = number > 0 && number < static_cast<long>(core::Mutant::kCount);
    return known ? static_cast<core::Mutant>(number) : core::Mutant::kNone;
  }();
  return seeded;
}

}  // namespace px::sim
