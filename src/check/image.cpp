#include "check/image.hpp"

#include <algorithm>

namespace px::check {

namespace {

bool differ(const Line& a, const Line& b) {
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < a.size(); ++i) bits |= a[i] ^ b[i];
  return bits != 0;
}

std::uint32_t line_of(const void* address) {
  return static_cast<std::uint32_t>((reinterpret_cast<std::uintptr_t>(address) - Arena::kBase) /
                                    kLine);
}

}  // namespace

Image::Image(Machine& machine)
    : machine_(machine),
      arena_(reinterpret_cast<Line*>(machine.arena().base())),
      shadow_(arena_, arena_ + machine.arena().bytes() / kLine),
      root_(shadow_) {
  floors_.fill(UINT32_MAX);
  for (const Context* context : machine.contexts()) (void)used_stack(*context);
}

Image::Range Image::objects() const {
  return {0, static_cast<std::uint32_t>(machine_.arena().object_bytes() / kLine)};
}

// The lines from `pointer` (a stack pointer, or null: none) to the stack's end.
Image::Range Image::stack(const Context& context, const void* pointer) const {
  const std::byte* end = context.fiber.stack_low + context.fiber.stack_size;
  const std::uint32_t last = line_of(end);
  return {pointer == nullptr ? last : line_of(pointer), last};
}

// Lines of a stack that are dead in the present state may be live in an earlier one of the path, so
// all lines that were ever live in a state kept are compared.
Image::Range Image::used_stack(const Context& context) {
  const Range now = stack(context, context.fiber.resume_point);
  std::uint32_t& floor = floors_[context.index];
  floor = std::min(floor, now.first);
  return {floor, now.end};
}

template <typename F>
void Image::for_changed(Range range, F&& f) {
  for (std::uint32_t line = range.first; line < range.end; ++line) {
    if (differ(at(line), shadow_[line])) [[unlikely]]
      f(line);
  }
}

void Image::keep() {
  marks_.push_back(lines_.size());
  const auto log = [this](std::uint32_t line) {
    lines_.push_back(line);
    contents_.push_back(shadow_[line]);
    shadow_[line] = at(line);
  };
  for (const Context* context : machine_.contexts()) {
    if ((machine_.touched() >> context->index & 1) != 0) for_changed(used_stack(*context), log);
  }
  for_changed(objects(), log);
  const std::uint64_t changed = lines_.size() - marks_.back();
  traffic_.dirty += changed;
  traffic_.copied += 2 * changed;
}

void Image::revert() {
  const auto restore = [this](std::uint32_t line) {
    at(line) = shadow_[line];
    ++traffic_.dirty;
    ++traffic_.copied;
  };
  for (const Context* context : machine_.contexts()) {
    if ((machine_.touched() >> context->index & 1) == 0) continue;
    const std::uint32_t end = stack(*context, nullptr).end;
    for_changed({std::min(floors_[context->index], end), end}, restore);
  }
  for_changed(objects(), restore);
}

void Image::undo() {
  const std::uint64_t mark = marks_.back();
  marks_.pop_back();
  traffic_.copied += 2 * (lines_.size() - mark);
  for (std::size_t i = lines_.size(); i-- > mark;) {
    shadow_[lines_[i]] = contents_[i];
    at(lines_[i]) = contents_[i];
  }
  lines_.resize(mark);
  contents_.resize(mark);
}

Difference Image::difference() {
  Difference result;
  const auto compare = [&](Range range) {
    for (std::uint32_t line = range.first; line < range.end; ++line) {
      if (!differ(at(line), root_[line])) continue;
      result.lines.push_back(line);
      result.contents.push_back(at(line));
    }
  };
  compare(objects());
  for (const Context* context : machine_.contexts()) {
    (void)used_stack(*context);
    compare(stack(*context, context->fiber.resume_point));
  }
  traffic_.copied += result.lines.size();
  return result;
}

void Image::load(const Difference& state) {
  for (const std::uint32_t line : loaded_) shadow_[line] = at(line) = root_[line];
  for (std::size_t i = 0; i < state.lines.size(); ++i) {
    shadow_[state.lines[i]] = at(state.lines[i]) = state.contents[i];
  }
  traffic_.copied += 2 * (loaded_.size() + state.lines.size());
  loaded_ = state.lines;
}

void Image::restart() {
  const Range all = objects();
  std::copy(root_.begin() + all.first, root_.begin() + all.end, arena_ + all.first);
  traffic_.copied += all.end - all.first;
  for (const Context* context : machine_.contexts()) {
    // The objects are the root's again, so this is where the root's stacks begin.
    const Range live = stack(*context, context->fiber.resume_point);
    std::copy(root_.begin() + live.first, root_.begin() + live.end, arena_ + live.first);
    traffic_.copied += live.end - live.first;
  }
}

std::size_t Image::state_bytes() const {
  std::size_t lines = objects().end;
  for (const Context* context : machine_.contexts()) {
    const Range live = stack(*context, context->fiber.resume_point);
    lines += live.end - live.first;
  }
  return lines * kLine;
}

}  // namespace px::check
