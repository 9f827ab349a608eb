#include "progress.hpp"

#include <unistd.h>

#include <utility>

#include "output.hpp"

namespace px::tools {

namespace {

constexpr std::chrono::seconds kPatience{2};
constexpr std::chrono::milliseconds kInterval{500};
constexpr const char* kToLineStart = "\r\x1b[K";  // and clear the line

}  // namespace

Progress::Progress(std::string what, Nanos expected) : what_(std::move(what)), expected_(expected) {
  if (::isatty(STDERR_FILENO) == 1) thread_ = std::thread([this] { show(); });
}

Progress::~Progress() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    done_ = true;
  }
  done_changed_.notify_all();
  thread_.join();
}

void Progress::show() {
  std::unique_lock lock(mutex_);
  const auto done = [this] { return done_; };
  if (done_changed_.wait_until(lock, start_ + kPatience, done)) return;
  do {
    const auto passed =
        std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - start_);
    std::string line = kToLineStart + what_ + ": " + std::to_string(passed.count());
    if (expected_ >= 0) line += " of " + std::to_string((expected_ + kSecond - 1) / kSecond);
    write_stderr(line + " s");
  } while (!done_changed_.wait_for(lock, kInterval, done));
  write_stderr(kToLineStart);
}

}  // namespace px::tools
