// px check: the model checker.
#pragma once

#include <optional>
#include <string>

namespace px::tools {

// As given on the command line; nothing = not given.
struct CheckArguments {
  std::optional<std::string> scenario;
  bool list = false;
  bool all = false;
  bool nightly = false;
  bool coverage = false;
  bool mutants = false;
  bool list_mutants = false;
  std::optional<std::string> mutant;
  std::optional<std::string> invariant;
  std::optional<std::string> cpus;
  std::optional<std::string> bound;
  std::optional<std::string> mode;
  std::optional<std::string> granularity;
  std::optional<std::string> seconds;
  std::optional<std::string> max_states;
  std::optional<std::string> max_mib;
  std::optional<std::string> replay;
  std::optional<std::string> json;
  std::optional<std::string> report;
};

// The exit status of check::check_command(). Throws UsageError, trace::FileError or StdoutError,
// all of them status 2.
[[nodiscard]] int check_command(const CheckArguments& arguments);

}  // namespace px::tools
