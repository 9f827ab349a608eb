// Stacks for fibers: the value type, a pool that maps them one by one (the live world), and a slab
// that carves many small ones from one piece of memory (sim and check).
//
// An overflow is found in one of two ways. A *guarded* stack has an inaccessible page below its
// lowest byte, so that the overflowing instruction faults. An *unguarded* stack has a canary at its
// lowest bytes, which the owner checks at each switch with canary_intact(): that finds an overflow
// late, but names the task before anything else goes wrong with it.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/annotations.hpp"
#include "fiber/spin_lock.hpp"

namespace px::fiber {

inline constexpr std::size_t kPageSize = 4096;

// The usable bytes [low, low + size) of a stack; it grows down from low + size.
struct Stack {
  std::byte* low = nullptr;
  std::size_t size = 0;
  bool guarded = false;
};

// One cache line of values that no stack frame holds by chance.
inline constexpr std::array<std::uint64_t, 8> kCanary = {
    0xb5c0fbcfec4d3b2fULL, 0x3956c25bf348b538ULL, 0x59f111f1b605d019ULL, 0x923f82a4af194f9bULL,
    0xab1c5ed5da6d8118ULL, 0xd807aa98a3030242ULL, 0x12835b0145706fbeULL, 0x243185be4ee4b28cULL};

// Writes the canary at the low end of an unguarded stack. Called by whoever hands the stack out.
inline void write_canary(const Stack& stack) noexcept {
  std::memcpy(stack.low, kCanary.data(), sizeof kCanary);
}

// Whether nothing has run over the low end; always true for a guarded stack. Any thread; a few ns.
[[nodiscard]] inline bool canary_intact(const Stack& stack) noexcept {
  return stack.guarded || std::memcmp(stack.low, kCanary.data(), sizeof kCanary) == 0;
}

// Whether `address` lies in the guard page of `stack`; always false for an unguarded one.
// Async-signal-safe.
[[nodiscard]] inline bool in_guard(const Stack& stack, const void* address) noexcept {
  const auto at = reinterpret_cast<std::uintptr_t>(address);
  const auto low = reinterpret_cast<std::uintptr_t>(stack.low);
  return stack.guarded && at < low && low - at <= kPageSize;
}

// What the kernel needs on a stack to deliver a signal on this CPU: 3.3 KiB with AVX-512.
[[nodiscard]] std::size_t signal_frame_bytes() noexcept;

// The smallest usable stack: 16 KiB for the program plus one signal frame, rounded up to whole
// pages.
[[nodiscard]] std::size_t min_stack_size() noexcept;

// One line for the user, ended by a newline. Called at most once per pool, from acquire().
using Notice = void (*)(const char* line) noexcept;

struct StackPoolOptions {
  std::size_t stack_size = std::size_t{256} * 1024;  // usable bytes, rounded up to whole pages
  std::size_t keep_warm = 256;  // idle stacks that keep their memory; the others give it back
  bool guard_pages = true;
  // False: guard by page protection, as on older kernels, even where guard regions exist.
  bool guard_regions = true;
  Notice notice = nullptr;
};

// Stacks of one size. Address space is reserved and committed by touch; a released stack is kept
// for the next acquire() and unmapped by the destructor only.
//
// Guard pages are lightweight guard regions where the kernel has them (6.13 and later). Elsewhere
// each one splits a mapping in two, and vm.max_map_count bounds those: the pools of a process guard
// as many stacks as it allows less a reserve of 2048 mappings for everybody else; further stacks
// are unguarded, and one notice says so.
//
// Thread-safe. acquire() and release() of a pooled stack take one spin lock, about 20 ns together,
// and make no system call as long as no more than keep_warm stacks are idle. A caller that may be
// preempted asynchronously holds preemption off around every call.
class StackPool {
 public:
  struct Statistics {
    std::size_t mapped = 0;   // stacks, in use and idle
    std::size_t guarded = 0;  // of these
    std::size_t in_use = 0;
    std::size_t idle_warm = 0;
    std::size_t idle_cold = 0;       // idle with their memory given back, but for one page each
    std::size_t reserved_bytes = 0;  // address space, guard pages included
  };

  // Throws std::system_error (invalid_argument) if the size is below min_stack_size().
  explicit StackPool(const StackPoolOptions& options = {});
  // Every stack must have been released.
  ~StackPool();
  StackPool(const StackPool&) = delete;
  StackPool& operator=(const StackPool&) = delete;

