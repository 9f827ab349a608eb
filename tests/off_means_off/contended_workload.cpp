#include "contended_workload.hpp"

#include <fmt/format.h>

#include <array>
#include <string>
#include <utility>

#include "base/prng.hpp"

namespace px::off_means_off {
namespace {

using workload::Op;
using workload::OpKind;

class Generator {
 public:
  explicit Generator(std::uint64_t seed) : random_(seed) {}

  workload::Workload make() {
    constexpr std::array<int, 3> kCpus{1, 2, 4};
    cpus_ = kCpus[static_cast<std::size_t>(random_.between(0, 2))];
    workload_.files.push_back("random workload");
    workload_.cpus = cpus_;
    const std::int64_t locks = random_.between(1, 3);
    for (std::int64_t lock = 0; lock < locks; ++lock) {
      workload_.locks.push_back({fmt::format("m{}", lock), std::nullopt, std::nullopt, {}});
    }
    const std::int64_t tasks = random_.between(2 + cpus_, 6 + cpus_);
    for (std::int64_t i = 0; i < tasks; ++i) add_task(fmt::format("T{}", i));
    return std::move(workload_);
  }

 private:
  [[nodiscard]] Nanos time(std::int64_t low_us, std::int64_t high_us) {
    return kMicrosecond * random_.between(low_us, high_us);
  }

  void add(std::vector<Op>& ops, OpKind kind, Nanos amount, std::size_t index = 0) {
    Op op;
    op.kind = kind;
    op.amount_ns = amount;
    op.index = static_cast<std::uint32_t>(index);
    ops.push_back(op);
  }

  void section(std::vector<Op>& ops, std::size_t lock) {
    add(ops, OpKind::kLock, 0, lock);
    add(ops, OpKind::kRun, time(50, 4'000));
    if (lock + 1 < workload_.locks.size() && random_.chance(40)) section(ops, lock + 1);
    if (random_.chance(10)) add(ops, OpKind::kSleep, time(50, 2'000));
    if (random_.chance(50)) add(ops, OpKind::kRun, time(50, 1'000));
    add(ops, OpKind::kUnlock, 0, lock);
  }

  [[nodiscard]] policy::Params params() {
    if (random_.chance(50)) {
      return policy::RealtimeParams{static_cast<int>(random_.between(1, 99)), random_.chance(20)};
    }
    policy::FairParams fair;
    fair.nice = static_cast<int>(random_.between(-10, 15));
    return fair;
  }

  void add_task(std::string name) {
    workload::TaskSpec task;
    task.name = std::move(name);
    task.params = params();
    if (random_.chance(30)) {
      task.cpus = CpuMask::only(static_cast<int>(random_.between(0, cpus_ - 1)));
    }
    task.delay_ns = time(0, 5'000);
    task.loop = random_.between(1, 4);
    workload::Phase phase;
    if (random_.chance(60)) add(phase.ops, OpKind::kRun, time(50, 3'000));
    const std::int64_t sections = random_.between(1, 3);
    for (std::int64_t i = 0; i < sections; ++i) {
      section(phase.ops,
              static_cast<std::size_t>(random_.between(0, std::ssize(workload_.locks) - 1)));
      if (random_.chance(60)) add(phase.ops, OpKind::kRun, time(50, 2'000));
    }
    if (random_.chance(30)) {
      add(phase.ops, OpKind::kSleep, time(100, 3'000));
    } else if (random_.chance(40)) {
      workload_.timers.push_back({fmt::format("unique-{}", task.name), true});
      add(phase.ops, OpKind::kTimer, time(2'000, 10'000), workload_.timers.size() - 1);
      phase.ops.back().absolute = random_.chance(50);
    }
    task.phases.push_back(std::move(phase));
    workload_.tasks.push_back(std::move(task));
  }

  Prng random_;
  int cpus_ = 1;
  workload::Workload workload_;
};

}  // namespace

workload::Workload contended_workload(std::uint64_t seed) { return Generator(seed).make(); }

}  // namespace px::off_means_off
