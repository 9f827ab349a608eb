#include "bench/run.hpp"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>

#include "bench/registry.hpp"
#include "bench/report.hpp"

namespace px::bench {
namespace {

bool chosen(const Case& one, const std::vector<std::string>& names) {
  return names.empty() || std::any_of(names.begin(), names.end(), [&](const std::string& name) {
           return name == one.name || name == group_of(one);
         });
}

// Keeps every repetition; the library's own tables are not printed.
class Collector : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context& /*context*/) override { return true; }
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) {
      if (run.run_type != Run::RT_Iteration) continue;
      Series& series = results_[run.run_name.function_name];
      series.ns.push_back(run.GetAdjustedRealTime());
      for (const auto& [name, counter] : run.counters)
        series.figures[name].push_back(counter.value);
    }
  }
  [[nodiscard]] Results take() {
    for (auto& [name, series] : results_) {
      std::sort(series.ns.begin(), series.ns.end());
      for (auto& [figure, values] : series.figures) std::sort(values.begin(), values.end());
    }
    return std::move(results_);
  }

 private:
  Results results_;
};

// One "iteration" is a whole measurement, whose result is given as its time.
void add(const Case& one) {
  const auto body = [&one](benchmark::State& state) {
    for (auto _ : state) {
      const Measurement measured = one.measure();
      state.SetIterationTime(measured.ns * 1e-9);
      for (const Figure& figure : measured.figures) state.counters[figure.name] = figure.value;
    }
  };
  benchmark::RegisterBenchmark(one.name, body)
      ->UseManualTime()
      ->Iterations(1)
      ->Repetitions(one.repetitions)
      ->Unit(benchmark::kNanosecond);
}

}  // namespace

std::string list() {
  std::string text;
  for (const Case& one : all_cases()) {
    std::string name(one.name);
    name.resize(std::max<std::size_t>(name.size() + 1, 26), ' ');
    text += name + one.operation + "\n";
  }
  return text;
}

std::string unknown_name(const std::vector<std::string>& names) {
  const auto& cases = all_cases();
  for (const std::string& name : names) {
    if (std::none_of(cases.begin(), cases.end(),
                     [&](const Case& one) { return chosen(one, {name}); })) {
      return name;
    }
  }
  return "";
}

Report run(const Options& options) {
  std::array<std::string, 2> words = {"px bench", "--benchmark_enable_random_interleaving=true"};
  std::array<char*, 3> arguments = {words[0].data(), words[1].data(), nullptr};
  int count = 2;
  benchmark::Initialize(&count, arguments.data());
  for (const Case& one : all_cases()) {
    if (chosen(one, options.names)) add(one);
  }
  Collector collector;
  benchmark::RunSpecifiedBenchmarks(&collector, "all");
  benchmark::ClearRegisteredBenchmarks();
  const Results results = collector.take();
  return {table_of(results), json_of(results)};
}

}  // namespace px::bench
