#include "bench/registry.hpp"

#include <algorithm>

namespace px::bench {

const std::vector<Case>& all_cases() {
  static const std::vector<Case> cases = [] {
    std::vector<Case> all;
    for (auto* const part : {&switch_cases, &mutex_cases, &inversion_cases, &spawn_cases,
                             &wake_cases, &preempt_cases, &check_cases}) {
      const std::vector<Case> some = part();
      all.insert(all.end(), some.begin(), some.end());
    }
    return all;
  }();
  return cases;
}

const Case* find_case(const std::string& name) {
  const auto& cases = all_cases();
  const auto found =
      std::find_if(cases.begin(), cases.end(), [&](const Case& one) { return name == one.name; });
  return found != cases.end() ? &*found : nullptr;
}

std::string group_of(const Case& one) {
  const std::string name(one.name);
  return name.substr(0, name.find('/'));
}

}  // namespace px::bench
