// px run: one workload in one world.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace px::tools {

// As given on the command line; nothing = not given.
struct RunArguments {
  std::vector<std::string> files;
  std::optional<std::string> world;
  std::optional<std::string> cpus;
  std::optional<std::string> protocol;
  std::optional<std::string> placement;
  std::optional<std::string> duration;
  std::optional<std::string> seed;
  std::optional<std::string> costs;
  std::optional<std::string> json;
  std::optional<std::string> trace;
  std::optional<std::string> report;
};

// The exit status: 0, or 1 after a deadlock or a dead end. Throws UsageError, workload::Error,
// trace::FileError or StdoutError, all of them status 2.
[[nodiscard]] int run_command(const RunArguments& arguments);

}  // namespace px::tools
