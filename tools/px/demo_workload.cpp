#include "demo_workload.hpp"

#include <utility>
#include <vector>

namespace px::tools {

namespace {

using workload::Op;
using workload::OpKind;

constexpr Nanos kSleep = 2 * kMillisecond;
constexpr Nanos kForegroundWork = 20 * kMicrosecond;
constexpr Nanos kBackgroundHold = kMillisecond;
constexpr Nanos kHogWork = 100 * kMillisecond;
// In the realtime part the hogs work for 100 ms in all, one after another, then all sleep 20 ms: a
// hog with 100 ms of its own would let the other three starve the background for ever.
constexpr Nanos kHogPeriod = kHogWork + 20 * kMillisecond;
// Of the fair tasks in live and sim: somewhat longer than a hold, so that a foreground task that
// lends its request sees the hold through on it; and short enough that the background, which gets
// 18 ms of the CPU in 5 s, is preempted in a hold often. The kernel keeps its own, some
// milliseconds.
constexpr Nanos kSlice = 1200 * kMicrosecond;
// What the background does between two holds. No whole number of its rounds makes a slice, or 20
// ms: where time is exact, in sim, it would be preempted between two holds and never in one.
constexpr Nanos kBackgroundWork = 300 * kMicrosecond;
// In the realtime part it rests instead, or its own rank would leave nothing to the machine in
// those 20 ms. Some 6 % of the CPU stay free.
constexpr Nanos kBackgroundRest = 700 * kMicrosecond;

Op work(Nanos amount) {
  Op op;
  op.kind = OpKind::kRun;
  op.amount_ns = amount;
  return op;
}

Op sleep(Nanos amount) {
  Op op;
  op.kind = OpKind::kSleep;
  op.amount_ns = amount;
  return op;
}

Op lock() {
  Op op;
  op.kind = OpKind::kLock;
  return op;
}

Op unlock() {
  Op op;
  op.kind = OpKind::kUnlock;
  return op;
}

Op timer(std::uint32_t index, Nanos period) {
  Op op;
  op.kind = OpKind::kTimer;
  op.absolute = true;
  op.index = index;
  op.amount_ns = period;
  return op;
}

void add_task(workload::Workload& workload, std::string name, const policy::Params& params,
              std::vector<Op> ops) {
  workload::TaskSpec& task = workload.tasks.emplace_back();
  task.name = std::move(name);
  task.params = params;
  task.cpus = CpuMask::only(0);
  task.loop = -1;
  task.phases.emplace_back().ops = std::move(ops);
}

policy::Params nice(int level) {
  policy::FairParams params;
  params.nice = level;
  return params;
}

policy::Params fifo(int priority) {
  policy::RealtimeParams params;
  params.priority = priority;
  return params;
}

}  // namespace

workload::Workload demo_workload(DemoKind kind) {
  const bool fair = kind == DemoKind::kFair;
  workload::Workload workload;
  workload.files = {"px demo"};
  workload.cpus = 1;
  workload.highest_cpu = 0;
  workload.slice_ns = kSlice;
  workload::LockSpec one_lock;
  one_lock.name = "shared";
  workload.locks.push_back(std::move(one_lock));
  add_task(workload, "foreground", fair ? nice(0) : fifo(50),
           {sleep(kSleep), lock(), work(kForegroundWork), unlock()});
  std::vector<Op> background = {lock(), work(kBackgroundHold), unlock()};
  background.push_back(fair ? work(kBackgroundWork) : sleep(kBackgroundRest));
  add_task(workload, "background", fair ? nice(policy::kNiceMax) : fifo(1), std::move(background));
  for (std::uint32_t hog = 0; hog < kHogs; ++hog) {
    const std::string name = "hog-" + std::to_string(hog);
    if (fair) {
      add_task(workload, name, nice(0), {work(kHogWork)});
      continue;
    }
    workload.timers.emplace_back().name = name;
    add_task(workload, name, fifo(10), {work(kHogWork / Nanos{kHogs}), timer(hog, kHogPeriod)});
  }
  return workload;
}

const char* name_of(DemoKind kind) { return kind == DemoKind::kFair ? "fair" : "realtime"; }

const char* setup_of(DemoKind kind) {
  if (kind == DemoKind::kFair) {
    return "a foreground (nice 0) wants a lock every 2 ms for 20 us, a background (nice 19) holds "
           "it for 1 ms at a time, four hogs (nice 0) compute; all on one CPU, in slices of "
           "1.2 ms (linux: the kernel's own)";
  }
  return "a foreground (FIFO 50) wants a lock every 2 ms for 20 us, a background (FIFO 1) holds it "
         "for 1 ms at a time, four hogs (FIFO 10) compute for 100 ms, then sleep 20 ms; all on one "
         "CPU";
}

}  // namespace px::tools
