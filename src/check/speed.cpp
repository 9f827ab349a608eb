#include "check/speed.hpp"

#include "check/explorer.hpp"
#include "check/names.hpp"
#include "check/world.hpp"

namespace px::check {

namespace {

Speed explore(std::string_view scenario, bool fine, const Limits& limits, bool random) {
  WorldOptions options;
  options.granularity = fine ? Granularity::kFine : Granularity::kCoarse;
  World world(known_scenario(scenario), options);
  Explorer explorer(world, limits);
  const Exploration result = random ? explorer.random() : explorer.depth_first();
  Speed speed;
  speed.transitions = result.transitions;
  speed.seconds = result.seconds;
  speed.state_bytes = static_cast<double>(result.state_bytes);
  speed.copied_bytes = static_cast<double>(result.copied_lines * kLine);
  speed.dirty_lines =
      static_cast<double>(result.dirty_lines) / static_cast<double>(result.transitions);
  speed.peak_bytes = static_cast<double>(result.peak_bytes);
  return speed;
}

}  // namespace

Speed stateful_speed(std::string_view scenario, bool fine, std::uint64_t max_states) {
  Limits limits;
  limits.max_states = max_states;
  return explore(scenario, fine, limits, false);
}

Speed random_speed(std::string_view scenario, bool fine, std::uint64_t executions) {
  Limits limits;
  limits.max_executions = executions;
  return explore(scenario, fine, limits, true);
}

}  // namespace px::check
