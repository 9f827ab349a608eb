#include "report/samples.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/prng.hpp"
#include "trace/event.hpp"
#include "trace/latency_histogram.hpp"
#include "trace/metrics.hpp"

namespace px::report {

namespace {

using trace::Event;
using trace::EventKind;
using trace::kIdleTask;
using trace::kNoTask;

// Feeds events to Metrics in the words of a scheduler with one lock (number 1) and one CPU.
class Script {
 public:
  explicit Script(trace::Metrics& metrics, Nanos unit) : metrics_(metrics), unit_(unit) {}

  Script& at(Nanos time) {
    now_ = time * unit_;
    return *this;
  }
  Script& wake(std::uint32_t task) { return emit(EventKind::kWake, task, 0, 0); }
  Script& sleep(std::uint32_t task) { return emit(EventKind::kSleep, task, kNoTask, 0); }
  Script& exit(std::uint32_t task) { return emit(EventKind::kExit, task, kNoTask, 0); }
  Script& run(std::uint32_t exec, std::uint32_t donor) {
    return emit(EventKind::kSwitch, exec, donor, 0);
  }
  Script& idle() { return emit(EventKind::kSwitch, kIdleTask, kIdleTask, 0); }
  Script& block(std::uint32_t task, std::uint32_t owner) {
    return emit(EventKind::kBlock, task, owner, 1);
  }
  Script& acquire(std::uint32_t task, bool waited) {
    return emit(EventKind::kAcquire, task, waited ? 1 : 0, 1);
  }
  Script& release(std::uint32_t task) { return emit(EventKind::kRelease, task, kNoTask, 1); }
  Script& hand_over(std::uint32_t from, std::uint32_t to) {
    return emit(EventKind::kHandoff, from, to, 1);
  }

 private:
  Script& emit(EventKind kind, std::uint32_t task, std::uint32_t other, std::uint32_t lock) {
    metrics_.on_event({now_, kind, 0, task, other, lock});
    return *this;
  }

