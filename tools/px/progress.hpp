// A line on standard error that says what takes so long.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "base/time.hpp"

namespace px::tools {

// From construction to destruction: shows `what` and the time passed, of `expected` if that is not
// negative, once it has taken two seconds; takes the line away in the end. Shows nothing where
// standard error is not a terminal.
class Progress {
 public:
  Progress(std::string what, Nanos expected);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

 private:
  void show();

  const std::string what_;
  const Nanos expected_;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::mutex mutex_;
  std::condition_variable done_changed_;
  bool done_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace px::tools
