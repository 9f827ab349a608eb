// For tests: a machine whose CPUs run one small program each, without the core, to hold the checker
// against textbook results.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "check/explorer.hpp"
#include "check/platform.hpp"

namespace px::check {

class Programs final : public Machine {
 public:
  using Body = std::function<void()>;

  explicit Programs(int cpus, Granularity granularity = Granularity::kFine,
                    bool store_buffers = false)
      : Machine({cpus, cpus, granularity, store_buffers}) {}

  // A variable that is part of the state. Before run().
  template <typename T>
  Atomic<T>& atomic() {
    auto& variable = arena().make<Atomic<T>>();
    words_.push_back([&variable] { return bits_of(variable.peek()); });
    return variable;
  }
  template <typename T>
  Shared<T>& shared() {
    auto& variable = arena().make<Shared<T>>();
    words_.push_back([&variable] { return bits_of(variable.peek()); });
    return variable;
  }
  SpinLock& lock() {
    auto& lock = arena().make<SpinLock>();
    words_.push_back([&lock] { return bits_of(lock.holder() + 1); });
    return lock;
  }
  // A result: part of the state, but no access to it is an operation.
  int& result() {
    auto& cell = arena().make<int>();
    words_.push_back([&cell] { return bits_of(cell); });
    return cell;
  }
  // The program of the next CPU.
  void program(Body body) {
    bodies_.push_back(std::make_unique<Body>(std::move(body)));
    auto& context = add_context(&Programs::entry, bodies_.back().get());
    state().cpus[bodies_.size() - 1].running = &context;
  }
  // Looked at in every state; a text is what is wrong.
  void expect(std::function<std::string()> property) { property_ = std::move(property); }
  // Called in every final state in which all programs have ended.
  void at_end(std::function<void()> visitor) { at_end_ = std::move(visitor); }

 private:
  static void entry(void* body) noexcept {
    (*static_cast<Body*>(body))();
    Machine::active().point(OpKind::kEnd, nullptr);
  }
  void visit(Digest& digest) override {
    for (const auto& word : words_) digest.mix(word());
  }
  bool world_holds(Choices enabled) override {
    if (property_) {
      std::string wrong = property_();
      if (!wrong.empty()) note_breach(0, "property", std::move(wrong));
    }
    if (enabled != 0) return true;
    for (int cpu = 0; cpu < cpus(); ++cpu) {
      if (state().cpus[cpu].next.kind != OpKind::kEnd) note_breach(0, "deadlock", "a CPU is stuck");
    }
    if (at_end_) at_end_();
    return true;
  }

  std::vector<std::unique_ptr<Body>> bodies_;
  std::vector<std::function<std::uint64_t()>> words_;
  std::function<std::string()> property_;
  std::function<void()> at_end_;
};

// The head of a waiting loop: what earlier turns observed is forgotten.
class LoopHead {
 public:
  LoopHead() : mark_(Machine::active().control()) {}
  void again() const { Machine::active().rewind(mark_, 0); }

 private:
  Control mark_;
};

}  // namespace px::check
