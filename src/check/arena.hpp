// All memory whose contents are the state: one piece at one fixed address, so that a snapshot is
// bytes and pointers in it stay valid when it is written back. Objects come first, stacks after
// them. One arena per process at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <utility>

#include "base/check.hpp"
#include "fiber/stack.hpp"

namespace px::check {

inline constexpr std::size_t kLine = 64;  // bytes; the unit in which changes are found

class Arena {
 public:
  static constexpr std::uintptr_t kBase = 0x10'0000'0000;
  static constexpr std::size_t kObjectBytes = std::size_t{128} * 1024;
  static constexpr std::size_t kStackBytes = std::size_t{16} * 1024;

  // Maps memory for `stacks` stacks. Aborts if the address is taken: a second arena in one process.
  explicit Arena(int stacks);
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // Before the exploration only. Objects are never destroyed: their memory goes with the arena.
  template <typename T, typename... Args>
  T& make(Args&&... args) {
    static_assert(alignof(T) <= kLine);
    return *new (take(sizeof(T))) T(std::forward<Args>(args)...);
  }
  template <typename T>
  T* make_array(std::size_t count) {
    auto* first = static_cast<std::byte*>(take(sizeof(T) * count));
    for (std::size_t i = 0; i < count; ++i) new (first + i * sizeof(T)) T();
    return reinterpret_cast<T*>(first);
  }
  [[nodiscard]] fiber::Stack stack();

  [[nodiscard]] std::byte* base() const { return base_; }
  [[nodiscard]] std::size_t object_bytes() const { return used_; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  void* take(std::size_t bytes);

  std::byte* base_ = nullptr;
  std::size_t bytes_ = 0;
  std::size_t used_ = 0;
  int stacks_ = 0;
  int stacks_used_ = 0;
};

}  // namespace px::check
