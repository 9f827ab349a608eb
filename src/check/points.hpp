// How many scheduling points the core's calls pass: what a search has to interleave with others.
#pragma once

#include <vector>

namespace px::check {

struct CallPoints {
  const char* call;
  int coarse = 0;
  int fine = 0;
};

// Each call is carried out once, by the only CPU of a small scenario; nothing is explored. Not
// while another machine exists in this process.
[[nodiscard]] std::vector<CallPoints> points_per_call();

}  // namespace px::check
