// What the runtime's operations are meant to cost on a 2.6 GHz virtual machine.
#pragma once

#include <vector>

namespace px::bench {

struct Goal {
  int row;  // its number, as in docs/BENCHMARKS.md
  const char* text;
  const char* name;                  // the case
  const char* figure;                // nullptr: the case's time
  double limit;                      // at most
  const char* limit_case = nullptr;  // if not null: at most that case's time in the same run
};

[[nodiscard]] const std::vector<Goal>& goals();

}  // namespace px::bench
