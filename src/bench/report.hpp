// Figures of a run, as a table and as JSON.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace px::bench {

// One case over its repetitions, sorted.
struct Series {
  std::vector<double> ns;
  std::map<std::string, std::vector<double>> figures;
};
using Results = std::map<std::string, Series>;  // by case

// 0 for nothing.
[[nodiscard]] double median(const std::vector<double>& sorted);
[[nodiscard]] std::string table_of(const Results& results);
[[nodiscard]] std::string json_of(const Results& results);

}  // namespace px::bench
