#include "report/distribution.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>

namespace px::report {

namespace {

constexpr std::size_t kExactTail = 100;

}  // namespace

std::string distribution_points(std::vector<Nanos> samples) {
  std::sort(samples.begin(), samples.end());
  std::vector<std::size_t> firsts;  // where each different wait begins
  for (std::size_t i = 0; i < samples.size(); ++i) {
    if (i == 0 || samples[i] != samples[i - 1]) firsts.push_back(i);
  }
  std::string text = "[";
  Nanos last = 0;
  for (std::size_t k = 0; k < firsts.size(); ++k) {
    const Nanos wait = samples[firsts[k]];
    const bool in_tail = k + kExactTail >= firsts.size();
    if (k > 0 && !in_tail && wait - last <= last / 100) continue;
    text += fmt::format("{}{},{}", text.size() > 1 ? "," : "", wait, samples.size() - firsts[k]);
    last = wait;
  }
  return text + "]";
}

}  // namespace px::report
