#include "demo_case.hpp"

#include <algorithm>
#include <utility>

#include "disturbance.hpp"
#include "linux/run.hpp"
#include "trace/excerpt.hpp"
#include "workload/error.hpp"

namespace px::tools {

namespace {

// What is shown before and after the longest wait: a tenth of it, and at least this much.
constexpr Nanos kExcerptMargin = 15 * kMillisecond;

// How much of its CPU a run may lose before the demo speaks of it.
constexpr double kTolerableLoss = 0.1;

// Lock calls of a task that ended with the lock. All of them are counted; those that found the lock
// taken are listed.
std::uint64_t acquisitions(const trace::TaskResult& task) {
  const auto failed = std::count_if(task.lock_calls.begin(), task.lock_calls.end(),
                                    [](const trace::LockCall& call) { return !call.acquired; });
  return task.lock_wait.count - static_cast<std::uint64_t>(failed);
}

trace::RunResult excerpt_around(const trace::RunResult& result, const trace::LockCall& call) {
  const Nanos margin = std::max(kExcerptMargin, call.wait_ns / 10);
  const Nanos from = std::max<Nanos>(call.start_ns - margin, 0);
  const Nanos to = std::min(call.start_ns + call.wait_ns + margin, result.duration_ns);
  return trace::excerpt_of(result, from, std::max(from, to));
}

// Why the case cannot be run, or nothing.
std::string obstacle(DemoKind kind, const DemoSettings& settings) {
  if (settings.world != World::kLinux || kind != DemoKind::kRealtime) return {};
  if (!settings.privileged) return "realtime threads need --privileged (and root or CAP_SYS_NICE)";
  const std::string refusal = linux_world::realtime_refusal();
  if (refusal.empty()) return {};
  return refusal + "; run as root or give CAP_SYS_NICE";
}

// The share of the CPU that the run's tasks could not have although some of them wanted it.
double lost_share(DemoKind kind, const trace::RunResult& result, const report::DemoCase& one) {
  if (result.duration_ns == 0) return 0;
  const auto wall = static_cast<double>(result.duration_ns);
  const double disturbed = static_cast<double>(one.disturbed_ns) / wall;
  // The kernel counts for each thread what it really executed, and hogs without a rest leave none.
  if (result.world != name_of(World::kLinux) || kind != DemoKind::kFair) return disturbed;
  Nanos executed = 0;
  for (const trace::TaskResult& task : result.tasks) executed += task.executed_ns;
  return 1 - static_cast<double>(executed) / wall;
}

}  // namespace

report::DemoCase reduce(const trace::RunResult& result,
                        std::vector<trace::Disturbance> sentinel_gaps) {
  report::DemoCase one;
  one.world = result.world;
  one.protocol = result.protocol;
  one.foreground = kForeground;
  const trace::TaskResult& foreground = result.tasks[kForeground];
  one.lock_wait = foreground.lock_wait;
  one.foreground_ops = acquisitions(foreground);
  one.background_ops = acquisitions(result.tasks[kBackground]);
  Nanos hogs = 0;
  for (std::size_t i = kFirstHog; i < result.tasks.size(); ++i) hogs += result.tasks[i].executed_ns;
  if (result.duration_ns > 0) {
    one.hog_share = static_cast<double>(hogs) / static_cast<double>(result.duration_ns);
  }
  for (trace::Disturbance& gap : sentinel_gaps) {
    gap.start_ns -= result.t_zero_ns;
    gap.end_ns -= result.t_zero_ns;
  }
  sentinel_gaps.insert(sentinel_gaps.end(), result.disturbances.begin(), result.disturbances.end());
  const DisturbanceLog log(std::move(sentinel_gaps), result.duration_ns);
  one.disturbed_ns = log.total();
  // A call that found the lock free waited for nothing.
  one.waits.resize(foreground.lock_wait.count - foreground.lock_calls.size());
  const trace::LockCall* longest = nullptr;
  for (const trace::LockCall& call : foreground.lock_calls) {
    one.waits.push_back(call.wait_ns);
    if (longest == nullptr || call.wait_ns > longest->wait_ns) longest = &call;
    if (!log.overlaps(call.start_ns, call.start_ns + call.wait_ns)) {
      one.max_net = std::max(one.max_net, call.wait_ns);
    }
  }
  if (longest != nullptr) one.excerpt = excerpt_around(result, *longest);
  return one;
}

report::DemoCase run_demo_case(DemoKind kind, const DemoSettings& settings,
                               std::vector<std::string>& notes) {
  report::DemoCase skipped;
  skipped.world = name_of(settings.world);
  skipped.protocol = workload::name_of(settings.protocol);
  skipped.skipped = obstacle(kind, settings);
  if (!skipped.skipped.empty()) return skipped;
  workload::RunOptions options;
  options.protocol = settings.protocol;
  options.duration_ns = settings.duration_ns;
  options.proxy_exec = settings.proxy_exec;
  options.record = true;
  try {
    const workload::Workload workload = demo_workload(kind);
    if (settings.world == World::kSim) {
      return reduce(run_in(settings.world, workload, options, false), {});
    }
    Sentinel sentinel;
    const trace::RunResult result = run_in(settings.world, workload, options, false);
    report::DemoCase one = reduce(result, sentinel.stop());
    const double away = lost_share(kind, result, one);
    if (away > kTolerableLoss) {
      notes.push_back(std::string(name_of(kind)) + ", " + report::case_name(one) + ": " +
                      std::to_string(static_cast<int>(100 * away)) +
                      " % of the CPU went elsewhere; its waits say more on a quiet machine");
    }
    return one;
  } catch (const workload::Error& error) {
    skipped.skipped = error.what();
    return skipped;
  }
}

}  // namespace px::tools