  // A stack whose contents are arbitrary (the canary is in place if it is unguarded). Throws
  // std::system_error (not_enough_memory) when the kernel has no more address space to give.
  [[nodiscard]] Stack acquire();
  // Takes back a stack of acquire(); nothing may run on it any more. Aborts if its canary is gone.
  void release(const Stack& stack) noexcept;
  // Gives the memory of all idle stacks back to the kernel, except one page each.
  void trim() noexcept;

  [[nodiscard]] std::size_t stack_size() const noexcept { return stack_size_; }
  [[nodiscard]] Statistics statistics() const noexcept;

 private:
  // Lies in the topmost bytes of an idle stack: the page that was in use last and is kept.
  struct IdleNode {
    IdleNode* next;
    Stack stack;
  };

  [[nodiscard]] IdleNode* idle_node(const Stack& stack) const noexcept;
  [[nodiscard]] Stack map_stack();
  [[nodiscard]] bool install_guard(std::byte* page) const noexcept;
  void unmap_list(IdleNode* list) noexcept;
  void give_back_memory(const Stack& stack) const noexcept;
  void notice_once() noexcept;

  const std::size_t stack_size_;
  const std::size_t keep_warm_;
  const bool guard_pages_;
  const bool guard_regions_;  // asked for, and the kernel has them
  const Notice notice_;
  std::atomic<bool> noticed_{false};

  mutable SpinLock lock_;
  // Both lists are last in, first out: the most recently used stack is the one most likely to be in
  // the cache.
  IdleNode* warm_ PX_GUARDED_BY(lock_) = nullptr;
  IdleNode* cold_ PX_GUARDED_BY(lock_) = nullptr;
  Statistics statistics_ PX_GUARDED_BY(lock_);
};

// Small stacks of one size from one piece of memory, in a fixed order: released stacks last in,
// first out, then untouched ones by ascending address. Not thread-safe.
//
// All of its state is this object and the memory that it was given, so a snapshot of both restores
// it. All its stacks are unguarded; the canary is written by acquire().
class StackSlab {
 public:
  // Carves from the caller's memory, which must outlive the slab and be aligned to a page. Throws
  // std::system_error (invalid_argument) if not one stack fits or stack_size is no multiple of 64.
  StackSlab(std::byte* memory, std::size_t bytes, std::size_t stack_size);
  // Reserves address space for max_stacks stacks; memory is committed by touch. Throws
  // std::system_error (not_enough_memory) if the kernel refuses it.
  StackSlab(std::size_t max_stacks, std::size_t stack_size);
  ~StackSlab();
  StackSlab(const StackSlab&) = delete;
  StackSlab& operator=(const StackSlab&) = delete;

  // Bytes of memory that hold `stacks` stacks of this size with the slab's bookkeeping.
  [[nodiscard]] static std::size_t bytes_for(std::size_t stacks, std::size_t stack_size) noexcept;

  // The next stack; `low` is null when all of them are in use.
  [[nodiscard]] Stack acquire() noexcept;
  // Takes back a stack of acquire(). Aborts if its canary is gone or it is not one of this slab's.
  void release(const Stack& stack) noexcept;

  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
  [[nodiscard]] std::size_t in_use() const noexcept { return in_use_; }
  [[nodiscard]] std::size_t peak_in_use() const noexcept { return peak_in_use_; }
  // Bytes that stacks and bookkeeping have ever occupied, counted from the start of the memory: an
  // upper bound of the memory committed, and what a snapshot has to copy at most.
  [[nodiscard]] std::size_t used_bytes() const noexcept;

 private:
  static constexpr std::uint32_t kNone = UINT32_MAX;

  // One word per stack at the start of the memory: the next idle stack's index.
  [[nodiscard]] std::uint32_t* idle_links() const noexcept {
    return reinterpret_cast<std::uint32_t*>(memory_);
  }
  static std::size_t header_bytes(std::size_t stacks) noexcept;
  static void check_stack_size(std::size_t stack_size);

  std::byte* memory_ = nullptr;
  std::size_t mapped_bytes_ = 0;  // 0 when the memory is the caller's
  std::size_t stack_size_ = 0;
  std::size_t capacity_ = 0;
  std::byte* stacks_ = nullptr;
  std::size_t carved_ = 0;
  std::uint32_t idle_ = kNone;
  std::size_t in_use_ = 0;
  std::size_t peak_in_use_ = 0;
};

}  // namespace px::fiber
