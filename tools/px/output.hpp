// Where a command's results go: files, or standard output under the name "-".
#pragma once

#include <exception>
#include <stdexcept>
#include <streambuf>
#include <string>
#include <string_view>
#include <vector>

namespace px::tools {

// Wrong use of the command line. what() is one line; the exit status is 2.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Standard output cannot be written to. what() is one line, empty if the reader has gone away,
// which nobody wants to read about; the exit status is 2.
class StdoutError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// What a program may not take for granted: 0, 1 and 2 are open descriptors (or the first file
// opened would become standard output), and a reader that goes away is an error, not a signal.
void prepare_standard_streams();

// Writes all of `text`; throws StdoutError if it cannot.
void write_stdout(std::string_view text);
// Writes what can be written: where errors go, there is nowhere to report an error to.
void write_stderr(std::string_view text) noexcept;

// Standard output as a stream, for text that comes bit by bit: a line is written when it is
// complete.
class StdoutBuffer : public std::streambuf {
 public:
  // Writes what is left. Throws the StdoutError that this or an earlier line met.
  void finish();

 protected:
  int_type overflow(int_type c) override;
  std::streamsize xsputn(const char* text, std::streamsize size) override;
  int sync() override;

 private:
  // Writes the first `size` characters of the text held back; remembers an error and says false.
  bool write(std::size_t size) noexcept;

  std::string held_;
  std::exception_ptr error_;
};

// One result of a command: the option that asks for it, where it goes, what it says.
struct Output {
  std::string option;
  std::string path;  // "-" is standard output
  std::string text;
};

// Before the work is done, without texts: throws UsageError if two outputs go to the same place, or
// if no file could be made at a path because its folder does not exist or it is a folder itself.
// Also refuses one that names an input, which would be lost. What this cannot foresee,
// write_outputs() reports.
void check_outputs(const std::vector<Output>& outputs, const std::vector<std::string>& inputs = {});

// Writes the files, each whole or not at all, then standard output, which carries the output that
// goes there alone: `summary` goes to standard error then. Throws trace::FileError or StdoutError.
void write_outputs(const std::vector<Output>& outputs, std::string_view summary);

}  // namespace px::tools
