#include "expectation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace px::golden {
namespace {

using Json = nlohmann::ordered_json;

// Units of a source may be halves: 12.5 is exact in binary, and so is its product with the unit.
Nanos scaled(const Json& value, Nanos unit) {
  return static_cast<Nanos>(value.get<double>() * static_cast<double>(unit));
}

Interval interval_of(const Json& row, Nanos unit) {
  Interval interval;
  interval.cpu = row.at(0).get<int>();
  interval.start = scaled(row.at(1), unit);
  interval.end = scaled(row.at(2), unit);
  interval.exec = row.at(3).get<std::string>();
  interval.donor = row.size() > 4 ? row.at(4).get<std::string>() : interval.exec;
  return interval;
}

Expectation expectation_of(const std::string& protocol, const Json& json, Nanos unit) {
  Expectation expectation;
  expectation.protocol = protocol;
  if (json.contains("until")) expectation.until = scaled(json["until"], unit);
  for (const Json& row : json.at("segments")) {
    expectation.intervals.push_back(interval_of(row, unit));
  }
  if (json.contains("finish")) {
    for (const auto& [task, ends] : json["finish"].items()) {
      for (const Json& end : ends) expectation.finish[task].push_back(scaled(end, unit));
    }
  }
  if (json.contains("deadline_misses")) {
    expectation.deadline_misses = json["deadline_misses"].get<std::uint64_t>();
  }
  return expectation;
}

}  // namespace

std::vector<Expectation> read_expectations(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error(path + ": cannot be opened");
  try {
    const Json json = Json::parse(file);
    const Nanos unit = json.at("unit_ns").get<Nanos>();
    std::vector<Expectation> expectations;
    for (const auto& [protocol, value] : json.at("protocols").items()) {
      expectations.push_back(expectation_of(protocol, value, unit));
    }
    return expectations;
  } catch (const Json::exception& error) {
    throw std::runtime_error(path + ": " + error.what());
  }
}

std::string text_of(const std::vector<Interval>& intervals, Nanos until) {
  std::string text;
  for (const Interval& interval : intervals) {
    const Nanos end = std::min(interval.end, until);
    if (interval.start >= end) continue;
    text += fmt::format("cpu {} [{}, {}) {}", interval.cpu, interval.start, end, interval.exec);
    if (interval.donor != interval.exec) text += fmt::format(" for {}", interval.donor);
    text += '\n';
  }
  return text;
}

}  // namespace px::golden
