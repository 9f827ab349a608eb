// How the built-in scenarios are put together: groups of them, each in a function of its own.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "check/scenario.hpp"

namespace px::check {

// Of the quick tier in fine granularity, where a scenario is there for its coarse exploration.
inline constexpr std::uint64_t kFineStates = 60'000;

using Outcomes = std::vector<std::string>;

class Catalogue {
 public:
  // `reaches`: the outcomes of find_proxy_task that the scenario is there for.
  Scenario& add(std::string_view name, std::string_view about, int cpus,
                const std::vector<TaskText>& tasks, Outcomes reaches = {}) {
    Scenario& scenario = all.emplace_back(make_scenario(name, cpus, tasks));
    scenario.about = about;
    scenario.reaches = std::move(reaches);
    return scenario;
  }
  std::vector<Scenario> all;
};

// Owners and waiters on different CPUs: chains, trees, sleeping and moving owners, and what changes
// on the way (scenarios_remote.cpp).
void remote_owners(Catalogue& c);
// Waits that end by themselves, are ended, or come again (scenarios_waits.cpp).
void waits(Catalogue& c);
// Push and pull, and what moves with an owner (scenarios_balance.cpp).
void balancing(Catalogue& c);
// CPUs that go offline and come back (scenarios_hotplug.cpp).
void hotplug(Catalogue& c);
// Semaphores and conditions (scenarios_events.cpp).
void events(Catalogue& c);
// Locks that may be shared (scenarios_shared.cpp).
void shared_locks(Catalogue& c);
// scenarios_protocols.cpp: locks under `inherit`, `protect` and `none`, alone and in mixed chains.
void lock_protocols(Catalogue& c);

}  // namespace px::check
