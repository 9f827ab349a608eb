// The one error of this layer: a workload that cannot be read or run.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace px::workload {

// what() is one line: "FILE:LINE:COLUMN: what was found, what was expected". Thrown by the reader
// and by the worlds' façades; the command prints it and exits with status 2.
class Error : public std::runtime_error {
 public:
  // `line` is the whole message, for what has no place in a file.
  explicit Error(const std::string& line) : std::runtime_error(line) {}
  Error(std::string_view file, int line, int column, std::string_view text)
      : std::runtime_error(std::string(file) + ':' + std::to_string(line) + ':' +
                           std::to_string(column) + ": " + std::string(text)) {}
};

}  // namespace px::workload
