// px bench: what the runtime's operations cost on this machine.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace px::tools {

// As given on the command line; nothing = not given.
struct BenchArguments {
  std::vector<std::string> names;
  bool list = false;
  bool all = false;
  std::optional<std::string> json;
};

// The exit status, 0. Throws UsageError (also if this px was built without the benchmarks),
// trace::FileError or StdoutError, all of them status 2.
[[nodiscard]] int bench_command(const BenchArguments& arguments);

}  // namespace px::tools
