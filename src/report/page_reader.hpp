// For tests: takes a report page apart again.
#pragma once

#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <string_view>

namespace px::report {

// What stands between the first `open` and the next `close`.
inline std::string between(const std::string& text, std::string_view open, std::string_view close) {
  const std::size_t from = text.find(open);
  if (from == std::string::npos) throw std::runtime_error("not found: " + std::string(open));
  const std::size_t to = text.find(close, from + open.size());
  if (to == std::string::npos) throw std::runtime_error("not found: " + std::string(close));
  return text.substr(from + open.size(), to - from - open.size());
}

// The data that the page's scripts read, found as a browser finds it: up to the first "</script".
inline nlohmann::json data_of(const std::string& page) {
  return nlohmann::json::parse(between(page, R"(id="data">)", "</script"));
}

inline std::size_t occurrences(const std::string& text, std::string_view wanted) {
  std::size_t count = 0;
  for (std::size_t at = text.find(wanted); at != std::string::npos;
       at = text.find(wanted, at + 1)) {
    ++count;
  }
  return count;
}

}  // namespace px::report
