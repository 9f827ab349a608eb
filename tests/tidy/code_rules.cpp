#include <algorithm>
#include <cctype>
#include <iterator>
#include <optional>

#include "rules.hpp"
#include "scopes.hpp"

namespace px::tidy {
namespace {

struct Banned {
  const char* word;
  const char* instead;
  const char* under;  // applies below this folder
};

// What is matched is code without comments and literals.
constexpr Banned kBanned[] = {
    // Neither compiler of the floor (g++ 12, clang 14) has it.
    {"std::format", "use fmt::format", ""},
    {"<format>", "use fmt::format", ""},
    {"std::source_location", "use __builtin_FILE() and __builtin_LINE() defaults", ""},
    {"std::views", "write the loop: clang 14 cannot use range views", ""},
    {"std::ranges::views", "write the loop: clang 14 cannot use range views", ""},
    // Unsafe or ambient.
    {"assert", "use PX_CHECK or PX_DCHECK (base/check.hpp)", ""},
    {"rand", "use px::Prng (base/prng.hpp), seeded", ""},
    {"srand", "use px::Prng (base/prng.hpp), seeded", ""},
    {"std::random_device", "use px::Prng (base/prng.hpp), seeded", ""},
    {"std::mt19937", "use px::Prng (base/prng.hpp)", ""},
    {"sprintf", "use std::snprintf or fmt", ""},
    {"strcpy", "use std::string or std::snprintf", ""},
    {"strcat", "use std::string", ""},
    {"atoi", "use std::from_chars", ""},
    {"NULL", "use nullptr", ""},
    {"std::endl", "use '\\n'", ""},
    {"system_clock", "use the platform's now(), or std::chrono::steady_clock", "src"},
    {"gettimeofday", "use the platform's now()", ""},
    {"std::stop_source", "use px::stop_token: the standard one spins in preemptible code", "src"},
    {"std::cout", "return data; tools print", "src"},
    // Results are a function of workload, options and seed.
    {"std::unordered_map", "use an ordered container: nothing is ordered by hash", "src"},
    {"std::unordered_set", "use an ordered container: nothing is ordered by hash", "src"},
    {"steady_clock", "now is an argument or the platform's", "src/base"},
    {"steady_clock", "now is an argument", "src/policy"},
    {"steady_clock", "use P::now()", "src/core"},
    {"steady_clock", "time is virtual here", "src/sim"},
    {"steady_clock", "time comes with the events", "src/trace"},
    {"steady_clock", "time comes with the run", "src/workload"},
    {"clock_gettime", "now is an argument", "src/policy"},
    {"clock_gettime", "use P::now()", "src/core"},
    {"clock_gettime", "time is virtual here", "src/sim"},
    // The scheduling side: plain code.
    {"atomic", "policy runs under the runqueue lock", "src/policy"},
    {"mutex", "policy runs under the runqueue lock", "src/policy"},
    {"thread", "policy knows no threads", "src/policy"},
    {"Platform", "policy knows no platform", "src/policy"},
    // The execution side: only what the platform supplies.
    {"std::mutex", "use P::SpinLock", "src/core"},
    {"std::atomic", "use P::Atomic", "src/core"},
    {"std::this_thread", "use the platform's actions", "src/core"},
    {"std::thread", "the core knows CPUs, not threads", "src/core"},
    {"thread_local", "use P::this_cpu() or P::current()", "src/core"},
    {"chrono", "use Nanos and P::now()", "src/core"},
    {"<iostream>", "the core reports by P::trace()", "src/core"},
    {"new", "nothing is allocated inside the core", "src/core"},
    {"malloc", "nothing is allocated inside the core", "src/core"},
    {"std::vector", "nothing is allocated inside the core", "src/core"},
    {"std::function", "nothing is allocated inside the core", "src/core"},
    {"throw", "the core returns status codes", "src/core"},
    {"throw", "policy returns status codes", "src/policy"},
    {"#if", "no conditional code in the core: the platform decides", "src/core"},
    {"#ifdef", "no conditional code in the core: the platform decides", "src/core"},
    {"#ifndef", "no conditional code in the core: the platform decides", "src/core"},
};

// Tests, benchmarks, and what they share.
bool is_test_code(const SourceFile& file) {
  const std::string name = file.name();
  return name.find("test") != std::string::npos || name.find("benchmark") != std::string::npos;
}

std::optional<std::string> included(const std::string& line) {
  if (!line.starts_with("#include ")) return std::nullopt;
  const auto open = line.find_first_of("\"<");
  const auto close = line.find_first_of("\">", open + 1);
  if (open == std::string::npos || close == std::string::npos) return std::nullopt;
  return line.substr(open + 1, close - open - 1);
}

// What tools, tests of whole runs and examples may include of each world.
bool is_facade(const std::string& header) {
  static constexpr std::string_view kFolders[] = {"workload/", "trace/",  "report/",
                                                  "base/",     "policy/", "px/"};
  static constexpr std::string_view kHeaders[] = {"sim/run.hpp",   "live/run.hpp",
                                                  "linux/run.hpp", "check/check.hpp",
                                                  "bench/run.hpp", "bench/run.hpp"};
  if (header.find('/') == std::string::npos) return true;
  return std::any_of(std::begin(kFolders), std::end(kFolders),
                     [&](std::string_view folder) { return header.starts_with(folder); }) ||
         std::find(std::begin(kHeaders), std::end(kHeaders), header) != std::end(kHeaders);
}

}  // namespace

void check_pragma_once(const SourceFile& file, Findings& findings) {
  if (!file.has_suffix(".hpp")) return;
  for (const auto& line : file.code) {
    if (line == "#pragma once") return;
    if (line.find_first_not_of(' ') != std::string::npos) break;
  }
  findings.push_back({"pragma-once", file.path, 0, "no #pragma once before the first code"});
}

void check_lengths(const SourceFile& file, Findings& findings) {
  if (!file.is_cpp()) return;
  if (file.lines.size() > kMaxFileLines) {
    findings.push_back({"file-length", file.path, 0,
                        std::to_string(file.lines.size()) + " lines; split it by reason at " +
                            std::to_string(kMaxFileLines)});
  }
  for (const auto& function : find_functions(file)) {
    const std::size_t length = function.last_line - function.first_line + 1;
    if (length <= kMaxFunctionLines) continue;
    findings.push_back(
        {"function-length", file.path, function.first_line,
         std::to_string(length) + " lines; at most " + std::to_string(kMaxFunctionLines)});
  }
}

void check_banned(const SourceFile& file, Findings& findings) {
  if (!file.is_cpp()) return;
  for (std::size_t i = 0; i < file.code.size(); ++i) {
    if (file.has_suffix(".hpp") &&
        find_word(file.code[i], "using namespace") != std::string_view::npos) {
      findings.push_back({"banned", file.path, i + 1, "using namespace in a header"});
    }
    for (const auto& ban : kBanned) {
      if (!file.is_under(ban.under)) continue;
      // A layer's tests may use what the layer may not.
      const bool layer_rule = *ban.under != '\0';
      if (layer_rule && is_test_code(file)) continue;
      if (find_word(file.code[i], ban.word) == std::string_view::npos) continue;
      findings.push_back(
          {"banned", file.path, i + 1, std::string(ban.word) + ": " + std::string(ban.instead)});
    }
  }
}

void check_includes(const SourceFile& file, Findings& findings) {
  if (!file.is_cpp()) return;
  const bool outside = file.is_under("tools/") || file.is_under("examples/");
  for (std::size_t i = 0; i < file.lines.size(); ++i) {
    const auto header = included(file.lines[i]);
    if (!header) continue;
    const bool ours = file.lines[i].find('"') != std::string::npos;
    if (file.is_under("src/core/") && header->starts_with("trace/") &&
        *header != "trace/event.hpp") {
      findings.push_back(
          {"include", file.path, i + 1, *header + ": of trace/ the core includes event.hpp only"});
    }
    if (outside && ours && !is_facade(*header)) {
      findings.push_back({"include", file.path, i + 1, *header + ": not a façade"});
    }
    if (file.is_under("include/px/") && ours && !header->starts_with("px/")) {
      findings.push_back({"include", file.path, i + 1,
                          *header + ": public headers include px/ and the standard library"});
    }
    if (header->find("..") != std::string::npos) {
      findings.push_back({"include", file.path, i + 1, *header + ": name it from its layer"});
    }
  }
}

void check_documented(const SourceFile& file, Findings& findings) {
  if (!file.is_under("include/px/") || !file.has_suffix(".hpp")) return;
  for (const auto& declaration : find_public_functions(file)) {
    const std::string& above =
        declaration.first_line >= 2 ? file.lines[declaration.first_line - 2] : file.lines[0];
    const auto start = above.find_first_not_of(' ');
    bool documented = start != std::string::npos && above.compare(start, 2, "//") == 0;
    for (std::size_t line = declaration.first_line; line <= declaration.last_line; ++line) {
      documented = documented || file.lines[line - 1].find("//") != std::string::npos;
    }
    if (!documented) {
      findings.push_back({"documented", file.path, declaration.first_line,
                          declaration.name + ": no comment directly above it or on its line"});
    }
  }
}

void check_test_goal(const SourceFile& file, Findings& findings) {
  if (!file.has_suffix("_test.cpp")) return;
  if (!file.lines.empty() && file.lines.front().starts_with("// ")) return;
  findings.push_back({"goal", file.path, 1, "a test opens with a comment: its goal and method"});
}

}  // namespace px::tidy
