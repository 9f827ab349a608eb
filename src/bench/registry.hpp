// The list of all cases.
#pragma once

#include <string>
#include <vector>

namespace px::bench {

// What one run of a case gives: nanoseconds for one operation, and further figures by name.
struct Figure {
  const char* name;
  double value;
};
struct Measurement {
  double ns = 0;
  std::vector<Figure> figures = {};
};

struct Case {
  const char* name;       // GROUP/CASE
  const char* operation;  // what `ns` is the cost of
  Measurement (*measure)();
  const char* peer = nullptr;  // the case that the ratio column divides by
  int repetitions = 9;
};

[[nodiscard]] const std::vector<Case>& all_cases();
// nullptr: no such case.
[[nodiscard]] const Case* find_case(const std::string& name);
[[nodiscard]] std::string group_of(const Case& one);

// By file.
[[nodiscard]] std::vector<Case> switch_cases();
[[nodiscard]] std::vector<Case> mutex_cases();
[[nodiscard]] std::vector<Case> inversion_cases();
[[nodiscard]] std::vector<Case> spawn_cases();
[[nodiscard]] std::vector<Case> wake_cases();
[[nodiscard]] std::vector<Case> preempt_cases();
[[nodiscard]] std::vector<Case> check_cases();

}  // namespace px::bench
