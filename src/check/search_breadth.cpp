// Breadth-first search. Frontier states are kept as differences from the root.
#include <bit>
#include <deque>

#include "check/explorer.hpp"

namespace px::check {

namespace {

struct Node {
  std::uint32_t parent = 0;
  Choice via = 0;
};

Path path_to(const std::vector<Node>& nodes, std::uint32_t node, Choice last) {
  Path path{last};
  for (; node != 0; node = nodes[node].parent) path.push_back(nodes[node].via);
  return {path.rbegin(), path.rend()};
}

}  // namespace

Exploration Explorer::breadth_first() {
  begin();
  StateSet visited(limits_.wide_digest);
  std::vector<Node> nodes(1);
  std::deque<Difference> frontier(1);
  std::size_t frontier_bytes = 0;
  bool added = false;
  (void)visited.find_or_add(machine_.digest(), 0, added);
  result_.states = 1;
  for (std::uint32_t node = 0; !frontier.empty() && !result_.finding; ++node) {
    set_bytes_ = visited.bytes() + frontier_bytes + nodes.capacity() * sizeof(Node);
    look(0, frontier.size());
    result_.peak_bytes = std::max(result_.peak_bytes, set_bytes_);
    if (out_of_limits()) break;
    image_.load(frontier.front());
    frontier_bytes -= frontier.front().bytes();
    frontier.pop_front();
    for (Choices left = machine_.choices(); left != 0; left &= static_cast<Choices>(left - 1)) {
      const auto choice = static_cast<Choice>(std::countr_zero(left));
      Choices enabled = 0;
      if (advance(choice, enabled)) {
        (void)visited.find_or_add(machine_.digest(), 0, added);
        if (added) {
          ++result_.states;
          if (enabled == 0) ++result_.final_states;
          nodes.push_back({node, choice});
          frontier.push_back(image_.difference());
          frontier_bytes += frontier.back().bytes();
        }
      }
      image_.revert();
      if (!result_.finding) continue;
      result_.finding->path = path_to(nodes, node, choice);
      break;
    }
  }
  result_.complete = frontier.empty() && !result_.finding;
  image_.load({});
  result_.miss_probability = visited.miss_probability();
  end();
  return std::move(result_);
}

}  // namespace px::check
