// off_hashes MODE: runs 1,000 random contended workloads in one mode and prints a line
// "SEED RESULT TIMELINE" for each: two 64-bit FNV-1a hashes, of the whole JSON result and of
// nothing but who executed when and where. The first tells whether two runs are the same to the
// byte, the second whether they differ in what matters.
//
//   proxy        proxying as the build has it: the lines of "on", or of the build without it
//   runtime      off by option of the run
//   environment  off by PX_PROXY_EXEC, which the caller must have set to 0
//   none         every lock of protocol `none`
//
// compare.cmake runs it, from the ordinary build and from one without proxy execution.
#include <fmt/format.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>

#include "contended_workload.hpp"
#include "sim/run.hpp"
#include "trace/result_json.hpp"

namespace px::off_means_off {
namespace {

constexpr std::uint64_t kWorkloads = 1'000;

std::uint64_t fnv1a(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : text) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  }
  return hash;
}

enum class Mode : std::uint8_t { kProxy, kRuntime, kEnvironment, kNone };

// False: no such mode.
bool parse_mode(std::string_view word, Mode& mode) {
  if (word == "proxy") {
    mode = Mode::kProxy;
  } else if (word == "runtime") {
    mode = Mode::kRuntime;
  } else if (word == "environment") {
    mode = Mode::kEnvironment;
  } else if (word == "none") {
    mode = Mode::kNone;
  } else {
    return false;
  }
  return true;
}

// What a command does with the variable before it runs a world.
bool proxy_exec_of_environment() {
  const char* value = std::getenv("PX_PROXY_EXEC");
  const std::string_view text = value == nullptr ? "" : value;
  return text != "0" && text != "false";
}

trace::RunResult run(std::uint64_t seed, Mode mode) {
  workload::Workload workload = contended_workload(seed);
  sim::SimOptions options;
  if (mode == Mode::kNone) {
    // The protocol that the result names is that of a lock without one of its own.
    options.protocol = workload::Protocol::kNone;
    for (workload::LockSpec& lock : workload.locks) lock.protocol = workload::Protocol::kNone;
  } else {
    options.protocol = workload::Protocol::kProxy;
  }
  if (mode == Mode::kRuntime) options.proxy_exec = false;
  if (mode == Mode::kEnvironment) options.proxy_exec = proxy_exec_of_environment();
  return sim::run(workload, options);
}

// CPU by CPU, with neighbours joined that differ only in who pays.
std::string timeline_of(const trace::RunResult& result) {
  std::string text;
  for (int cpu = 0; cpu < result.cpus; ++cpu) {
    trace::Segment joined;
    for (const trace::Segment& segment : result.segments) {
      if (segment.cpu != cpu) continue;
      if (segment.start_ns != joined.end_ns || segment.exec != joined.exec) {
        text += fmt::format("{} {} {} {}\n", cpu, joined.start_ns, joined.end_ns, joined.exec);
        joined = segment;
      }
      joined.end_ns = segment.end_ns;
    }
    text += fmt::format("{} {} {} {}\n", cpu, joined.start_ns, joined.end_ns, joined.exec);
  }
  return text;
}

int print_hashes(std::string_view word) {
  Mode mode{};
  if (!parse_mode(word, mode)) {
    fmt::print(stderr, "off_hashes: mode proxy, runtime, environment or none expected\n");
    return 2;
  }
  for (std::uint64_t seed = 0; seed < kWorkloads; ++seed) {
    const trace::RunResult result = run(seed, mode);
    if (!result.deadlock.empty()) throw std::runtime_error("a deadlock: " + result.deadlock);
    fmt::print("{} {:016x} {:016x}\n", seed, fnv1a(trace::to_json(result)),
               fnv1a(timeline_of(result)));
  }
  return 0;
}

}  // namespace
}  // namespace px::off_means_off

int main(int argc, char** argv) {
  try {
    return px::off_means_off::print_hashes(argc == 2 ? argv[1] : "");
  } catch (const std::exception& error) {
    fmt::print(stderr, "off_hashes: {}\n", error.what());
    return 1;
  }
}
