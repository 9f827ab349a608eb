// Livelock: a strongly connected component of the explored graph, over edges that are no progress,
// in which every agent that is ever enabled also takes a step. (R. Tarjan, "Depth-First Search and
// Linear Graph Algorithms", 1972.) That is strong fairness: a CPU that waits for a core lock which
// is free again and again gets it at last. Of the agents only those are enabled at times that wait
// for a core lock, or for time to pass; all others, once enabled, stay so until they step.
#include <algorithm>
#include <bit>

#include "check/explorer.hpp"
#include "check/text.hpp"

namespace px::check {

namespace {

struct Graph {
  std::vector<std::uint32_t> first;  // of each state's edges; one more entry than states
  std::vector<std::uint32_t> to;
  std::vector<Choice> choice;
};

// Numbers the components; states of one component have the same number.
class Components {
 public:
  explicit Components(const Graph& graph)
      : graph_(graph), low_(graph.first.size() - 1), component_(low_.size(), kNone) {
    for (std::uint32_t state = 0; state < low_.size(); ++state) {
      if (low_[state] == 0) visit(state);
    }
  }
  [[nodiscard]] std::uint32_t of(std::uint32_t state) const { return component_[state]; }
  [[nodiscard]] std::uint32_t count() const { return count_; }

 private:
  static constexpr std::uint32_t kNone = UINT32_MAX;
  struct Call {
    std::uint32_t state;
    std::uint32_t edge;
    std::uint32_t number;
  };

  void open(std::uint32_t state) {
    low_[state] = ++time_;
    calls_.push_back({state, graph_.first[state], time_});
    members_.push_back(state);
  }

  void visit(std::uint32_t root) {
    open(root);
    while (!calls_.empty()) {
      Call& call = calls_.back();
      if (call.edge < graph_.first[call.state + 1]) {
        const std::uint32_t next = graph_.to[call.edge++];
        if (low_[next] == 0) {
          open(next);
        } else if (component_[next] == kNone) {
          low_[call.state] = std::min(low_[call.state], low_[next]);
        }
        continue;
      }
      close();
    }
  }

  void close() {
    const Call call = calls_.back();
    calls_.pop_back();
    if (low_[call.state] == call.number) {
      std::uint32_t member = 0;
      do {
        member = members_.back();
        members_.pop_back();
        component_[member] = count_;
      } while (member != call.state);
      ++count_;
    }
    if (!calls_.empty()) {
      auto& above = low_[calls_.back().state];
      above = std::min(above, low_[call.state]);
    }
  }

  const Graph& graph_;
  std::vector<std::uint32_t> low_;
  std::vector<std::uint32_t> component_;
  std::vector<std::uint32_t> members_;
  std::vector<Call> calls_;
  std::uint32_t time_ = 0;
  std::uint32_t count_ = 0;
};

// Walks inside one component.
class Walker {
 public:
  Walker(const Graph& graph, const Components& components, std::uint32_t start)
      : graph_(graph), components_(components), at_(start) {}

  // The shortest way to an edge that `wanted` accepts, that edge included.
  template <typename F>
  void walk_to(Path& path, F wanted) {
    std::vector<Edge> edges;
    std::vector<std::int64_t> before;
    std::vector<std::uint32_t> seen{at_};
    std::size_t next = 0;
    std::vector<std::int64_t> arrived{-1};
    for (; next < seen.size(); ++next) {
      const std::uint32_t state = seen[next];
      for (std::uint32_t e = graph_.first[state]; e < graph_.first[state + 1]; ++e) {
        if (components_.of(graph_.to[e]) != components_.of(at_)) continue;
        edges.push_back({graph_.to[e], graph_.choice[e]});
        before.push_back(arrived[next]);
        if (wanted(edges.back())) {
          finish(path, edges, before);
          return;
        }
        if (std::find(seen.begin(), seen.end(), graph_.to[e]) != seen.end()) continue;
        seen.push_back(graph_.to[e]);
        arrived.push_back(static_cast<std::int64_t>(edges.size()) - 1);
      }
    }
  }

  struct Edge {
    std::uint32_t to;
    Choice choice;
  };

 private:
  void finish(Path& path, const std::vector<Edge>& edges, const std::vector<std::int64_t>& before) {
    Path way;
    for (auto e = static_cast<std::int64_t>(edges.size()) - 1; e >= 0;
         e = before[static_cast<std::size_t>(e)]) {
      way.push_back(edges[static_cast<std::size_t>(e)].choice);
    }
    path.insert(path.end(), way.rbegin(), way.rend());
    at_ = edges.back().to;
  }

  const Graph& graph_;
  const Components& components_;
  std::uint32_t at_;
};

}  // namespace

void Explorer::find_livelock(const std::vector<Edge>& edges, const std::vector<Choices>& enabled) {
  const Breach livelock = {
      45, "no livelock",
      "from here on the CPUs can go round for ever, each taking its turn, without a task's "
      "instruction being carried out"};
  if (!counts(livelock)) return;
  Graph graph;
  graph.first.assign(enabled.size() + 1, 0);
  for (const Edge& edge : edges) ++graph.first[edge.from + 1];
  for (std::size_t i = 1; i < graph.first.size(); ++i) graph.first[i] += graph.first[i - 1];
  graph.to.resize(edges.size());
  graph.choice.resize(edges.size());
  std::vector<std::uint32_t> at = graph.first;
  for (const Edge& edge : edges) {
    graph.to[at[edge.from]] = edge.to;
    graph.choice[at[edge.from]++] = edge.choice;
  }
  const Components components(graph);
  std::vector<Choices> ever(components.count(), 0);
  std::vector<Choices> steps(components.count(), 0);
  for (std::uint32_t state = 0; state < enabled.size(); ++state) {
    ever[components.of(state)] |= enabled[state];
  }
  for (const Edge& edge : edges) {
    const std::uint32_t component = components.of(edge.from);
    if (component == components.of(edge.to)) steps[component] |= bit(edge.choice);
  }
  for (std::uint32_t state = 0; state < enabled.size(); ++state) {
    const std::uint32_t component = components.of(state);
    if (steps[component] == 0 || (ever[component] & ~steps[component]) != 0) continue;
    Path path;
    for (std::uint32_t s = state; s != 0; s = parent_[s]) path.push_back(via_[s]);
    std::reverse(path.begin(), path.end());
    found(livelock);
    const std::size_t prefix = path.size();
    Walker walker(graph, components, state);
    for (Choice choice = 0; choice < kChoiceCount; ++choice) {
      if ((ever[component] & bit(choice)) == 0) continue;
      walker.walk_to(path, [choice](const Walker::Edge& edge) { return edge.choice == choice; });
    }
    walker.walk_to(path, [state](const Walker::Edge& edge) { return edge.to == state; });
    result_.finding->loop = path.size() - prefix;
    result_.finding->path = std::move(path);
    return;
  }
}

}  // namespace px::check
