// Depth-first search with a bound on preemptions. What decides whether a state must be looked at
// again is the state, the CPU that ran last, and how many preemptions are left: a state is expanded
// anew when it is reached with more of them left than ever before. Nothing else is pruned, so every
// schedule within the bound is covered.
#include <bit>

#include "check/explorer.hpp"

namespace px::check {

namespace {

constexpr std::uint8_t kNobody = 0xff;

struct BoundedFrame {
  Choices enabled = 0;
  Choices left = 0;
  Choice taken = 0;
  std::uint8_t last = kNobody;  // the CPU that ran last
  bool waits = false;           // and it is in a waiting loop
  int spent = 0;
};

// A preemption: the CPU that ran last could have gone on, and something else happens. One that
// waits for somebody else gives way for nothing.
int cost_of(const BoundedFrame& frame, Choice choice) {
  if (frame.last == kNobody || choice == frame.last || frame.waits) return 0;
  return (frame.enabled & bit(frame.last)) != 0 ? 1 : 0;
}

std::uint8_t last_after(const BoundedFrame& frame, Choice choice) {
  return choice < kFlushChoice ? static_cast<std::uint8_t>(choice % 4) : frame.last;
}

}  // namespace

Exploration Explorer::bounded(int bound) {
  begin();
  StateSet visited(limits_.wide_digest);
  std::vector<BoundedFrame> stack;
  const Choices first = machine_.choices();
  stack.push_back({first, first, 0, kNobody, false, 0});
  result_.states = 1;
  const std::size_t levels = image_.levels();
  while (!stack.empty()) {
    set_bytes_ = visited.bytes() + stack.capacity() * sizeof(BoundedFrame);
    look(stack.size(), stack.size());
    if (out_of_limits()) break;
    BoundedFrame& frame = stack.back();
    if (frame.left == 0) {
      stack.pop_back();
      if (!stack.empty()) image_.undo();
      continue;
    }
    const auto choice = static_cast<Choice>(std::countr_zero(frame.left));
    frame.left &= static_cast<Choices>(frame.left - 1);
    const int spent = frame.spent + cost_of(frame, choice);
    if (spent > bound) continue;
    frame.taken = choice;
    const std::uint8_t last = last_after(frame, choice);
    Choices enabled = 0;
    if (!advance(choice, enabled)) {
      image_.revert();
      if (!result_.finding) continue;
      for (const BoundedFrame& f : stack) result_.finding->path.push_back(f.taken);
      break;
    }
    Digest digest = machine_.digest();
    digest.mix(last);
    bool added = false;
    std::uint32_t& best = visited.find_or_add(digest, static_cast<std::uint32_t>(spent), added);
    if (!added && best <= static_cast<std::uint32_t>(spent)) {
      image_.revert();
      continue;
    }
    best = static_cast<std::uint32_t>(spent);
    if (added) ++result_.states;
    image_.keep();
    const bool waits = last != kNobody && machine_.state().cpus[last].next.kind == OpKind::kRelax;
    stack.push_back({enabled, enabled, 0, last, waits, spent});
  }
  result_.complete = stack.empty() && !result_.finding;
  while (image_.levels() > levels) image_.undo();
  result_.miss_probability = visited.miss_probability();
  end();
  return std::move(result_);
}

}  // namespace px::check
