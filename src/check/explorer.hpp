// Searches over the states of a machine. Each starts from the machine's present state and leaves it
// there again. Stateful ones remember states by digest; the random ones remember nothing.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/prng.hpp"
#include "check/image.hpp"
#include "check/state_set.hpp"

namespace px::check {

struct Limits {
  std::uint64_t max_states = UINT64_MAX;
  std::uint64_t max_bytes = std::uint64_t{12} << 30;
  std::uint64_t max_executions = UINT64_MAX;  // of the random searches
  double seconds = 1e9;
  bool wide_digest = false;
  bool self_test = true;  // depth-first: compare the futures of states with equal digests
  bool livelocks = true;  // depth-first: look for progress-free cycles
  std::uint64_t seed = 0;
  std::string rule;  // only what breaks it counts, see breaks(); empty: any rule
};

using Path = std::vector<Choice>;

// By which a replay sees that it passes the states that were recorded, and no others.
struct Trail {
  std::string marks;      // one letter by step: of the digest of the state that the step leaves
  std::uint64_t end = 0;  // the digest of the last state in which every rule held
};

struct Finding {
  Breach breach;
  Path path;
  std::size_t loop = 0;  // of a livelock: the last so many steps lead back to where they began
  Path other;            // of a failed self-test: the other way to the same digest
};

struct Exploration {
  std::uint64_t states = 0;  // distinct ones; of the random searches: steps
  std::uint64_t transitions = 0;
  std::uint64_t executions = 0;    // of the random searches
  std::uint64_t final_states = 0;  // nothing enabled
  std::uint64_t dead_paths = 0;    // ended by an assertion or a rule that was to be ignored
  std::uint64_t max_depth = 0;
  std::uint64_t compared = 0;  // states whose successors were compared by the self-test
  double seconds = 0;
  double miss_probability = 0;
  bool complete = false;
  std::string stopped;  // why it is not
  Path stopped_at;      // depth-first: where the search stood then
  std::size_t state_bytes = 0;
  std::size_t peak_bytes = 0;
  std::uint64_t dirty_lines = 0;         // changed by transitions, of kLine bytes
  std::uint64_t copied_lines = 0;        // to remember states and to go back to them
  std::array<std::uint64_t, 64> ways{};  // transitions that took each way
  std::optional<Finding> finding;
};

struct ProgressReport {
  std::uint64_t states = 0;
  std::uint64_t transitions = 0;
  double seconds = 0;
  std::uint64_t depth = 0;
  std::uint64_t frontier = 0;
};
using Progress = std::function<void(const ProgressReport&)>;

// Is it a rule by that name: its number, its words, or both ("14", "no lost wakeup")?
[[nodiscard]] bool goes_by(const Breach& breach, std::string_view name);

class Explorer {
 public:
  Explorer(Machine& machine, const Limits& limits, Progress progress = {});

  [[nodiscard]] Exploration depth_first();
  // The finding, if any, is one of the shortest.
  [[nodiscard]] Exploration breadth_first();
  // All schedules with at most `bound` preemptions: a switch away from a CPU that could have gone
  // on, or an interrupt or time step taken while it could.
  [[nodiscard]] Exploration bounded(int bound);
  // Executions that choose uniformly.
  [[nodiscard]] Exploration random();
  // Probabilistic concurrency testing (Burckhardt et al., ASPLOS 2010): random priorities of the
  // agents and `depth` - 1 random places where the highest one falls to the bottom; uniform after
  // 2000 steps, so that waiting loops end.
  [[nodiscard]] Exploration pct(int depth);
  // What a search that was left by an exception had counted.
  [[nodiscard]] const Exploration& so_far() const { return result_; }
  // Follows a path. Throws std::invalid_argument naming the step where it does not fit, or where
  // the states are no longer those of `recorded`, if there is one. No finding: the path ended
  // without one.
  [[nodiscard]] Exploration replay(const Path& path, const Trail* recorded = nullptr);
  // Of a path that fits, as far as it gets.
  [[nodiscard]] Trail trail_of(const Path& path);
  // Do the last `loop` steps of the path lead back to the state in which they begin, without
  // progress? Steps that do not fit: no.
  [[nodiscard]] bool closes_loop(const Path& path, std::size_t loop);

 private:
  struct Frame {
    Choices left = 0;
    Choice taken = 0;
    std::uint32_t index = 0;
  };
  struct Edge {
    std::uint32_t from;
    std::uint32_t to;
    Choice choice;
  };
  // A state whose successors are remembered, to be compared when it is reached another way.
  struct Sample {
    std::array<std::uint64_t, kChoiceCount> next{};
    Choices enabled = 0;
    bool complete = false;
    Path path;  // how it was first reached
  };

  void begin();
  void end();
  void look(std::uint64_t depth, std::uint64_t frontier);
  [[nodiscard]] bool out_of_limits();
  void count_ways();
  void found(const Breach& breach);
  [[nodiscard]] bool counts(const Breach& breach) const {
    return limits_.rule.empty() || goes_by(breach, limits_.rule);
  }
  // Steps and judges the state reached. False: the path ends here.
  [[nodiscard]] bool advance(Choice choice, Choices& enabled);
  [[nodiscard]] Path path_of(const std::vector<Frame>& stack) const;
  [[nodiscard]] bool expand(std::vector<Frame>& stack, StateSet& visited);
  [[nodiscard]] bool compare_sample(const Digest& digest, Choices enabled, const Path& path);
  [[noreturn]] void refuse(const Path& path, std::size_t at, const char* why);
  void find_livelock(const std::vector<Edge>& edges, const std::vector<Choices>& enabled);
  [[nodiscard]] bool run_once(Prng& random, int depth);
  [[nodiscard]] Choice choose(Prng& random, Choices enabled, std::array<int, kChoiceCount>& ranks,
                              bool uniform);

  Machine& machine_;
  Limits limits_;
  Progress progress_;
  Image image_;
  Exploration result_;
  std::chrono::steady_clock::time_point start_;
  double last_report_ = 0;
  std::uint64_t looks_ = 0;
  std::size_t set_bytes_ = 0;
  std::unordered_map<std::uint64_t, Sample> samples_;
  std::vector<Edge> edges_;
  std::vector<Choices> enabled_of_;
  std::vector<std::uint32_t> parent_;  // of each state, by its number, in the depth-first tree
  std::vector<Choice> via_;
};

}  // namespace px::check
