#include "disturbance.hpp"

#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <time.h>

#include <algorithm>
#include <utility>

namespace px::tools {

namespace {

Nanos monotonic_now() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<Nanos>(time.tv_sec) * kSecond + time.tv_nsec;
}

// How often the calling thread has been taken off its CPU.
long count_preemptions() {
  rusage usage{};
  ::getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_nivcsw;
}

// The last CPU that this process may use; -1 if there is only one.
int spare_cpu() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof(set), &set) != 0 || CPU_COUNT(&set) < 2) return -1;
  int last = CPU_SETSIZE - 1;
  while (!CPU_ISSET(static_cast<std::size_t>(last), &set)) --last;
  return last;
}

}  // namespace

Sentinel::Sentinel() {
  const int cpu = spare_cpu();
  if (cpu >= 0) thread_ = std::thread([this, cpu] { watch(cpu); });
}

std::vector<trace::Disturbance> Sentinel::stop() {
  stop_.store(true, std::memory_order_relaxed);
  if (thread_.joinable()) thread_.join();
  return std::exchange(gaps_, {});
}

void Sentinel::watch(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<std::size_t>(cpu), &set);
  ::pthread_setaffinity_np(::pthread_self(), sizeof(set), &set);
  long preemptions = count_preemptions();
  Nanos counted_at = monotonic_now();
  Nanos last = counted_at;
  while (!stop_.load(std::memory_order_relaxed)) {
    const Nanos now = monotonic_now();
    const bool gap = now - last >= trace::kDisturbance;
    // The count is kept fresh, or an earlier preemption would excuse a later gap.
    if (gap || now - counted_at >= trace::kDisturbance) {
      const long count = count_preemptions();
      if (gap && count == preemptions) gaps_.push_back({last, now});
      preemptions = count;
      counted_at = now;
    }
    last = now;
  }
}

DisturbanceLog::DisturbanceLog(std::vector<trace::Disturbance> gaps, Nanos duration) {
  std::sort(gaps.begin(), gaps.end(), [](const trace::Disturbance& a, const trace::Disturbance& b) {
    return a.start_ns < b.start_ns;
  });
  for (const trace::Disturbance& gap : gaps) {
    const Nanos start = std::max<Nanos>(gap.start_ns, 0);
    const Nanos end = std::min(gap.end_ns, duration);
    if (start >= end) continue;
    if (!gaps_.empty() && start <= gaps_.back().end_ns) {
      gaps_.back().end_ns = std::max(gaps_.back().end_ns, end);
    } else {
      gaps_.push_back({start, end});
    }
  }
}

Nanos DisturbanceLog::total() const {
  Nanos total = 0;
  for (const trace::Disturbance& gap : gaps_) total += gap.end_ns - gap.start_ns;
  return total;
}

bool DisturbanceLog::overlaps(Nanos start, Nanos end) const {
  // The first gap that ends after the start is the only candidate.
  const auto gap = std::lower_bound(
      gaps_.begin(), gaps_.end(), start,
      [](const trace::Disturbance& one, Nanos instant) { return one.end_ns <= instant; });
  return gap != gaps_.end() && gap->start_ns < end;
}

}  // namespace px::tools
