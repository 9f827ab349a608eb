// The premises of the rules that the checker judges states by: a rule about waiters that hang on an
// owner says nothing where nobody hangs. `px check --coverage` counts in how many states reached
// each premise held.
#pragma once

#include <vector>

namespace px::check {

class World;

struct Premise {
  int number;        // of the invariant
  const char* rule;  // its name, as a violation prints it
  const char* when;  // what has to be the case for the rule to say anything
  bool needs_all_settled;
  bool (*holds)(const World& world);
};

// One for each rule of core/invariants.hpp, and for those of properties.cpp and ledger.cpp that
// look at states.
[[nodiscard]] const std::vector<Premise>& premises();

}  // namespace px::check