  trace::Metrics& metrics_;
  Nanos unit_;
  Nanos now_ = 0;
};

std::vector<trace::MetricsTask> tasks_named(const std::vector<std::string>& names,
                                            const std::string& policy, int cpus) {
  std::vector<trace::MetricsTask> tasks(names.size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    tasks[i] = {names[i], policy, 31 - 10 * static_cast<std::int64_t>(i), policy == "other",
                CpuMask::first(cpus)};
  }
  return tasks;
}

// One CPU, microseconds. The background (1) holds the lock for 1 ms at a time; the foreground (0)
// wants it; four hogs (2-5) take turns of 3 ms. `proxy`: the background runs for the foreground.
trace::RunResult inversion_excerpt(const std::string& world, const std::string& protocol,
                                   bool proxy, int turns) {
  trace::Metrics metrics(
      tasks_named({"foreground", "background", "hog-0", "hog-1", "hog-2", "hog-3"}, "other", 1),
      {"m"}, {1, true, true, -1});
  Script script(metrics, kMicrosecond);
  Nanos now = 0;
  std::uint32_t hog = 0;
  const auto hogs_run = [&](int count) {
    for (int i = 0; i < count; ++i, now += 3'000, hog = (hog + 1) % 4) {
      script.at(now).run(2 + hog, 2 + hog);
    }
  };
  for (std::uint32_t task = 1; task < 6; ++task) script.at(0).wake(task);
  while (now < 200'000) {
    hogs_run(3);
    script.at(now).run(1, 1).acquire(1, false);
    now += 400;
    script.at(now).wake(0).run(0, 0).block(0, 1);
    if (proxy) {
      script.run(1, 0);
      now += 600;
      script.at(now).hand_over(1, 0).wake(0).run(0, 0).acquire(0, true);
    } else {
      hogs_run(turns);
      script.at(now).run(1, 1);
      now += 600;
      script.at(now).release(1).wake(0).run(0, 0).acquire(0, true);
    }
    now += 20;
    script.at(now).release(0).sleep(0);
  }
  trace::RunResult result = metrics.finish(now * kMicrosecond);
  result.world = world;
  result.protocol = protocol;
  return result;
}

DemoCase sample_case(const std::string& world, const std::string& protocol, Nanos longest,
                     std::size_t calls, std::uint64_t seed) {
  DemoCase one;
  one.world = world;
  one.protocol = protocol;
  Prng prng(seed);
  trace::LatencySamples samples;
  for (std::size_t i = 0; i < calls; ++i) {
    Nanos wait = 0;
    if (prng.chance(45)) {
      // Between 10 us and the longest, the long ones rare.
      const double share = static_cast<double>(prng.between(0, 1'000'000)) / 1e6;
      wait =
          10'000 + static_cast<Nanos>(static_cast<double>(longest) * share * share * share * 0.9);
    }
    if (i == 0) wait = longest;
    one.waits.push_back(wait);
    samples.record(wait, wait > 0);
  }
  one.lock_wait = samples.summarize();
  one.max_net = longest / 100 * 97;
  one.foreground_ops = calls;
  one.background_ops = 3 * calls / 2;
  one.hog_share = 0.79;
  one.disturbed_ns = 31 * kMillisecond;
  return one;
}

}  // namespace

trace::RunResult textbook_run(bool proxy) {
  constexpr std::uint32_t kH = 0;
  constexpr std::uint32_t kM = 1;
  constexpr std::uint32_t kL = 2;
  trace::Metrics metrics(tasks_named({"H", "M", "L"}, "fifo", 1), {"m"}, {1, true, true, -1});
  Script script(metrics, kMillisecond);
  script.at(0).wake(kL).run(kL, kL).at(1).acquire(kL, false);
  script.at(3).wake(kH).run(kH, kH).at(4).wake(kM).at(5).block(kH, kL);
  if (proxy) {
    script.run(kL, kH).at(8).hand_over(kL, kH).wake(kH).run(kH, kH).acquire(kH, true);
    script.at(9).release(kH).at(10).exit(kH).run(kM, kM).at(20).exit(kM).run(kL, kL);
  } else {
    script.run(kM, kM).at(15).exit(kM).run(kL, kL).at(18).release(kL).wake(kH).run(kH, kH);
    script.acquire(kH, true).at(19).release(kH).at(20).exit(kH).run(kL, kL);
  }
  script.at(22).exit(kL).idle();
  trace::RunResult result = metrics.finish(22 * kMillisecond);
  result.world = "sim";
  result.protocol = proxy ? "proxy" : "none";
  const Nanos finish = (proxy ? 10 : 20) * kMillisecond;
  result.tasks[kH].jobs = {
      {3 * kMillisecond, 3 * kMillisecond, finish, 13 * kMillisecond, finish > 13 * kMillisecond}};
  result.totals.deadline_misses = proxy ? 0 : 1;
  return result;
}

trace::RunResult busy_run(std::size_t segments, std::uint64_t seed) {
  constexpr std::uint32_t kTasks = 12;
  Prng prng(seed);
  trace::RunResult result;
  result.world = "sim";
  result.protocol = "proxy";
  result.cpus = 4;
  result.seed = seed;
  for (std::uint32_t i = 0; i < kTasks; ++i) {
    trace::TaskResult task;
    task.name = (i < 4 ? "worker-" : i < 8 ? "hog-" : "client-") + std::to_string(i % 4);
    task.policy = "other";
    result.tasks.push_back(task);
  }
  for (const char* name : {"journal", "index", "cache"}) {
    trace::LockResult lock;
    lock.name = name;
    result.locks.push_back(lock);
  }
  std::vector<Nanos> free_at(4, 0);
  while (result.segments.size() < segments) {
    const auto cpu = static_cast<int>(prng.between(0, 3));
    Nanos& now = free_at[static_cast<std::size_t>(cpu)];
    if (prng.chance(15)) now += prng.between(1'000, 400'000);
    const Nanos end = now + prng.between(500, prng.chance(10) ? 2'000'000 : 90'000);
    // A task belongs to one CPU here, so that its intervals never overlap.
    const auto exec = static_cast<std::uint32_t>(cpu + 4 * prng.between(0, 2));
    const auto donor = static_cast<std::uint32_t>(cpu + 4 * prng.between(0, 2));
    const bool proxied = prng.chance(12) && donor != exec;
    result.segments.push_back({cpu, now, end, exec, proxied ? donor : exec});
    const auto lock = static_cast<std::uint32_t>(cpu % 3);
    if (cpu < 3 && (proxied || prng.chance(20))) result.holds.push_back({exec, lock, now, end});
    if (cpu < 3 && proxied) {
      result.waits.push_back({donor, lock, now, end});
      result.handoffs.push_back({lock, exec, donor, end});
    }
    now = end;
    result.duration_ns = std::max(result.duration_ns, now);
  }
  std::sort(result.handoffs.begin(), result.handoffs.end(),
            [](const trace::Handoff& a, const trace::Handoff& b) { return a.at_ns < b.at_ns; });
  return result;
}

DemoResult sample_demo() {
  DemoResult demo;
  demo.command = "px demo --seconds 5";
  demo.machine = "2 CPUs, Linux 6.1, x86-64";
  demo.date = "2026-11-24 21:00";
  DemoPart fair;
  fair.name = "fair";
  fair.setup =
      "Foreground, nice 0: sleeps 2 ms, locks, works 20 us. Background, nice 19: holds the lock "
      "for 1 ms at a time. Four hogs, nice 0. All on one CPU.";
  fair.cases.push_back(sample_case("linux", "none", 1'497 * kMillisecond, 420, 1));
  fair.cases.push_back(sample_case("linux", "inherit", 1'313 * kMillisecond, 510, 2));
  fair.cases.push_back(sample_case("live", "none", 395 * kMillisecond, 800, 3));
  fair.cases.push_back(sample_case("live", "proxy", 1'340 * kMicrosecond, 12'000, 4));
  fair.cases.push_back(sample_case("sim", "proxy", 1'020 * kMicrosecond, 15'000, 5));
  // The linux world knows waits alone.
  trace::RunResult linux_excerpt = inversion_excerpt("linux", "none", false, 30);
  linux_excerpt.segments.clear();
  linux_excerpt.holds.clear();
  linux_excerpt.runnable.clear();
  linux_excerpt.handoffs.clear();
  fair.cases[0].excerpt = std::move(linux_excerpt);
  fair.cases[2].excerpt = inversion_excerpt("live", "none", false, 16);
  fair.cases[3].excerpt = inversion_excerpt("live", "proxy", true, 0);
  demo.parts.push_back(std::move(fair));
  DemoPart realtime;
  realtime.name = "realtime";
  realtime.setup =
      "Foreground FIFO 50, background FIFO 1, hogs FIFO 10 that run 100 ms and sleep 20 ms. All on "
      "one CPU.";
  DemoCase skipped;
  skipped.world = "linux";
  skipped.protocol = "none";
  skipped.skipped = "realtime threads need --privileged";
  realtime.cases.push_back(skipped);
  skipped.protocol = "inherit";
  realtime.cases.push_back(skipped);
  realtime.cases.push_back(sample_case("live", "none", 405 * kMillisecond, 700, 6));
  realtime.cases.push_back(sample_case("live", "proxy", 1'090 * kMicrosecond, 12'000, 7));
  demo.parts.push_back(std::move(realtime));
  return demo;
}

}  // namespace px::report
