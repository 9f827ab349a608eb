#include "trace/inversion.hpp"

#include <algorithm>
#include <limits>

namespace px::trace {

namespace {

constexpr std::int64_t kIdleRank = std::numeric_limits<std::int64_t>::min();

bool is_task(const RunState& state, std::uint32_t task) { return task < state.tasks.size(); }

// Without one of these nobody is inverted, however many wait.
bool some_owner_is_runnable(const RunState& state) {
  const auto& contended = state.waits.contended_locks();
  return std::any_of(contended.begin(), contended.end(), [&](std::uint32_t lock) {
    const std::uint32_t owner = state.waits.owner_of(lock);
    return owner != kNoTask && state.runnable(owner);
  });
}

// Does the blocked-on chain of `task`, itself included, pass `wanted`? `end` stops the walk.
bool chain_has(const RunState& state, std::uint32_t task, std::uint32_t wanted, std::uint32_t end) {
  while (task != wanted && task != end) task = state.waits.owner_of(state.waits.lock_of(task));
  return task == wanted;
}

}  // namespace

void InversionFinder::find(const RunState& state, std::vector<std::uint32_t>& inverted) {
  inverted.clear();
  if (!some_owner_is_runnable(state)) return;
  ++call_;
  for (const std::uint32_t task : state.waits.blocked_tasks()) {
    const std::uint32_t end = end_of(state, task);
    if (end == kNoTask || !state.runnable(end)) continue;
    const Bar& bar = bar_of(state, end);
    const bool is_inverted = state.tasks[task].fair
                                 ? !(bar.chain_runs && runs_for_chain_of(state, task, end))
                                 : state.tasks[task].rank > bar.rank;
    if (is_inverted) inverted.push_back(task);
  }
}

// The end of the chain of a blocked task; kNoTask if the chain has none. Remembers the answer for
// every task that it passes, so that a call of find() takes each link once.
std::uint32_t InversionFinder::end_of(const RunState& state, std::uint32_t task) {
  path_.clear();
  std::uint32_t at = task;
  while (at != kNoTask && state.waits.blocked(at) && ends_[at].call != call_) {
    // Should the walk come back here, it finds a chain without an end: a cycle.
    ends_[at] = {call_, kNoTask};
    path_.push_back(at);
    at = state.waits.owner_of(state.waits.lock_of(at));
  }
  const std::uint32_t end = at == kNoTask || !state.waits.blocked(at) ? at : ends_[at].task;
  for (const std::uint32_t passed : path_) ends_[passed].task = end;
  return end;
}

const InversionFinder::Bar& InversionFinder::bar_of(const RunState& state, std::uint32_t end) {
  Bar& bar = bars_[end];
  if (bar.call == call_) return bar;
  bar = {call_, kIdleRank, false};
  for (std::size_t cpu = 0; cpu < state.cpus.size(); ++cpu) {
    if (!state.may_use(end, cpu)) continue;
    const std::uint32_t donor = state.cpus[cpu].donor;
    if (!is_task(state, donor)) continue;
    bar.rank = std::max(bar.rank, state.tasks[donor].rank);
    const std::uint32_t donor_end = state.waits.blocked(donor) ? end_of(state, donor) : donor;
    bar.chain_runs = bar.chain_runs || donor_end == end;
  }
  return bar;
}

bool InversionFinder::runs_for_chain_of(const RunState& state, std::uint32_t task,
                                        std::uint32_t end) const {
  for (std::size_t cpu = 0; cpu < state.cpus.size(); ++cpu) {
    if (!state.may_use(end, cpu)) continue;
    const std::uint32_t donor = state.cpus[cpu].donor;
    if (is_task(state, donor) && chain_has(state, task, donor, end)) return true;
  }
  return false;
}

}  // namespace px::trace
