// Writing result files: a reader sees the old file or the whole new one, never half of it.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace px::trace {

// what() is one line: the path, the cause and what to do about it.
class FileError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Writes `bytes` to a temporary file beside `path`, flushes it to the disk and renames it to
// `path`. A file that is replaced keeps its permissions, a symbolic link its place. What is no
// regular file (a device, a pipe) is written to directly. Throws FileError; then no temporary file
// is left and an old file is untouched. May block on the disk. Any thread.
void write_file_atomically(const std::string& path, std::string_view bytes);

}  // namespace px::trace
