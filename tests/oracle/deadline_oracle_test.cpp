// Goal: on one CPU, (1) deadline tasks meet all deadlines exactly if the demand allows it, (2) FIFO
// tasks have the response times that analysis computes, (3) a server that overruns for ever hurts
// no task beside it and gets no more than its bandwidth.
// Method: 10,000 random sets each, run by the simulator over a hyperperiod from a synchronous
// release, against formulas: the processor demand test (Baruah, Rosier, Howell 1990), the fixed
// point of response-time analysis (Joseph and Pandya 1986), and the arithmetic of budgets. Each
// judge must notice five schedulers that do it wrong: the simulator with another policy, order,
// budget, deadline or period than the set says.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <functional>
#include <numeric>
#include <string>
#include <vector>

#include "base/prng.hpp"
#include "sim/simulator.hpp"

namespace px::oracle {
namespace {

struct Periodic {
  Nanos work = 0;
  Nanos deadline = 0;
  Nanos period = 0;
};
using PeriodicSet = std::vector<Periodic>;  // in the order of rate-monotonic priority

constexpr int kSets = 10'000;
constexpr std::array<Nanos, 10> kPeriods = {4, 5, 6, 8, 10, 12, 15, 20, 24, 30};

Nanos hyperperiod(const PeriodicSet& set) {
  Nanos all = 1;
  for (const Periodic& task : set) all = std::lcm(all, task.period);
  return all;
}

// Utilisation at most 1: a task that would exceed it is left out.
PeriodicSet random_periodic(std::uint64_t seed, bool constrained) {
  Prng prng(seed);
  PeriodicSet set;
  constexpr Nanos kWhole = 120;  // every period divides it
  Nanos used = 0;
  const auto tasks = prng.between(2, 5);
  for (int i = 0; i < tasks; ++i) {
    Periodic task;
    task.period = kPeriods[static_cast<std::size_t>(prng.between(0, kPeriods.size() - 1))];
    task.work = prng.between(1, std::max<Nanos>(1, task.period / 2));
    task.deadline = constrained ? prng.between(task.work, task.period) : task.period;
    const Nanos share = task.work * kWhole / task.period;
    if (used + share > kWhole) continue;
    used += share;
    set.push_back(task);
  }
  std::stable_sort(set.begin(), set.end(),
                   [](const Periodic& a, const Periodic& b) { return a.period < b.period; });
  return set;
}

// What the simulator is told of task i of a set: right, or one of the faults.
using ParamsOf = std::function<policy::Params(const PeriodicSet&, std::size_t)>;

struct Outcome {
  std::vector<Nanos> worst;  // response time by task
  bool missed = false;
  Nanos server_ns = 0;
};

struct Extra {
  policy::Params params = policy::FairParams{};
  std::uint64_t seed = 0;
};

// Runs the set for a hyperperiod and a bit; `server`: one more task that never has enough.
Outcome run(const PeriodicSet& set, const ParamsOf& params_of, const Extra* server = nullptr) {
  sim::SimulatorOptions options;
  options.max_tasks = 8;
  options.deadline_admission = false;
  options.stack_size = 32 * 1024;
  sim::Simulator simulator(options, [](const trace::Event&) {});
  const Nanos end = hyperperiod(set);
  Outcome outcome;
  outcome.worst.assign(set.size(), 0);
  std::vector<sim::Simulator::Task*> tasks;
  int open = 0;  // jobs begun and not ended
  if (server != nullptr) {
    tasks.push_back(&simulator.spawn("server", server->params, CpuMask::first(1), 0, [&, server] {
      Prng prng(server->seed);
      for (;;) {
        simulator.settle();
        simulator.consume(prng.between(1, 20));
        if (prng.chance(30)) {
          (void)simulator.scheduler().sleep_until(simulator.now() + prng.between(1, 10));
        }
      }
    }));
  }
  for (std::size_t i = 0; i < set.size(); ++i) {
    tasks.push_back(&simulator.spawn("t", params_of(set, i), CpuMask::first(1), 0, [&, i] {
      const Periodic& task = set[i];
      for (Nanos release = 0; release < end; release += task.period) {
        if (release > simulator.now()) (void)simulator.scheduler().sleep_until(release);
        simulator.settle();
        ++open;
        simulator.consume(task.work);
        --open;
        const Nanos response = simulator.now() - release;
        outcome.worst[i] = std::max(outcome.worst[i], response);
        if (response > task.deadline) outcome.missed = true;
      }
    }));
  }
  simulator.run(end + 200);
  if (server != nullptr) outcome.server_ns = tasks.front()->times.executed_ns;
  outcome.missed = outcome.missed || open != 0;
  return outcome;
}

policy::Params as_deadline(const PeriodicSet& set, std::size_t i) {
  return policy::DeadlineParams{set[i].work, set[i].deadline, set[i].period};
}
policy::Params as_fifo(const PeriodicSet& set, std::size_t i) {
  return policy::RealtimeParams{static_cast<int>(set.size() - i), false};
}

std::string text_of(std::uint64_t seed, const PeriodicSet& set) {
  std::string text = "seed " + std::to_string(seed) + ":";
  for (const Periodic& task : set) {
    text += " (" + std::to_string(task.work) + ", " + std::to_string(task.deadline) + ", " +
            std::to_string(task.period) + ")";
  }
  return text;
}

// --- 1. Earliest deadline first

// Work released and due in [0, t] fits into it, for every t.
bool demand_allows(const PeriodicSet& set) {
  const Nanos end = hyperperiod(set);
  for (Nanos t = 1; t <= end; ++t) {
    Nanos demand = 0;
    for (const Periodic& task : set) {
      if (t >= task.deadline) demand += ((t - task.deadline) / task.period + 1) * task.work;
    }
    if (demand > t) return false;
  }
  return true;
}

// "" if the outcome is as the demand says.
std::string judge_edf(std::uint64_t seed, const ParamsOf& params_of) {
  const PeriodicSet set = random_periodic(seed, seed % 4 != 0);
  const Outcome outcome = run(set, params_of);
  const bool allowed = demand_allows(set);
  if (allowed == !outcome.missed) return "";
  return text_of(seed, set) + (allowed ? " fits, but missed" : " does not fit, but was met");
}

int sets_noticed(const std::function<std::string(std::uint64_t)>& judge, int sets) {
  int noticed = 0;
  for (int seed = 1; seed <= sets; ++seed) {
    noticed += judge(static_cast<std::uint64_t>(seed)).empty() ? 0 : 1;
  }
  return noticed;
}

TEST(DeadlineOracle, DeadlinesAreMetExactlyIfTheDemandAllowsIt) {
  int feasible = 0;
  for (std::uint64_t seed = 1; seed <= kSets; ++seed) {
    ASSERT_EQ(judge_edf(seed, &as_deadline), "");
    feasible += demand_allows(random_periodic(seed, seed % 4 != 0)) ? 1 : 0;
  }
  EXPECT_GT(feasible, kSets / 5);
  EXPECT_LT(feasible, kSets * 19 / 20);
}

TEST(DeadlineOracle, TheDemandTestNoticesEachFault) {
  const auto noticed = [](const ParamsOf& fault) {
    return sets_noticed([&](std::uint64_t seed) { return judge_edf(seed, fault); }, 1000);
  };
  EXPECT_GT(noticed(&as_fifo), 0) << "priorities by period in place of deadlines";
  EXPECT_GT(noticed([](const PeriodicSet& set, std::size_t i) -> policy::Params {
              return policy::DeadlineParams{set[i].work, set[i].period, set[i].period};
            }),
            0)
      << "the period in place of the deadline";
  EXPECT_GT(noticed([](const PeriodicSet& set, std::size_t i) -> policy::Params {
              const Nanos work = std::max<Nanos>(set[i].work - 1, 1);
              return policy::DeadlineParams{work, set[i].deadline, set[i].period};
            }),
            0)
      << "a budget that is lost in part";
  EXPECT_GT(noticed([](const PeriodicSet& set, std::size_t i) -> policy::Params {
              return policy::DeadlineParams{set[i].work, set[i].deadline, set[i].period + 1};
            }),
            0)
      << "replenished late";
  EXPECT_GT(noticed([](const PeriodicSet&, std::size_t) -> policy::Params {
              return policy::RealtimeParams{1, false};
            }),
            0)
      << "first come, first served";
}

// --- 2. Response times of fixed priorities

// R = C + sum over the more urgent of ceil(R / T) C, or kNever if that exceeds the period.
Nanos response_of(const PeriodicSet& set, std::size_t i) {
  Nanos response = set[i].work;
  for (;;) {
    Nanos next = set[i].work;
    for (std::size_t j = 0; j < i; ++j) {
      next += (response + set[j].period - 1) / set[j].period * set[j].work;
    }
    if (next > set[i].period) return kNever;
    if (next == response) return response;
    response = next;
  }
}

std::string judge_rta(std::uint64_t seed, const ParamsOf& params_of) {
  const PeriodicSet set = random_periodic(seed, false);
  const Outcome outcome = run(set, params_of);
  for (std::size_t i = 0; i < set.size(); ++i) {
    const Nanos expected = response_of(set, i);
    // Beyond its period the analysis says only that the deadline is missed.
    const bool right =
        expected == kNever ? outcome.worst[i] > set[i].period : outcome.worst[i] == expected;
    if (!right) return text_of(seed, set) + ", task " + std::to_string(i);
  }
  return "";
}

TEST(DeadlineOracle, ResponseTimesOfFifoTasksAreThoseOfTheAnalysis) {
  for (std::uint64_t seed = 1; seed <= kSets; ++seed) ASSERT_EQ(judge_rta(seed, &as_fifo), "");
}

TEST(DeadlineOracle, TheAnalysisNoticesEachFault) {
  const auto noticed = [](const ParamsOf& fault) {
    return sets_noticed([&](std::uint64_t seed) { return judge_rta(seed, fault); }, 500);
  };
  EXPECT_GT(noticed([](const PeriodicSet&, std::size_t i) -> policy::Params {
              return policy::RealtimeParams{static_cast<int>(i) + 1, false};
            }),
            0)
      << "the order upside down";
  EXPECT_GT(noticed([](const PeriodicSet&, std::size_t) -> policy::Params {
              return policy::RealtimeParams{1, false};
            }),
            0)
      << "first come, first served";
  EXPECT_GT(noticed([](const PeriodicSet& set, std::size_t i) -> policy::Params {
              return policy::RealtimeParams{static_cast<int>(set.size() - i / 2), false};
            }),
            0)
      << "neighbours share a level";
  EXPECT_GT(noticed([](const PeriodicSet&, std::size_t) -> policy::Params {
              return policy::FairParams{};
            }),
            0)
      << "shares in place of priorities";
  EXPECT_GT(noticed(&as_deadline), 0) << "deadlines in place of priorities";
}

// --- 3. Isolation

struct ServerCase {
  PeriodicSet hard;
  policy::DeadlineParams server;
};

// Hard tasks with implicit deadlines, and a server that takes all the rest.
ServerCase random_server(std::uint64_t seed) {
  ServerCase result;
  result.hard = random_periodic(seed, false);
  Nanos used = 0;
  for (const Periodic& task : result.hard) used += task.work * 120 / task.period;
  while (used > 100) {
    used -= result.hard.back().work * 120 / result.hard.back().period;
    result.hard.pop_back();
  }
  Prng prng(seed * 7);
  const Nanos period = kPeriods[static_cast<std::size_t>(prng.between(0, kPeriods.size() - 1))];
  const Nanos runtime = std::max<Nanos>((120 - used) * period / 120, 1);
  // Without room for a whole unit the server's period is as long as it takes.
  result.server = {runtime, period, period};
  if (runtime * 120 > (120 - used) * period) result.server = {1, 120, 120};
  return result;
}

std::string judge_isolation(std::uint64_t seed, const ParamsOf& hard,
                            const std::function<policy::Params(const ServerCase&)>& server) {
  const ServerCase set = random_server(seed);
  if (set.hard.empty()) return "";
  const Extra extra{server(set), seed};
  const Outcome outcome = run(set.hard, hard, &extra);
  if (outcome.missed) return text_of(seed, set.hard) + ": a hard task missed";
  const Nanos end = hyperperiod(set.hard) + 200;
  const Nanos most = end * set.server.runtime_ns / set.server.period_ns + set.server.runtime_ns;
  if (outcome.server_ns <= most) return "";
  return text_of(seed, set.hard) + ": the server got " + std::to_string(outcome.server_ns);
}

TEST(DeadlineOracle, AnOverrunningServerHurtsNobody) {
  const auto as_it_is = [](const ServerCase& set) -> policy::Params { return set.server; };
  for (std::uint64_t seed = 1; seed <= kSets; ++seed) {
    ASSERT_EQ(judge_isolation(seed, &as_deadline, as_it_is), "");
  }
}

TEST(DeadlineOracle, IsolationNoticesEachFault) {
  using ServerOf = std::function<policy::Params(const ServerCase&)>;
  const auto noticed = [](const ParamsOf& hard, const ServerOf& server) {
    return sets_noticed([&](std::uint64_t seed) { return judge_isolation(seed, hard, server); },
                        500);
  };
  const ServerOf as_it_is = [](const ServerCase& set) -> policy::Params { return set.server; };
  EXPECT_GT(noticed(&as_deadline,
                    [](const ServerCase& set) -> policy::Params {
                      const Nanos period = set.server.period_ns;
                      return policy::DeadlineParams{period, period, period};
                    }),
            0)
      << "nothing throttles";
  EXPECT_GT(
      noticed(&as_deadline,
              [](const ServerCase& set) -> policy::Params {
                const Nanos more = std::min(set.server.runtime_ns + 1, set.server.period_ns);
                return policy::DeadlineParams{more, set.server.period_ns, set.server.period_ns};
              }),
      0)
      << "one unit too much";
  EXPECT_GT(noticed(&as_fifo, as_it_is), 0) << "the server before everybody";
  EXPECT_GT(noticed(
                [](const PeriodicSet& set, std::size_t i) -> policy::Params {
                  return policy::DeadlineParams{set[i].work, set[i].period, set[i].period + 1};
                },
                as_it_is),
            0)
      << "replenished late";
  EXPECT_GT(noticed(
                [](const PeriodicSet& set, std::size_t i) -> policy::Params {
                  return policy::DeadlineParams{std::max<Nanos>(set[i].work - 1, 1), set[i].period,
                                                set[i].period};
                },
                as_it_is),
            0)
      << "a budget that is lost in part";
}

}  // namespace
}  // namespace px::oracle
