// px bench: what the runtime's operations cost on this machine, beside other libraries in the same
// run. The cases run under Google Benchmark, interleaved at random; figures are medians.
#pragma once

#include <string>
#include <vector>

namespace px::bench {

struct Options {
  // Groups ("switch") or whole cases ("switch/yield_2"); empty = all.
  std::vector<std::string> names;
};

struct Report {
  std::string table;  // for people
  std::string json;
};

// Every case, one line each: name and what one operation of it is.
[[nodiscard]] std::string list();
// The first of `names` that is neither a group nor a case; "" if all are.
[[nodiscard]] std::string unknown_name(const std::vector<std::string>& names);
// Runs the cases, each several times; minutes for all of them. Goals whose cases did not run are
// left out. One thread at a time; the machine should be otherwise idle.
[[nodiscard]] Report run(const Options& options);

}  // namespace px::bench
