// Searches that remember nothing: uniform choices, and probabilistic concurrency testing.
#include <bit>

#include "check/explorer.hpp"

namespace px::check {

namespace {

constexpr int kPctSteps = 2000;     // after that a priority schedule may spin for ever
constexpr int kMaxSteps = 100'000;  // an execution longer than that is given up

}  // namespace

Choice Explorer::choose(Prng& random, Choices enabled, std::array<int, kChoiceCount>& ranks,
                        bool uniform) {
  if (uniform) {
    auto skip = random.between(0, std::popcount(enabled) - 1);
    for (; skip > 0; --skip) enabled &= static_cast<Choices>(enabled - 1);
    return static_cast<Choice>(std::countr_zero(enabled));
  }
  Choice best = static_cast<Choice>(std::countr_zero(enabled));
  for (Choice choice = best; choice < kChoiceCount; ++choice) {
    const std::size_t at = choice;
    if ((enabled & bit(choice)) != 0 && ranks[at] > ranks[best]) best = choice;
  }
  return best;
}

// One execution from the root. False: it ended with a finding. `depth` 0: uniform.
bool Explorer::run_once(Prng& random, int depth) {
  std::array<int, kChoiceCount> ranks{};
  for (int& rank : ranks) rank = static_cast<int>(random.between(depth, 1 << 20));
  std::vector<std::int64_t> changes;
  for (int i = 1; i < depth; ++i) changes.push_back(random.between(1, 200));
  Path path;
  Choices enabled = machine_.choices();
  while (enabled != 0 && path.size() < kMaxSteps) {
    const auto step = static_cast<std::int64_t>(path.size());
    const Choice choice = choose(random, enabled, ranks, depth == 0 || step > kPctSteps);
    for (std::size_t i = 0; i < changes.size(); ++i) {
      if (changes[i] == step) ranks[choice] = static_cast<int>(i);
    }
    path.push_back(choice);
    if (!advance(choice, enabled)) {
      if (result_.finding) result_.finding->path = path;
      break;
    }
  }
  result_.max_depth = std::max<std::uint64_t>(result_.max_depth, path.size());
  result_.states += path.size();
  ++result_.executions;
  image_.restart();
  return !result_.finding;
}

Exploration Explorer::random() { return pct(0); }

Exploration Explorer::pct(int depth) {
  begin();
  Prng random(limits_.seed);
  while (result_.executions < limits_.max_executions && run_once(random, depth)) {
    look(result_.max_depth, 0);
    result_.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    if (out_of_limits()) break;
  }
  result_.complete = false;
  if (!result_.finding && result_.stopped.empty()) result_.stopped = "stopped after its executions";
  end();
  return std::move(result_);
}

}  // namespace px::check
