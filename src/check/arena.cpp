#include "check/arena.hpp"

#include <sys/mman.h>

namespace px::check {

Arena::Arena(int stacks)
    : bytes_(kObjectBytes + static_cast<std::size_t>(stacks) * kStackBytes), stacks_(stacks) {
  void* memory = ::mmap(reinterpret_cast<void*>(kBase), bytes_, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  PX_CHECK(memory == reinterpret_cast<void*>(kBase),
           "the checker's memory is in use: one exploration per process at a time");
  base_ = static_cast<std::byte*>(memory);
}

Arena::~Arena() { ::munmap(base_, bytes_); }

void* Arena::take(std::size_t bytes) {
  void* memory = base_ + used_;
  used_ += (bytes + kLine - 1) & ~(kLine - 1);
  PX_CHECK(used_ <= kObjectBytes, "the scenario's objects do not fit into the checker's memory");
  return memory;
}

fiber::Stack Arena::stack() {
  PX_CHECK(stacks_used_ < stacks_, "more stacks than the checker reserved");
  std::byte* low = base_ + kObjectBytes + static_cast<std::size_t>(stacks_used_++) * kStackBytes;
  return {low, kStackBytes, false};
}

}  // namespace px::check
