// Scenarios of deadline tasks: budgets that end in mid-section, replenishments, changes of class
// while blocked.
#include "check/catalogue.hpp"
#include "check/scenarios.hpp"

namespace px::check {

namespace {

Scenario& add(std::vector<Scenario>& all, std::string_view name, std::string_view about, int cpus,
              const std::vector<TaskText>& tasks, Outcomes reaches) {
  Scenario& scenario = all.emplace_back(make_scenario(name, cpus, tasks));
  scenario.about = about;
  scenario.reaches = std::move(reaches);
  scenario.slice_ticks = 3;
  scenario.quick_states = 250'000;
  scenario.quick_fine_states = kFineStates;
  return scenario;
}

}  // namespace

void add_deadline_scenarios(std::vector<Scenario>& all) {
  add(all, "throttle-in-section",
      "a deadline donor's budget ends while the lock's owner runs on it", 1,
      {{"L fifo:1", "lock a; run; run; run; unlock a"},
       {"M fifo:2", "sleep 1; run"},
       {"H dl:1/3/3", "sleep 1; lock a; run; unlock a"}},
      {"run-owner", "throttled-donor", "replenished"});
  add(all, "throttled-owner", "an owner without budget runs on for a realtime waiter", 1,
      {{"O dl:1/4/4", "lock a; run; run; unlock a; run"},
       {"F fifo:1", "sleep 1; run"},
       {"H fifo:3", "run; lock a; run; unlock a"}},
      {"run-owner", "throttled", "replenished"});
  add(all, "throttled-waiters", "two deadline waiters and a realtime one; who is throttled is last",
      1,
      {{"L fifo:3", "lock a; run; run; unlock a"},
       {"A dl:1/4/4", "sleep 1; lock a; unlock a"},
       {"B dl:1/8/8", "sleep 1; lock a; unlock a"},
       {"F fifo:2", "sleep 1; lock a; unlock a"}},
      {"run-owner", "throttled-donor", "replenished"});
  add(all, "throttle-across-cpus", "a migrated donor is throttled where its context went", 2,
      {{"L fifo:1 @0 on 0", "lock a; run; run; unlock a"},
       {"M fifo:2 @0 on 0", "sleep 1; run"},
       {"H dl:1/3/3 @1 on 1", "sleep 1; lock a; unlock a"}},
      {"migrated", "throttled-donor", "replenished"})
      .quick_states = 0;
  add(all, "deadline-proxy-yields", "an owner yields on a deadline donor's budget", 1,
      {{"L fifo:1", "lock a; sleep 1; yield; run; unlock a"},
       {"M fifo:2", "sleep 1; run"},
       {"H dl:2/8/8", "lock a; yield; unlock a"}},
      {"run-owner", "parked"});
  add(all, "deadline-class-while-blocked",
      "a waiter becomes a deadline task, is throttled, and becomes fair again while it waits", 1,
      {{"L fifo:1", "lock a; sleep 1; run; run; unlock a"},
       {"H fifo:3", "lock a; run; unlock a"},
       {"C fifo:9", "sleep 1; class H dl:1/4/4; sleep 2; class H fair:0"}},
      {"run-owner", "throttled-donor"});
}

}  // namespace px::check
