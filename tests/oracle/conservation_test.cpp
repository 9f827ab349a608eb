// Goal: on any number of CPUs and for mixtures of classes, where no reference says which schedule
// is right, a run still obeys the laws that every schedule obeys. Method: 1,000 random contended
// workloads under proxy and none; the laws are checked on the intervals and holds of the result,
// not on what the simulator says about itself.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <vector>

#include "off_means_off/contended_workload.hpp"
#include "sim/run.hpp"

namespace px::oracle {
namespace {

using trace::RunResult;
using trace::Segment;
using workload::Protocol;
using workload::Workload;

constexpr std::uint64_t kWorkloads = 1'000;

// Work that the program of a task asks for, whoever pays for it.
Nanos work_of(const workload::TaskSpec& task) {
  Nanos work = 0;
  for (const workload::Phase& phase : task.phases) {
    for (const workload::Op& op : phase.ops) {
      if (op.kind == workload::OpKind::kRun) work += phase.loop * op.amount_ns;
    }
  }
  return task.loop * work;
}

struct Span {
  Nanos start = 0;
  Nanos end = 0;
};

void expect_disjoint(std::vector<Span> spans, const std::string& what) {
  std::sort(spans.begin(), spans.end(),
            [](const Span& a, const Span& b) { return a.start < b.start; });
  for (std::size_t i = 1; i < spans.size(); ++i) {
    EXPECT_LE(spans[i - 1].end, spans[i].start) << what;
  }
}

// A CPU runs one task at a time, a task runs on one CPU at a time, and only where it may.
void check_placement(const Workload& workload, const RunResult& result) {
  std::map<int, std::vector<Span>> by_cpu;
  std::map<std::uint32_t, std::vector<Span>> by_task;
  for (const Segment& segment : result.segments) {
    EXPECT_LT(segment.start_ns, segment.end_ns);
    by_cpu[segment.cpu].push_back({segment.start_ns, segment.end_ns});
    by_task[segment.exec].push_back({segment.start_ns, segment.end_ns});
    const auto& allowed = workload.tasks[segment.exec].cpus;
    EXPECT_TRUE(!allowed || allowed->has(segment.cpu))
        << result.tasks[segment.exec].name << " executes on CPU " << segment.cpu;
  }
  for (const auto& entry : by_cpu) expect_disjoint(entry.second, "two tasks on one CPU");
  for (const auto& entry : by_task) expect_disjoint(entry.second, "a task on two CPUs");
}

// A lock has one owner at a time.
void check_exclusion(const RunResult& result) {
  std::map<std::uint32_t, std::vector<Span>> by_lock;
  for (const trace::Hold& hold : result.holds) {
    by_lock[hold.lock].push_back({hold.start_ns, hold.end_ns});
  }
  EXPECT_FALSE(by_lock.empty());
  for (const auto& entry : by_lock) expect_disjoint(entry.second, "two owners of one lock");
}

// Every task does exactly the work of its program, and what is donated is received.
void check_accounts(const Workload& workload, const RunResult& result) {
  struct Account {
    Nanos executed = 0, charged = 0, donated = 0, received = 0;
  };
  std::vector<Account> accounts(result.tasks.size());
  Nanos proxied = 0;
  for (const Segment& segment : result.segments) {
    const Nanos length = segment.end_ns - segment.start_ns;
    accounts[segment.exec].executed += length;
    accounts[segment.donor].charged += length;
    if (segment.exec == segment.donor) continue;
    accounts[segment.exec].received += length;
    accounts[segment.donor].donated += length;
    proxied += length;
  }
  for (std::size_t i = 0; i < accounts.size(); ++i) {
    const trace::TaskResult& task = result.tasks[i];
    EXPECT_EQ(task.executed_ns, accounts[i].executed) << task.name;
    EXPECT_EQ(task.charged_ns, accounts[i].charged) << task.name;
    EXPECT_EQ(task.donated_ns, accounts[i].donated) << task.name;
    EXPECT_EQ(task.received_ns, accounts[i].received) << task.name;
    EXPECT_EQ(task.executed_ns, work_of(workload.tasks[i])) << task.name;
  }
  EXPECT_EQ(result.totals.proxied_ns, proxied);
}

void check_everybody_ends(const RunResult& result) {
  EXPECT_EQ(result.deadlock, "");
  for (const trace::TaskResult& task : result.tasks) {
    for (const trace::Job& job : task.jobs) {
      EXPECT_TRUE(job.finish_ns.has_value()) << task.name;
    }
  }
}

// Runs all workloads under `protocol`; returns in how many somebody paid for somebody else.
int check_all(Protocol protocol) {
  int with_donations = 0;
  for (std::uint64_t seed = 0; seed < kWorkloads && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("workload " + std::to_string(seed));
    const Workload workload = off_means_off::contended_workload(seed);
    sim::SimOptions options;
    options.protocol = protocol;
    const RunResult result = sim::run(workload, options);
    check_everybody_ends(result);
    check_placement(workload, result);
    check_exclusion(result);
    check_accounts(workload, result);
    with_donations += result.totals.proxied_ns > 0 ? 1 : 0;
  }
  return with_donations;
}

TEST(Conservation, UnderProxy) { EXPECT_GE(check_all(Protocol::kProxy), 500); }

TEST(Conservation, UnderNoneNobodyPaysForAnother) { EXPECT_EQ(check_all(Protocol::kNone), 0); }

}  // namespace
}  // namespace px::oracle
