// Goal: the built-in scenarios are what they claim to be, and the shipped core has no violation in
// those small enough for a unit test; each seeded fault named here is caught.
// Method: complete exploration through the same function as `px check`, in child processes, since
// the checker's memory lies at one fixed address.
#include "check/scenarios.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "check/check.hpp"
#include "check/coverage.hpp"
#include "check/mutants.hpp"
#include "check/names.hpp"
#include "check/platform.hpp"
#include "check/premises.hpp"
#include "check/run.hpp"
#include "check/schedule.hpp"
#include "core/invariants-inl.hpp"

namespace px::check {
namespace {

RunReport explore(const char* scenario, Granularity granularity = Granularity::kCoarse) {
  RunRequest request;
  request.scenario = find_scenario(scenario);
  request.granularity = granularity;
  RunReport report;
  run_all({request}, 1, false, [&report](const RunReport& r) { report = r; });
  return report;
}

TEST(Scenarios, AreEnoughAndWellNamed) {
  std::set<std::string> names;
  int parallel = 0;
  for (const Scenario& scenario : scenarios()) {
    EXPECT_TRUE(names.insert(scenario.name).second) << scenario.name;
    EXPECT_FALSE(scenario.about.empty()) << scenario.name;
    EXPECT_EQ(find_mutant(scenario.name), nullptr) << scenario.name;
    parallel += scenario.cpus >= 2 && scenario.tasks.size() >= 3 ? 1 : 0;
  }
  EXPECT_GE(names.size(), 60U);
  EXPECT_GE(parallel, 15);
}

TEST(Scenarios, EachOutcomeOfTheWalkIsDeclaredSomewhere) {
  std::set<std::string> declared;
  for (const Scenario& scenario : scenarios()) {
    declared.insert(scenario.reaches.begin(), scenario.reaches.end());
  }
  for (const char* outcome : {"run-owner", "run-waiter", "pick-again", "deactivated", "parked",
                              "linked", "migrated", "idle", "cycle"}) {
    EXPECT_EQ(declared.count(outcome), 1U) << outcome;
  }
}

TEST(Scenarios, EachDeclaresTheOutcomesOfTheWalkThatItIsThereFor) {
  for (const Scenario& scenario : scenarios()) {
    const auto lends = [](const LockProtocol& lock) { return lock.protocol == Protocol::kProxy; };
    const bool walks =
        scenario.proxy && std::any_of(scenario.protocols.begin(), scenario.protocols.end(), lends);
    // Waits for a semaphore lend only to a declared holder, those for a shared lock to whom there
    // is.
    if (scenario.semaphores.empty() && scenario.shared_locks.empty()) {
      EXPECT_EQ(scenario.reaches.empty(), !walks) << scenario.name;
    }
    for (const std::string& outcome : scenario.reaches) {
      EXPECT_NO_THROW((void)reached(Exploration{}, outcome)) << scenario.name;
    }
  }
}

TEST(Coverage, EachRuleOfTheCoreHasAPremiseAndEachWayAName) {
  std::set<std::pair<int, std::string>> known;
  for (const Premise& premise : premises()) {
    EXPECT_TRUE(known.emplace(premise.number, premise.rule).second) << premise.rule;
  }
  const auto has = [&known](const auto& rule) {
    return known.count({rule.number, std::string(rule.name)}) == 1;
  };
  for (const auto& rule : core::invariant::kStateRules<Platform>)
    EXPECT_TRUE(has(rule)) << rule.name;
  for (const auto& rule : core::invariant::kCpuRules<Platform>) EXPECT_TRUE(has(rule)) << rule.name;
  std::set<std::string> names;
  for (std::size_t way = 0; way < static_cast<std::size_t>(core::Way::kCount); ++way) {
    EXPECT_TRUE(names.insert(way_name(way)).second) << way_name(way);
  }
}

TEST(Coverage, OnlyCompleteExplorationsCount) {
  RunReport report;
  report.ways.assign(64, 1);
  report.premises.assign(premises().size(), 1);
  Coverage coverage;
  coverage.add(report);
  const std::size_t all = static_cast<std::size_t>(core::Way::kCount) + premises().size();
  EXPECT_EQ(coverage.missing().size(), all);
  report.complete = true;
  report.ways[static_cast<std::size_t>(core::Way::kRow7)] = 0;
  coverage.add(report);
  ASSERT_EQ(coverage.missing().size(), 1U);
  EXPECT_EQ(coverage.missing()[0], "walk: row 7, the owner moves");
}

TEST(Mutants, AreManyAndEachNamesAScenario) {
  std::set<std::string> names;
  for (const MutantInfo& mutant : mutants()) {
    EXPECT_TRUE(names.insert(mutant.name).second) << mutant.name;
    EXPECT_NE(find_scenario(mutant.scenario), nullptr) << mutant.name;
  }
  EXPECT_GE(names.size(), 50U);
  EXPECT_EQ(names.size() + 1, static_cast<std::size_t>(core::Mutant::kCount));
}

class Complete : public testing::TestWithParam<const char*> {};

TEST_P(Complete, HasNoViolationAndReachesWhatItDeclares) {
  const RunReport report = explore(GetParam());
  EXPECT_TRUE(report.complete);
  EXPECT_FALSE(report.violated) << report.invariant << ": " << report.message << '\n'
                                << report.table;
  EXPECT_TRUE(report.missing.empty());
}

INSTANTIATE_TEST_SUITE_P(Coarse, Complete,
                         testing::Values("inversion", "owner-sleeps", "round-robin-owner",
                                         "fair-slices", "yielding-owner", "two-locks-one-owner",
                                         "deadlock-of-two", "two-tasks", "nested-chain",
                                         "cancelled-sleep", "cancelled-in-a-cycle",
                                         "affinity-of-waiter", "affinity-of-owner", "rank-changes",
                                         "join-lends"),
                         [](const auto& test) {
                           std::string name = test.param;
                           for (char& c : name) c = c == '-' ? '_' : c;
                           return name;
                         });

TEST(Scenarios, TwoTasksAreCompleteInFineMode) {
  const RunReport report = explore("two-tasks", Granularity::kFine);
  EXPECT_TRUE(report.complete);
  EXPECT_FALSE(report.violated) << report.message;
  EXPECT_GT(report.states, explore("two-tasks").states);
}

CheckOptions options_for(const char* scenario) {
  CheckOptions options;
  options.scenario = scenario;
  options.jobs = 1;
  return options;
}

std::string last_line(const std::string& text) {
  const std::size_t end = text.find_last_not_of('\n');
  const std::size_t begin = text.rfind('\n', end);
  return text.substr(begin + 1, end - begin);
}

TEST(Command, AMutantIsCaughtAndItsLineReplays) {
  CheckOptions options = options_for("inversion");
  options.mutant = "E48";
  std::ostringstream out;
  std::ostringstream err;
  EXPECT_EQ(check_command(options, out, err), 1);
  const std::string text = out.str();
  EXPECT_NE(last_line(text).find("1 violation"), std::string::npos) << text;
  const std::size_t begin = text.find("px1 ");
  ASSERT_NE(begin, std::string::npos) << text;
  const std::string line = text.substr(begin, text.find('\'', begin) - begin);

  CheckOptions again;
  again.replay = line;
  std::ostringstream replayed;
  EXPECT_EQ(check_command(again, replayed, err), 1);
  EXPECT_NE(last_line(replayed.str()).find("the violation appears"), std::string::npos);

  // On the shipped core the line goes another way sooner or later.
  std::string shipped = line;
  shipped.replace(shipped.find("mutant=E48"), 10, "mutant=none");
  again.replay = shipped;
  EXPECT_EQ(check_command(again, replayed, err), 2);
  EXPECT_NE(err.str().find(" does not fit: "), std::string::npos) << err.str();
}

TEST(Command, ALivelockReplaysAsALoop) {
  CheckOptions options = options_for("affinity-of-waiter");
  options.mutant = "E24";
  std::ostringstream out;
  std::ostringstream err;
  EXPECT_EQ(check_command(options, out, err), 1);
  const std::string text = out.str();
  const std::size_t begin = text.find("px1 ");
  ASSERT_NE(begin, std::string::npos) << text;
  CheckOptions again;
  again.replay = text.substr(begin, text.find('\'', begin) - begin);
  EXPECT_EQ(check_command(again, out, err), 1) << err.str();
}

TEST(Command, BadNamesListTheNearestOnes) {
  CheckOptions options = options_for("two-task");
  std::ostringstream out;
  std::ostringstream err;
  EXPECT_EQ(check_command(options, out, err), 2);
  EXPECT_NE(err.str().find("two-tasks"), std::string::npos) << err.str();
}

TEST(Command, UnknownFaultsAndInvariantsListTheNearestOnes) {
  std::ostringstream out;
  std::ostringstream err;
  CheckOptions options = options_for("inversion");
  options.mutant = "E048";
  EXPECT_EQ(check_command(options, out, err), 2);
  EXPECT_NE(err.str().find("found mutant 'E048', expected one like E08, E48, E02"),
            std::string::npos)
      << err.str();
  options.mutant = "E48";
  options.invariant = "no lost wakup";
  EXPECT_EQ(check_command(options, out, err), 2);
  EXPECT_NE(err.str().find("expected one like 14 no lost wakeup"), std::string::npos) << err.str();
}

TEST(Command, OneInvariantAloneIsJudged) {
  for (const auto& [name, found] : {std::pair{"6", true},
                                    {"chain end runs", true},
                                    {"6 chain end runs", true},
                                    {"45 no livelock", false}}) {
    CheckOptions options = options_for("inversion");
    options.mutant = "E48";
    options.invariant = name;
    std::ostringstream out;
    std::ostringstream err;
    EXPECT_EQ(check_command(options, out, err), found ? 1 : 0) << name << '\n' << out.str();
    EXPECT_EQ(out.str().find("paths ended where something else broke") != std::string::npos, !found)
        << out.str();
  }
}

// Each rule that the checker's own code names when it is broken can be asked for.
TEST(Names, EachRuleOfTheCheckerIsKnown) {
  const std::regex broken(R"((?:fail|note_breach)\(\s*(\d+), "([^"]+)\")");
  int rules = 0;
  for (const char* file :
       {"ledger.cpp", "machine.cpp", "platform.hpp", "properties.cpp", "world.cpp"}) {
    std::ifstream source(std::string(PX_CHECK_SOURCES) + "/" + file);
    const std::string text{std::istreambuf_iterator<char>(source), {}};
    ASSERT_FALSE(text.empty()) << file;
    for (std::sregex_iterator match(text.begin(), text.end(), broken), end; match != end; ++match) {
      const std::string number = (*match)[1].str();
      const std::string name = (*match)[2].str();
      EXPECT_NO_THROW((void)known_rule(number == "0" ? name : number + " " + name)) << name;
      ++rules;
    }
  }
  EXPECT_GE(rules, 25);
}

TEST(Command, AForeignReplayLineIsRefusedAtItsStep) {
  CheckOptions options;
  options.replay = "px1 scenario=two-tasks cpus=2 steps=0x3,t state=any";
  std::ostringstream out;
  std::ostringstream err;
  EXPECT_EQ(check_command(options, out, err), 2);
  EXPECT_NE(err.str().find("step 4 of 4"), std::string::npos) << err.str();
}

// What `px check --replay` says of a line.
std::pair<int, std::string> replayed(const std::string& line) {
  CheckOptions options;
  options.replay = line;
  std::ostringstream out;
  std::ostringstream err;
  const int status = check_command(options, out, err);
  return {status, out.str() + err.str()};
}

// The line that a seeded fault's violation prints.
std::string line_of(const char* scenario, const char* mutant) {
  RunRequest request;
  request.scenario = find_scenario(scenario);
  request.mutant = find_mutant(mutant);
  request.limits.self_test = false;
  std::string line;
  run_all({request}, 1, false, [&line](const RunReport& r) { line = r.replay; });
  return line;
}

TEST(Command, ALineThatMeetsAnotherStateIsRefusedAtThatStep) {
  const std::string line = line_of("inversion", "E48");
  const std::size_t trail = line.find(" trail=") + 7;
  const std::size_t steps = line.find(" state=") - trail;
  ASSERT_EQ(replayed(line).first, 1) << line;
  for (const std::size_t step : {std::size_t{1}, steps / 2, steps}) {
    std::string damaged = line;
    char& letter = damaged[trail + step - 1];
    letter = letter == 'A' ? 'B' : 'A';
    const auto [status, text] = replayed(damaged);
    EXPECT_EQ(status, 2) << text;
    const std::string expected =
        "step " + std::to_string(step) + " of " + std::to_string(steps) + " does not fit";
    EXPECT_NE(text.find(expected), std::string::npos) << text;
  }
  std::string other_end = line;
  other_end.back() = other_end.back() == '0' ? '1' : '0';
  const auto [status, text] = replayed(other_end);
  EXPECT_EQ(status, 2) << text;
  EXPECT_NE(text.find("step " + std::to_string(steps) + " of"), std::string::npos) << text;
}

TEST(Command, ALineOfAnotherScenarioGranularityOrFaultIsRefused) {
  const std::string line = line_of("inversion", "E48");
  for (const auto& [found, other] : {std::pair{"scenario=inversion", "scenario=owner-sleeps"},
                                     {"scenario=inversion", "scenario=inversions"},
                                     {"granularity=coarse", "granularity=fine"},
                                     {"cpus=1", "cpus=2"},
                                     {"mutant=E48", "mutant=E999"}}) {
    std::string foreign = line;
    foreign.replace(foreign.find(found), std::string(found).size(), other);
    const auto [status, text] = replayed(foreign);
    EXPECT_EQ(status, 2) << other << ": " << text;
  }
}

TEST(Command, ALineWithoutItsEndIsRefused) {
  const std::string line = line_of("inversion", "E48");
  for (const std::size_t length : {line.size() - 1, line.find(" state="), line.find(" trail=") + 9,
                                   line.find(" trail="), line.find(" steps=") + 8}) {
    const auto [status, text] = replayed(line.substr(0, length));
    EXPECT_EQ(status, 2) << text;
    EXPECT_NE(text.find("replay line: found"), std::string::npos) << text;
  }
}

TEST(Command, StopsAtTheMemoryAskedFor) {
  CheckOptions options = options_for("remote-owner");
  options.max_mib = 1;
  std::ostringstream out;
  std::ostringstream err;
  EXPECT_EQ(check_command(options, out, err), 0);
  EXPECT_NE(out.str().find("stopped by the memory limit at "), std::string::npos) << out.str();
  EXPECT_NE(out.str().find(" states: not complete"), std::string::npos) << out.str();
}

// Bytes of address space that this process uses.
std::uint64_t address_space() {
  std::uint64_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  return pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

TEST(Command, OutOfMemoryIsAStopWithACount) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_AS, &before), 0);
  rlimit little = before;
  little.rlim_cur = address_space() + (std::uint64_t{16} << 20);
  ASSERT_EQ(::setrlimit(RLIMIT_AS, &little), 0);
  const RunReport report = explore("deadlock-on-two-cpus");
  ASSERT_EQ(::setrlimit(RLIMIT_AS, &before), 0);
  EXPECT_FALSE(report.complete);
  EXPECT_FALSE(report.violated) << report.invariant << ": " << report.message;
  EXPECT_GT(report.states, 1000U);
  EXPECT_EQ(report.stopped,
            "stopped out of memory at " + std::to_string(report.states) + " states");
}

TEST(Command, TheSelfTestOfDigestsRunsInEveryTier) {
  for (const bool nightly : {false, true}) {
    CheckOptions options = options_for("nested-chain");
    options.nightly = nightly;
    std::ostringstream out;
    std::ostringstream err;
    EXPECT_EQ(check_command(options, out, err), 0);
    EXPECT_NE(out.str().find("self-test: "), std::string::npos) << out.str();
    EXPECT_NE(out.str().find("miss probability "), std::string::npos) << out.str();
  }
}

TEST(Command, StopsAtTheNumberOfStatesAskedFor) {
  CheckOptions options = options_for("remote-owner");
  options.max_states = 1000;
  std::ostringstream out;
  std::ostringstream err;
  EXPECT_EQ(check_command(options, out, err), 0);
  EXPECT_NE(out.str().find("stopped at 1000 states: not complete"), std::string::npos) << out.str();
}

TEST(Schedule, LinesRoundTrip) {
  Schedule schedule;
  schedule.scenario = "two-tasks";
  schedule.granularity = Granularity::kFine;
  schedule.cpus = 2;
  schedule.mutant = "E20";
  schedule.loop = 2;
  schedule.steps = {0, 0, 1, kTimeChoice, kInterruptChoice + 1, kFlushChoice};
  for (const bool recorded : {false, true}) {
    if (recorded) schedule.trail = Trail{"AbC-_9", 0x0123456789abcdef};
    const std::string line = to_line(schedule);
    EXPECT_NE(line.find("steps=0x2,1,t,i1,f0"), std::string::npos) << line;
    EXPECT_NE(line.find(recorded ? " trail=AbC-_9 state=0123456789abcdef" : " state=any"),
              std::string::npos)
        << line;
    const Schedule read = parse_line(line);
    EXPECT_EQ(read.steps, schedule.steps);
    EXPECT_EQ(to_line(read), line);
  }
}

TEST(Schedule, DamagedLinesAreRefused) {
  for (const char* line :
       {"", "px2 scenario=a steps=0 state=any", "px1 steps=0 state=any", "px1 scenario=a state=any",
        "px1 scenario=a steps=9 state=any", "px1 scenario=a steps=0x state=any",
        "px1 scenario=a what=1 state=any", "px1 scenario=a mode=x steps=0 state=any",
        "px1 scenario=a loop=2 steps=0 state=any", "px1 scenario=a steps=0",
        "px1 scenario=a steps=0 state=12", "px1 scenario=a steps=0 trail=A state=any",
        "px1 scenario=a steps=0 state=0123456789abcdef",
        "px1 scenario=a steps=0 trail=AB state=0123456789abcdef"}) {
    EXPECT_THROW((void)parse_line(line), std::invalid_argument) << line;
  }
  EXPECT_NO_THROW((void)parse_line("px1 scenario=a steps=0 trail=A state=0123456789abcdef"));
}

}  // namespace
}  // namespace px::check
