// The command px: reads the command line, hands it to a command, turns errors into one line each.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <exception>
#include <functional>
#include <new>
#include <string>
#include <string_view>

#include "cmd_bench.hpp"
#include "cmd_check.hpp"
#include "cmd_demo.hpp"
#include "cmd_run.hpp"
#include "output.hpp"
#include "trace/file_output.hpp"
#include "workload/error.hpp"

namespace {

using namespace px::tools;

constexpr int kUsage = 2;

// One line on standard error. A message about a place in a file speaks for itself.
int fail(std::string_view prefix, std::string_view message) {
  std::string line(prefix);
  if (!line.empty()) line += ": ";
  line += message;
  // Messages of the command line library may have several lines.
  for (char& c : line) {
    if (c == '\n') c = ' ';
  }
  while (!line.empty() && line.back() == ' ') line.pop_back();
  write_stderr(line + "\n");
  return kUsage;
}

int guarded(const std::string& name, const std::function<int()>& command) {
  try {
    return command();
  } catch (const px::workload::Error& error) {
    return fail("", error.what());
  } catch (const StdoutError& error) {
    if (*error.what() == '\0') return kUsage;
    return fail(name, error.what());
  } catch (const std::bad_alloc&) {
    return fail(name, "out of memory; run fewer or smaller things at a time");
  } catch (const std::exception& error) {
    return fail(name, error.what());
  }
}

void add_run(CLI::App& app, RunArguments& to) {
  CLI::App& run = *app.add_subcommand("run", "Run a workload in one of the worlds");
  run.add_option("FILE", to.files, "Workload files; several are merged in the order given")
      ->required();
  run.add_option("--world", to.world, "live, sim or linux; sim unless given")->type_name("WORLD");
  run.add_option("--cpus", to.cpus, "Number of CPUs; the workload's unless given")->type_name("N");
  run.add_option(
         "--protocol", to.protocol,
         "none, inherit, protect or proxy, for locks without one of their own; replaces the "
         "workload's, which is proxy unless it says otherwise")
      ->type_name("NAME");
  run.add_option("--placement", to.placement, "owner: a lock owner runs on its own CPU")
      ->type_name("NAME");
  run.add_option("--duration", to.duration,
                 "Seconds, as a decimal number; -1: until every task has ended; the workload's "
                 "unless given")
      ->type_name("S");
  run.add_option("--seed", to.seed, "Seed of everything random; 0 unless given")->type_name("N");
  run.add_option("--costs", to.costs,
                 "What switches and wakeups take in sim: zero, or live for measured costs; zero "
                 "unless given")
      ->type_name("NAME");
  run.add_option("--json", to.json, "Write the result as JSON; - is standard output")
      ->type_name("OUT");
  run.add_option("--trace", to.trace, "Not available in this version")->type_name("OUT");
  run.add_option("--report", to.report, "Write a page with the timeline; - is standard output")
      ->type_name("OUT");
  run.footer(
      "Exit status: 0 it ran, 1 a deadlock or dead end was found, 2 wrong usage or input.\n"
      "PX_PROXY_EXEC=0 in the environment makes proxy locks act as none.\n\n"
      "Example:\n"
      "  px run workload.json --world live --duration 5 --json result.json --report page.html");
}

void add_demo(CLI::App& app, DemoArguments& to) {
  CLI::App& demo = *app.add_subcommand(
      "demo", "Show what proxy execution does to lock waits on this machine (about 40 s)");
  demo.add_option("--world", to.world, "sim: only the simulated cases, in no time")
      ->type_name("WORLD");
  demo.add_option("--seconds", to.seconds, "Seconds for each case; 5 unless given")->type_name("N");
  demo.add_option("--json", to.json, "Write the numbers as JSON; - is standard output")
      ->type_name("OUT");
  demo.add_option("--report", to.report,
                  "Where the page goes; px-demo.html unless given, - is standard output")
      ->type_name("OUT");
  demo.add_flag("--privileged", to.privileged,
                "Also run realtime threads of the kernel; they leave 5 % of one CPU");
  demo.footer("Example:\n  px demo --seconds 2 --json demo.json");
}

void add_check(CLI::App& app, CheckArguments& to) {
  CLI::App& check = *app.add_subcommand(
      "check", "Explore the interleavings of the scheduler's core and check its invariants");
  check.add_option("SCENARIO", to.scenario,
                   "The scenario, or a small workload FILE.json; all scenarios unless given");
  check.add_flag("--list", to.list, "List the scenarios");
  check.add_flag("--all", to.all, "Every scenario");
  check.add_flag("--nightly", to.nightly, "With bounds for hours instead of minutes");
  check.add_flag("--coverage", to.coverage, "Say which outcomes of the core were met");
  check.add_flag("--mutants", to.mutants, "Seed each known fault and see whether it is caught");
  check.add_option("--mutant", to.mutant, "With this fault seeded")->type_name("M");
  check
      .add_option("--invariant", to.invariant,
                  "Look for what breaks this one only: a number, or a name as violations print it")
      ->type_name("NAME");
  check.add_flag("--list-mutants", to.list_mutants, "List the faults that can be seeded");
  check.add_option("--cpus", to.cpus, "Only scenarios with so many CPUs")->type_name("N");
  check.add_option("--bound", to.bound, "Preemptions in mode bounded")->type_name("N");
  check
      .add_option("--mode", to.mode,
                  "stateful, breadth, bounded, pct, random; stateful unless given")
      ->type_name("NAME");
  check.add_option("--granularity", to.granularity, "coarse or fine; coarse unless given")
      ->type_name("NAME");
  check.add_option("--seconds", to.seconds, "Time for one exploration")->type_name("S");
  check.add_option("--max-states", to.max_states, "States in one exploration")->type_name("N");
  check.add_option("--max-mib", to.max_mib, "Memory of one exploration, in MiB")->type_name("N");
  check.add_option("--replay", to.replay, "Replay what a violation printed")->type_name("LINE");
  check.add_option("--json", to.json, "Write the result as JSON; - is standard output")
      ->type_name("OUT");
  check.add_option("--report", to.report, "Write a page with the first violation's timeline")
      ->type_name("OUT");
  check.footer(
      "Exit status: 0 nothing was violated, 1 something was, 2 wrong usage.\n\n"
      "Example:\n  px check --all --json check.json");
}

void add_bench(CLI::App& app, BenchArguments& to) {
  CLI::App& bench = *app.add_subcommand(
      "bench", "Measure what the runtime's operations cost on this machine (minutes)");
  bench.add_option("NAME", to.names, "Cases, or groups of cases such as switch");
  bench.add_flag("--list", to.list, "List the cases");
  bench.add_flag("--all", to.all, "Every case");
  bench.add_option("--json", to.json, "Write the result as JSON; - is standard output")
      ->type_name("OUT");
  bench.footer("Example:\n  px bench switch mutex spawn --json bench.json");
}

// What may come first on the command line.
constexpr std::array<std::string_view, 7> kFirst = {"run",    "demo", "check",    "bench",
                                                    "--help", "-h",   "--version"};

// 0, or the status of the error: the command line library would only say that something was not
// expected.
int check_first(int argc, char** argv) {
  constexpr const char* kExpected = "expected a command: run, demo, check or bench; see px --help";
  if (argc < 2) return fail("px", kExpected);
  const std::string_view first = argv[1];
  if (std::find(kFirst.begin(), kFirst.end(), first) != kFirst.end()) return 0;
  return fail("px", "found \"" + std::string(first) + "\", " + kExpected);
}

std::string joined(int argc, char** argv) {
  std::string line = "px";
  for (int i = 1; i < argc; ++i) line += std::string(" ") + argv[i];
  return line;
}

int run_px(int argc, char** argv) {
  if (const int status = check_first(argc, argv); status != 0) return status;
  CLI::App app("Proxy execution: run workloads live, simulated, and on plain threads");
  app.name("px");
  app.set_version_flag("--version", "px " PX_VERSION);
  app.require_subcommand(1);
  app.footer("px COMMAND --help says more about a command, with an example.");
  RunArguments run;
  DemoArguments demo;
  CheckArguments check;
  BenchArguments bench;
  add_run(app, run);
  add_demo(app, demo);
  add_check(app, check);
  add_bench(app, bench);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForVersion& version) {
    return guarded("px", [&] { return write_stdout(std::string(version.what()) + "\n"), 0; });
  } catch (const CLI::Success&) {
    // Help, of the command that was asked for it.
    return guarded("px", [&] { return write_stdout(app.help()), 0; });
  } catch (const CLI::ParseError& error) {
    const std::string name = argv[1][0] == '-' ? "px" : "px " + std::string(argv[1]);
    return fail(name, std::string(error.what()) + "; see " + name + " --help");
  }
  if (app.got_subcommand("run")) return guarded("px run", [&] { return run_command(run); });
  if (app.got_subcommand("check")) return guarded("px check", [&] { return check_command(check); });
  if (app.got_subcommand("bench")) return guarded("px bench", [&] { return bench_command(bench); });
  demo.command_line = joined(argc, argv);
  return guarded("px demo", [&] { return demo_command(demo); });
}

}  // namespace

int main(int argc, char** argv) {
  prepare_standard_streams();
  return guarded("px", [&] { return run_px(argc, argv); });
}
