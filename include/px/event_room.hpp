// Memory for the library's own objects inside public ones.
#pragma once

#include <cstddef>

namespace px {
inline namespace v0 {
namespace detail {

// Room for one of the core's events, whose types only the library knows (and checks the size).
struct alignas(8) EventRoom {
  unsigned char bytes[80];
};

// A declaration that a task helps to bring an event about: the core's list link.
struct HelperLink {
  void* task = nullptr;
  HelperLink* next = nullptr;
  bool shared = false;
};

}  // namespace detail
}  // namespace v0
}  // namespace px
