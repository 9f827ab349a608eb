// Snapshots of a machine as lists of changed lines: what a step did is found by comparing the used
// part of the arena with a shadow of the state before it, so a search keeps only differences.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "check/machine.hpp"

namespace px::check {

using Line = std::array<std::uint64_t, kLine / 8>;

// The lines of a state that differ from the root's.
struct Difference {
  std::vector<std::uint32_t> lines;
  std::vector<Line> contents;
  [[nodiscard]] std::size_t bytes() const { return lines.size() * (sizeof(Line) + 4); }
};

class Image {
 public:
  // The machine's present state is the root.
  explicit Image(Machine& machine);

  // The step just made stays: a level is added.
  void keep();
  // Back to the state before the last step kept.
  void undo();
  // Takes the step just made back.
  void revert();
  [[nodiscard]] std::size_t levels() const { return marks_.size(); }

  // --- Without levels: for breadth-first and stateless searches.

  // The machine's state as a difference from the root.
  [[nodiscard]] Difference difference();
  // Puts a state in force; a default-constructed one is the root.
  void load(const Difference& state);
  // After steps that were neither kept nor reverted: back to the root.
  void restart();

  // Lines that steps were found to have changed, and lines written, here or to the machine.
  struct Traffic {
    std::uint64_t dirty = 0;
    std::uint64_t copied = 0;
  };
  [[nodiscard]] const Traffic& traffic() const { return traffic_; }
  void forget_traffic() { traffic_ = {}; }

  // Bytes that make up one state: objects and the live parts of the stacks.
  [[nodiscard]] std::size_t state_bytes() const;
  [[nodiscard]] std::size_t log_bytes() const {
    return lines_.capacity() * 4 + contents_.capacity() * sizeof(Line) + marks_.capacity() * 8;
  }

 private:
  struct Range {
    std::uint32_t first = 0;
    std::uint32_t end = 0;
  };
  [[nodiscard]] Line& at(std::uint32_t line) const { return arena_[line]; }
  [[nodiscard]] Range objects() const;
  [[nodiscard]] Range stack(const Context& context, const void* pointer) const;
  [[nodiscard]] Range used_stack(const Context& context);
  template <typename F>
  void for_changed(Range range, F&& f);

  Machine& machine_;
  Line* arena_;
  std::vector<Line> shadow_;
  std::vector<Line> root_;
  std::array<std::uint32_t, 32> floors_;  // by context: first line ever live in a state kept
  std::vector<std::uint32_t> loaded_;     // lines that load() changed
  std::vector<std::uint32_t> lines_;
  std::vector<Line> contents_;
  std::vector<std::uint64_t> marks_;
  Traffic traffic_;
};

}  // namespace px::check
