#include "trace/file_output.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

namespace px::trace {

namespace {

constexpr mode_t kPermissionBits = 07777;
constexpr int kNameAttempts = 100;

const char* remedy_for(int error) {
  switch (error) {
    case ENOENT:
      return "create the folder first or give another path";
    case ENOTDIR:
      return "a part of the path is a file: give another path";
    case EISDIR:
      return "it is a folder: add a file name";
    case EACCES:
    case EPERM:
    case EROFS:
      return "give a path that you may write to";
    case ENOSPC:
    case EDQUOT:
      return "free some space or give a path on another disk";
    case EFBIG:
      return "raise the file size limit (ulimit -f) or give fewer things to record";
    case ENAMETOOLONG:
      return "give a shorter path";
    default:
      return "give another path";
  }
}

[[noreturn]] void fail(const std::string& path, int error) {
  throw FileError(
      fmt::format("cannot write {}: {}; {}", path, std::strerror(error), remedy_for(error)));
}

// An open file. Owned by one write; closes on the way out.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }

  [[nodiscard]] int number() const { return number_; }
  // 0, or the error that close() reports: on some file systems it is where a full disk shows.
  [[nodiscard]] int close() {
    const int closed = ::close(number_);
    number_ = -1;
    return closed == 0 || errno == EINTR ? 0 : errno;
  }

 private:
  int number_;
};

// Removes the temporary file unless it was renamed.
class Temporary {
 public:
  explicit Temporary(std::string path) : path_(std::move(path)) {}
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;
  ~Temporary() {
    if (!path_.empty()) ::unlink(path_.c_str());
  }

  // 0 or errno.
  [[nodiscard]] int rename_to(const std::string& path) {
    if (::rename(path_.c_str(), path.c_str()) != 0) return errno;
    path_.clear();
    return 0;
  }

 private:
  std::string path_;
};

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

// 0 or errno. Some file systems cannot flush a single file; that is no failure of ours.
int flush(int file) {
  if (::fsync(file) == 0 || errno == EINVAL || errno == ENOTSUP) return 0;
  return errno;
}

void write_directly(const std::string& path, std::string_view bytes) {
  Descriptor file(::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY));
  if (file.number() < 0) fail(path, errno);
  if (const int error = write_all(file.number(), bytes); error != 0) fail(path, error);
  if (const int error = file.close(); error != 0) fail(path, error);
}

// Where `path` leads if it is a symbolic link, so that the link survives; else `path`.
std::string resolved(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr),
                                                         &std::free);
  return real == nullptr ? path : std::string(real.get());
}

// Its name does not depend on that of the target, which may already be as long as names can be.
std::string temporary_beside(const std::string& path) {
  static std::atomic<unsigned> counter{0};
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "" : path.substr(0, slash + 1);
  return fmt::format("{}.px-{}-{}.tmp", folder, ::getpid(), counter.fetch_add(1));
}

void flush_folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const Descriptor opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  // The file itself is complete by now; a folder that cannot be flushed is not worth an error.
  if (opened.number() >= 0) ::fsync(opened.number());
}

}  // namespace

void write_file_atomically(const std::string& path, std::string_view bytes) {
  struct stat old {};
  const bool exists = ::stat(path.c_str(), &old) == 0;
  if (exists && S_ISDIR(old.st_mode)) fail(path, EISDIR);
  if (exists && !S_ISREG(old.st_mode)) {
    write_directly(path, bytes);
    return;
  }
  // A rename needs no right to the file that it replaces; a write-protected one stays protected.
  if (exists && ::access(path.c_str(), W_OK) != 0) fail(path, errno);
  const std::string target = exists ? resolved(path) : path;
  std::string name;
  int opened = -1;
  for (int attempt = 0; attempt < kNameAttempts && opened < 0; ++attempt) {
    name = temporary_beside(target);
    opened = ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (opened < 0 && errno != EEXIST) fail(path, errno);
  }
  if (opened < 0) fail(path, EEXIST);
  Descriptor file(opened);
  Temporary temporary(name);
  if (exists && ::fchmod(file.number(), old.st_mode & kPermissionBits) != 0) fail(path, errno);
  if (const int error = write_all(file.number(), bytes); error != 0) fail(path, error);
  if (const int error = flush(file.number()); error != 0) fail(path, error);
  if (const int error = file.close(); error != 0) fail(path, error);
  if (const int error = temporary.rename_to(target); error != 0) fail(path, error);
  flush_folder_of(target);
}

}  // namespace px::trace
