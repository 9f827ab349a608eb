// px demo: the same lock, with and without proxy execution, on this machine.
#pragma once

#include <optional>
#include <string>

namespace px::tools {

// As given on the command line; nothing = not given.
struct DemoArguments {
  std::optional<std::string> world;
  std::optional<std::string> seconds;
  std::optional<std::string> json;
  std::optional<std::string> report;
  bool privileged = false;
  std::string command_line;  // for the page
};

// The exit status, 0. Throws UsageError, trace::FileError or StdoutError, all of them status 2.
[[nodiscard]] int demo_command(const DemoArguments& arguments);

}  // namespace px::tools
