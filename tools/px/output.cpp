#include "output.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "trace/file_output.hpp"

namespace px::tools {

namespace {

// 0 or errno.
int write_all(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

bool is_stdout(const Output& output) { return output.path == "-"; }

void check_path(const Output& output) {
  if (is_stdout(output)) return;
  const std::string& path = output.path;
  if (path.empty()) {
    throw UsageError(output.option + " needs a file name, or - for standard output");
  }
  struct stat found {};
  if (::stat(path.c_str(), &found) == 0 && S_ISDIR(found.st_mode)) {
    throw UsageError(output.option + " " + path + " is a folder: add a file name");
  }
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos || slash == 0) return;
  const std::string folder = path.substr(0, slash);
  if (::stat(folder.c_str(), &found) == 0 && S_ISDIR(found.st_mode)) return;
  throw UsageError(output.option + " " + path + ": there is no folder " + folder +
                   "; create it first or give another path");
}

// Whether two paths, spelled differently perhaps, lead to one file.
bool same_file(const std::string& a, const std::string& b) {
  namespace fs = std::filesystem;
  std::error_code unknown;  // then the spelling decides
  return fs::weakly_canonical(a, unknown) == fs::weakly_canonical(b, unknown);
}

}  // namespace

void prepare_standard_streams() {
  for (int file = STDIN_FILENO; file <= STDERR_FILENO; ++file) {
    if (::fcntl(file, F_GETFD) >= 0 || errno != EBADF) continue;
    // The lowest free number is this one. A stream that was closed on purpose stays unwritable.
    if (::open("/dev/null", O_RDONLY) != file) break;
  }
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
}

void write_stdout(std::string_view text) {
  const int error = write_all(STDOUT_FILENO, text);
  if (error == 0) return;
  if (error == EPIPE) throw StdoutError("");
  throw StdoutError(std::string("cannot write to standard output: ") + std::strerror(error) +
                    "; free some space or send it elsewhere");
}

void write_stderr(std::string_view text) noexcept { (void)write_all(STDERR_FILENO, text); }

void StdoutBuffer::finish() {
  (void)write(held_.size());
  if (error_) std::rethrow_exception(error_);
}

StdoutBuffer::int_type StdoutBuffer::overflow(int_type c) {
  if (traits_type::eq_int_type(c, traits_type::eof())) return traits_type::not_eof(c);
  const char one = traits_type::to_char_type(c);
  return xsputn(&one, 1) == 1 ? c : traits_type::eof();
}

std::streamsize StdoutBuffer::xsputn(const char* text, std::streamsize size) {
  held_.append(text, static_cast<std::size_t>(size));
  const std::size_t end = held_.rfind('\n');
  if (end != std::string::npos && !write(end + 1)) return 0;
  return size;
}

int StdoutBuffer::sync() { return write(held_.size()) ? 0 : -1; }

bool StdoutBuffer::write(std::size_t size) noexcept {
  if (error_) return false;
  try {
    write_stdout(std::string_view(held_).substr(0, size));
  } catch (...) {
    error_ = std::current_exception();
    return false;
  }
  held_.erase(0, size);
  return true;
}

void check_outputs(const std::vector<Output>& outputs, const std::vector<std::string>& inputs) {
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    check_path(outputs[i]);
    for (const std::string& input : inputs) {
      if (is_stdout(outputs[i]) || !same_file(input, outputs[i].path)) continue;
      throw UsageError(outputs[i].option + " would overwrite the input " + input +
                       "; give it another file");
    }
    for (std::size_t k = 0; k < i; ++k) {
      const bool same = is_stdout(outputs[k]) || is_stdout(outputs[i])
                            ? outputs[k].path == outputs[i].path
                            : same_file(outputs[k].path, outputs[i].path);
      if (!same) continue;
      throw UsageError(outputs[k].option + " and " + outputs[i].option + " both write to " +
                       (is_stdout(outputs[i]) ? "standard output" : outputs[i].path) +
                       "; give one of them another file");
    }
  }
}

void write_outputs(const std::vector<Output>& outputs, std::string_view summary) {
  const Output* on_stdout = nullptr;
  for (const Output& output : outputs) {
    if (is_stdout(output)) {
      on_stdout = &output;
    } else {
      trace::write_file_atomically(output.path, output.text);
    }
  }
  if (on_stdout == nullptr) {
    write_stdout(summary);
    return;
  }
  write_stderr(summary);
  write_stdout(on_stdout->text);
}

}  // namespace px::tools
