#include "linux/thread_usage.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstring>

#include "linux/clock.hpp"

namespace px::linux_world {

namespace {

// The second number of the file: nanoseconds that the thread has waited for a CPU.
Nanos read_run_delay() {
  std::array<char, 128> text{};
  const int file = ::open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  const ssize_t length = ::read(file, text.data(), text.size());
  ::close(file);
  if (length <= 0) return 0;
  const char* const end = text.data() + length;
  const void* const blank = std::memchr(text.data(), ' ', static_cast<std::size_t>(length));
  if (blank == nullptr) return 0;
  Nanos delay = 0;
  std::from_chars(static_cast<const char*>(blank) + 1, end, delay);
  return delay;
}

}  // namespace

ThreadUsage read_thread_usage() {
  rusage usage{};
  ::getrusage(RUSAGE_THREAD, &usage);
  ThreadUsage result;
  result.voluntary = static_cast<std::uint64_t>(usage.ru_nvcsw);
  result.involuntary = static_cast<std::uint64_t>(usage.ru_nivcsw);
  result.runnable_ns = read_run_delay();
  result.executed_ns = thread_cpu_now();
  return result;
}

std::uint64_t count_preemptions() {
  rusage usage{};
  ::getrusage(RUSAGE_THREAD, &usage);
  return static_cast<std::uint64_t>(usage.ru_nivcsw);
}

}  // namespace px::linux_world
