#include "trace/excerpt.hpp"

#include <algorithm>
#include <vector>

#include "base/check.hpp"

namespace px::trace {

namespace {

template <typename T>
std::vector<T> cut(const std::vector<T>& intervals, Nanos from, Nanos to) {
  std::vector<T> kept;
  for (T interval : intervals) {
    interval.start_ns = std::max(interval.start_ns, from) - from;
    interval.end_ns = std::min(interval.end_ns, to) - from;
    if (interval.start_ns < interval.end_ns) kept.push_back(interval);
  }
  return kept;
}

}  // namespace

RunResult excerpt_of(const RunResult& result, Nanos from, Nanos to) {
  PX_CHECK(from <= to, "an excerpt does not end before it begins");
  RunResult part;
  part.world = result.world;
  part.cpus = result.cpus;
  part.protocol = result.protocol;
  part.placement = result.placement;
  part.seed = result.seed;
  part.duration_ns = to - from;
  part.tasks.resize(result.tasks.size());
  for (std::size_t i = 0; i < result.tasks.size(); ++i) {
    part.tasks[i].name = result.tasks[i].name;
    part.tasks[i].policy = result.tasks[i].policy;
  }
  part.locks.resize(result.locks.size());
  for (std::size_t i = 0; i < result.locks.size(); ++i) part.locks[i].name = result.locks[i].name;
  part.segments = cut(result.segments, from, to);
  part.waits = cut(result.waits, from, to);
  part.holds = cut(result.holds, from, to);
  part.runnable = cut(result.runnable, from, to);
  for (Handoff handoff : result.handoffs) {
    if (handoff.at_ns < from || handoff.at_ns >= to) continue;
    handoff.at_ns -= from;
    part.handoffs.push_back(handoff);
  }
  return part;
}

}  // namespace px::trace
