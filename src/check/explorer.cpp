#include "check/explorer.hpp"

#include <algorithm>
#include <bit>
#include <stdexcept>
#include <string_view>

#include "check/text.hpp"

namespace px::check {

namespace {

constexpr std::uint64_t kDeadNext = 1;
// One state in 64 is a sample of the digest's self-test, up to this many.
constexpr std::size_t kMaxSamples = 4000;

// Six bits of a digest as a letter.
char mark_of(std::uint64_t digest) {
  constexpr std::string_view kLetters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  return kLetters[digest >> 58];
}

Choice first_of(Choices choices) { return static_cast<Choice>(std::countr_zero(choices)); }

}  // namespace

bool goes_by(const Breach& breach, std::string_view name) {
  const std::string number = std::to_string(breach.number);
  if (name == breach.name) return true;
  return breach.number != 0 && (name == number || name == concat({number, " ", breach.name}));
}

Explorer::Explorer(Machine& machine, const Limits& limits, Progress progress)
    : machine_(machine), limits_(limits), progress_(std::move(progress)), image_(machine) {}

void Explorer::begin() {
  result_ = {};
  image_.forget_traffic();
  start_ = std::chrono::steady_clock::now();
  last_report_ = 0;
  looks_ = 0;
  set_bytes_ = 0;
  samples_.clear();
  edges_.clear();
  enabled_of_.clear();
  parent_.clear();
  via_.clear();
}

void Explorer::end() {
  result_.seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  result_.state_bytes = image_.state_bytes();
  result_.dirty_lines = image_.traffic().dirty;
  result_.copied_lines = image_.traffic().copied;
}

void Explorer::look(std::uint64_t depth, std::uint64_t frontier) {
  result_.max_depth = std::max(result_.max_depth, depth);
  if ((++looks_ & 0xfff) != 0) return;
  const double now =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  result_.seconds = now;
  const std::size_t graph = edges_.capacity() * sizeof(Edge) +
                            enabled_of_.capacity() * sizeof(Choices) +
                            parent_.capacity() * sizeof(std::uint32_t) + via_.capacity();
  result_.peak_bytes = std::max(result_.peak_bytes, set_bytes_ + image_.log_bytes() + graph);
  if (now - last_report_ < 2 || !progress_) return;
  last_report_ = now;
  progress_({result_.states, result_.transitions, now, depth, frontier});
}

bool Explorer::out_of_limits() {
  if (result_.states >= limits_.max_states) {
    result_.stopped = concat({"stopped at ", std::to_string(result_.states), " states"});
  } else if (result_.seconds >= limits_.seconds) {
    result_.stopped =
        concat({"stopped by the time limit at ", std::to_string(result_.states), " states"});
  } else if (result_.peak_bytes >= limits_.max_bytes) {
    result_.stopped =
        concat({"stopped by the memory limit at ", std::to_string(result_.states), " states"});
  } else {
    return false;
  }
  return true;
}

void Explorer::count_ways() {
  for (std::uint64_t ways = machine_.covered(); ways != 0; ways &= ways - 1) {
    ++result_.ways[static_cast<std::size_t>(std::countr_zero(ways))];
  }
}

bool Explorer::advance(Choice choice, Choices& enabled) {
  ++result_.transitions;
  if (!machine_.step(choice)) {
    if (machine_.dead_path() || !counts(machine_.breach())) {
      ++result_.dead_paths;
    } else {
      found(machine_.breach());
    }
    return false;
  }
  if (machine_.covered() != 0) count_ways();
  enabled = machine_.choices();
  if (!machine_.state_holds(enabled)) {
    if (counts(machine_.breach())) {
      found(machine_.breach());
    } else {
      ++result_.dead_paths;
    }
    return false;
  }
  return true;
}

void Explorer::found(const Breach& breach) {
  result_.finding.emplace();
  result_.finding->breach = breach;
}

Path Explorer::path_of(const std::vector<Frame>& stack) const {
  Path path;
  for (const Frame& frame : stack) path.push_back(frame.taken);
  return path;
}

// --- Depth first

// Takes the next choice of the top frame. False: the search is over.
bool Explorer::expand(std::vector<Frame>& stack, StateSet& visited) {
  Frame& frame = stack.back();
  const Choice choice = first_of(frame.left);
  frame.left &= static_cast<Choices>(frame.left - 1);
  frame.taken = choice;
  Choices enabled = 0;
  if (!advance(choice, enabled)) {
    if (result_.finding) {
      result_.finding->path = path_of(stack);
      image_.revert();
      return false;
    }
    image_.revert();
    return true;
  }
  const Digest digest = machine_.digest();
  bool added = false;
  const std::uint32_t index =
      visited.find_or_add(digest, static_cast<std::uint32_t>(result_.states), added);
  if (limits_.livelocks && !machine_.progressed()) edges_.push_back({frame.index, index, choice});
  if (!added) {
    const bool sampled = limits_.self_test && (digest.second() & 63) == 0;
    if (sampled && !compare_sample(digest, enabled, path_of(stack))) return false;
    image_.revert();
    return true;
  }
  ++result_.states;
  if (limits_.livelocks) {
    enabled_of_.push_back(enabled);
    parent_.push_back(frame.index);
    via_.push_back(choice);
  }
  if (enabled == 0) ++result_.final_states;
  image_.keep();
  stack.push_back({enabled, 0, index});
  return true;
}

Exploration Explorer::depth_first() {
  begin();
  StateSet visited(limits_.wide_digest);
  std::vector<Frame> stack;
  bool added = false;
  const Choices enabled = machine_.choices();
  (void)visited.find_or_add(machine_.digest(), 0, added);
  result_.states = 1;
  if (limits_.livelocks) {
    enabled_of_.push_back(enabled);
    parent_.push_back(0);
    via_.push_back(0);
  }
  stack.push_back({enabled, 0, 0});
  const std::size_t levels = image_.levels();
  bool going = true;
  while (going && !stack.empty()) {
    set_bytes_ = visited.bytes() + stack.capacity() * sizeof(Frame);
    look(stack.size(), stack.size());
    if ((looks_ & 0xff) == 0 && out_of_limits()) break;
    if (result_.states >= limits_.max_states && out_of_limits()) break;
    if (stack.back().left == 0) {
      stack.pop_back();
      if (!stack.empty()) image_.undo();
      continue;
    }
    going = expand(stack, visited);
  }
  result_.complete = stack.empty();
  if (!result_.stopped.empty()) result_.stopped_at = path_of(stack);
  while (image_.levels() > levels) image_.undo();
  result_.miss_probability = visited.miss_probability();
  if (result_.complete && limits_.livelocks) find_livelock(edges_, enabled_of_);
  end();
  return std::move(result_);
}

// The digest is a state's identity only if equal digests have equal futures. A sample's successors
// are worked out when it is first reached by a second path, and compared at each further one.
bool Explorer::compare_sample(const Digest& digest, Choices enabled, const Path& path) {
  const auto known = samples_.find(digest.first());
  if (known == samples_.end() && samples_.size() >= kMaxSamples) return true;
  Sample& sample = known != samples_.end() ? known->second : samples_[digest.first()];
  Sample now;
  now.enabled = enabled;
  image_.keep();
  for (Choices left = enabled; left != 0; left &= static_cast<Choices>(left - 1)) {
    const Choice choice = first_of(left);
    now.next[choice] = machine_.step(choice) ? machine_.digest().first() : kDeadNext;
    image_.revert();
  }
  image_.undo();
  // undo() went back to the state before the step under way; so the step's own image is gone, which
  // is what the caller's revert() would do.
  if (!sample.complete) {
    sample = now;
    sample.complete = true;
    sample.path = path;
    return true;
  }
  ++result_.compared;
  if (sample.enabled == now.enabled && sample.next == now.next) return true;
  std::string where;
  for (Choice choice = 0; choice < kChoiceCount; ++choice) {
    if (sample.next[choice] != now.next[choice]) where += concat({" ", std::to_string(choice)});
  }
  found({0, "digest self-test",
         concat({"two states with one digest have different successors; choices:", where})});
  result_.finding->path = path;
  result_.finding->other = sample.path;
  return false;
}

// --- Replay

void Explorer::refuse(const Path& path, std::size_t at, const char* why) {
  image_.restart();
  throw std::invalid_argument(concat({"step ", std::to_string(at + 1), " of ",
                                      std::to_string(path.size()), " does not fit: ", why}));
}

Exploration Explorer::replay(const Path& path, const Trail* recorded) {
  constexpr const char* kDiverged =
      "the state is not the one that was recorded; the line is damaged, or another core's";
  begin();
  Choices enabled = machine_.choices();
  std::uint64_t last = machine_.digest().first();
  std::size_t i = 0;
  for (bool going = true; going && i < path.size(); ++i) {
    if (recorded != nullptr && mark_of(last) != recorded->marks[i]) refuse(path, i, kDiverged);
    if ((enabled & bit(path[i])) == 0) refuse(path, i, "it is not enabled there");
    ++result_.states;
    going = advance(path[i], enabled);
    if (going) last = machine_.digest().first();
  }
  if (recorded != nullptr && i == path.size() && last != recorded->end) {
    refuse(path, i - 1, kDiverged);
  }
  if (result_.finding) {
    result_.finding->path.assign(path.begin(), path.begin() + static_cast<std::ptrdiff_t>(i));
  }
  image_.restart();
  end();
  return std::move(result_);
}

Trail Explorer::trail_of(const Path& path) {
  Trail trail;
  trail.end = machine_.digest().first();
  for (const Choice choice : path) {
    trail.marks += mark_of(trail.end);
    const bool holds = machine_.step(choice) && machine_.state_holds(machine_.choices());
    if (!holds) break;
    trail.end = machine_.digest().first();
  }
  image_.restart();
  return trail;
}

bool Explorer::closes_loop(const Path& path, std::size_t loop) {
  Digest head = machine_.digest();
  bool fits = true;
  for (std::size_t i = 0; i < path.size() && fits; ++i) {
    if (i == path.size() - loop) head = machine_.digest();
    fits = (machine_.choices() & bit(path[i])) != 0 && machine_.step(path[i]) &&
           (i < path.size() - loop || !machine_.progressed());
  }
  const bool closed = fits && machine_.digest() == head;
  image_.restart();
  return closed;
}

}  // namespace px::check
