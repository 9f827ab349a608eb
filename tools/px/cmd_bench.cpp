#include "cmd_bench.hpp"

#include "output.hpp"
#if PX_BENCHMARKS
#include "bench/run.hpp"
#include "progress.hpp"
#endif

namespace px::tools {

#if PX_BENCHMARKS

int bench_command(const BenchArguments& arguments) {
  if (arguments.list) {
    write_stdout(bench::list());
    return 0;
  }
  if (arguments.all == !arguments.names.empty()) {
    throw UsageError("expected the names of cases or groups, or --all; px bench --list names them");
  }
  const std::string unknown = bench::unknown_name(arguments.names);
  if (!unknown.empty()) {
    throw UsageError("found \"" + unknown +
                     "\", expected the name of a case or group; px bench --list names them");
  }
  std::vector<Output> outputs;
  if (arguments.json) outputs.push_back({"--json", *arguments.json, {}});
  check_outputs(outputs);
  bench::Report report;
  {
    const Progress progress("px bench", -1);
    report = bench::run({arguments.names});
  }
  if (arguments.json) outputs.front().text = report.json;
  write_outputs(outputs, report.table);
  return 0;
}

#else

int bench_command(const BenchArguments& /*arguments*/) {
  throw UsageError(
      "this px was built without the benchmarks; run scripts/install-deps bench, then "
      "cmake --preset bench && cmake --build --preset bench");
}

#endif

}  // namespace px::tools
