#include "bench/meter.hpp"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <ctime>
#include <thread>

#include "base/time.hpp"

namespace px::bench {
namespace {

double read(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

struct TickScale {
  double ns_per_tick;
  double reading;  // ticks between two readings in a row
};

TickScale measure_ticks() {
  constexpr double kBaseline = 20e6;
  const double wall = wall_ns();
  const std::uint64_t start = ticks();
  while (wall_ns() - wall < kBaseline) {
  }
  const double end_wall = wall_ns();
  const double scale = (end_wall - wall) / static_cast<double>(ticks() - start);
  std::vector<std::uint64_t> gaps;
  for (int i = 0; i < 1001; ++i) {
    const std::uint64_t first = ticks();
    gaps.push_back(ticks() - first);
  }
  std::sort(gaps.begin(), gaps.end());
  return {scale, static_cast<double>(gaps[gaps.size() / 2])};
}

}  // namespace

double thread_cpu_ns() { return read(CLOCK_THREAD_CPUTIME_ID); }
double wall_ns() { return read(CLOCK_MONOTONIC); }

double ticks_to_ns(std::uint64_t from, std::uint64_t to) {
  static const TickScale scale = measure_ticks();
  // Counters of two CPUs may differ by a little.
  const double ticks = static_cast<double>(static_cast<std::int64_t>(to - from)) - scale.reading;
  return std::max(ticks, 0.0) * scale.ns_per_tick;
}

Measurement Latencies::summary() {
  if (ns_.empty()) return {};
  std::sort(ns_.begin(), ns_.end());
  const auto at = [&](double part) {
    return ns_[static_cast<std::size_t>(part * static_cast<double>(ns_.size() - 1))];
  };
  return {at(0.5), {{"p99", at(0.99)}}};
}

RuntimeOptions runtime_options(int cpus) {
  RuntimeOptions options;
  options.cpus = cpus;
  return options;
}

bool pin_to(int n) {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  static const bool known = sched_getaffinity(0, sizeof allowed, &allowed) == 0;
  if (!known) return false;
  static const cpu_set_t all = allowed;
  for (std::size_t cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &all) || n-- != 0) continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    return pthread_setaffinity_np(pthread_self(), sizeof one, &one) == 0;
  }
  return false;
}

void on_two_threads(const std::function<void(int)>& body) {
  std::atomic<int> ready{0};
  const auto start = [&](int index) {
    pin_to(index);
    ready.fetch_add(1);
    while (ready.load() < 2) std::this_thread::yield();
    body(index);
  };
  std::thread first(start, 0);
  std::thread second(start, 1);
  first.join();
  second.join();
}

}  // namespace px::bench
