#include "fiber/stack.hpp"

#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <limits>
#include <new>
#include <string>
#include <system_error>

#include "base/check.hpp"
#include "fiber/sanitizer.hpp"

#if PX_ASAN
#include <sanitizer/asan_interface.h>
#endif

namespace px::fiber {
namespace {

// Values of the kernel's interface that Debian 12's headers do not have yet.
constexpr int kMadvGuardInstall = 102;
constexpr unsigned long kAtMinsigstksz = 51;

// Mappings that stay free for everybody else in the process: libraries, malloc, the program's own.
constexpr long kMapReserve = 2048;
// A page of other protection inside a mapping makes two mappings more of one.
constexpr long kMapsPerGuard = 2;

// Frames of the fiber that ran here before leave the address sanitizer's redzones behind when it
// never returned from them.
void forget_frames([[maybe_unused]] const Stack& stack) noexcept {
#if PX_ASAN
  __asan_unpoison_memory_region(stack.low, stack.size);
#endif
}

constexpr std::size_t round_up(std::size_t value, std::size_t unit) {
  return (value + unit - 1) / unit * unit;
}

long read_max_map_count() noexcept {
  constexpr long kKernelDefault = 65530;
  std::FILE* const file = std::fopen("/proc/sys/vm/max_map_count", "re");
  if (file == nullptr) return kKernelDefault;
  long value = 0;
  const bool read = std::fscanf(file, "%ld", &value) == 1;
  std::fclose(file);
  return read ? value : kKernelDefault;
}

// The pools of a process share one limit, so they share one count.
struct GuardBudget {
  const long limit = std::max(0L, (read_max_map_count() - kMapReserve) / kMapsPerGuard);
  std::atomic<long> taken{0};

  bool take() noexcept {
    if (taken.fetch_add(1, std::memory_order_relaxed) < limit) return true;
    give_back();
    return false;
  }
  void give_back() noexcept { taken.fetch_sub(1, std::memory_order_relaxed); }
};

GuardBudget& guard_budget() noexcept {
  static GuardBudget budget;
  return budget;
}

// Whether the kernel knows lightweight guard regions: asked once, on a page of our own.
bool has_guard_regions() noexcept {
  static const bool known = [] {
    void* const page =
        ::mmap(nullptr, kPageSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) return false;
    const bool accepted = ::madvise(page, kPageSize, kMadvGuardInstall) == 0;
    ::munmap(page, kPageSize);
    return accepted;
  }();
  return known;
}

void* map_memory(std::size_t bytes) noexcept {
  void* const base = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  return base == MAP_FAILED ? nullptr : base;
}

[[noreturn]] void throw_error(std::errc code, const std::string& message) {
  throw std::system_error(std::make_error_code(code), message);
}

}  // namespace

std::size_t signal_frame_bytes() noexcept {
  constexpr unsigned long kOldestFrame = 2048;  // MINSIGSTKSZ, for kernels that do not say
  return std::max(::getauxval(kAtMinsigstksz), kOldestFrame);
}

std::size_t min_stack_size() noexcept {
  return round_up(std::size_t{16} * 1024 + signal_frame_bytes(), kPageSize);
}

StackPool::StackPool(const StackPoolOptions& options)
    : stack_size_(round_up(options.stack_size, kPageSize)),
      keep_warm_(options.keep_warm),
      guard_pages_(options.guard_pages),
      guard_regions_(options.guard_regions && has_guard_regions()),
      notice_(options.notice) {
  if (options.stack_size < min_stack_size() || stack_size_ < options.stack_size) {
    throw_error(std::errc::invalid_argument,
                "stack_size: " + std::to_string(options.stack_size) + " bytes; at least " +
                    std::to_string(min_stack_size()) +
                    " are needed (16 KiB and room for one signal frame)");
  }
}

StackPool::~StackPool() {
  PX_CHECK(statistics_.in_use == 0, "a stack pool is destroyed while its stacks are in use");
  unmap_list(warm_);
  unmap_list(cold_);
}

StackPool::IdleNode* StackPool::idle_node(const Stack& stack) const noexcept {
  return reinterpret_cast<IdleNode*>(stack.low + stack_size_ - sizeof(IdleNode));
}

Stack StackPool::acquire() {
  lock_.lock();
  IdleNode*& list = warm_ != nullptr ? warm_ : cold_;
  IdleNode* const node = list;
  if (node == nullptr) {
    lock_.unlock();
    return map_stack();
  }
  (&list == &warm_ ? statistics_.idle_warm : statistics_.idle_cold) -= 1;
  list = node->next;
  ++statistics_.in_use;
  lock_.unlock();
  const Stack stack = node->stack;
  if (!stack.guarded) write_canary(stack);
  return stack;
}

void StackPool::release(const Stack& stack) noexcept {
  PX_CHECK(stack.low != nullptr && stack.size == stack_size_,
           "a stack is released to a pool that it does not come from");
  forget_frames(stack);
  PX_CHECK(canary_intact(stack), "stack overflow: the canary below a released stack is gone");
  auto* const node = new (idle_node(stack)) IdleNode{nullptr, stack};
  lock_.lock();
  PX_CHECK(statistics_.in_use > 0, "more stacks released than acquired");
  const bool warm = statistics_.idle_warm < keep_warm_;
  if (!warm) {
    lock_.unlock();
    give_back_memory(stack);
    lock_.lock();
  }
  --statistics_.in_use;
  ++(warm ? statistics_.idle_warm : statistics_.idle_cold);
  IdleNode*& list = warm ? warm_ : cold_;
  node->next = list;
  list = node;
  lock_.unlock();
}

void StackPool::trim() noexcept {
  lock_.lock();
  IdleNode* list = warm_;
  const std::size_t count = statistics_.idle_warm;
  warm_ = nullptr;
  statistics_.idle_warm = 0;
  lock_.unlock();
  if (list == nullptr) return;
  IdleNode* last = list;
  for (IdleNode* node = list; node != nullptr; node = node->next) {
    give_back_memory(node->stack);
    last = node;
  }
  lock_.lock();
  last->next = cold_;
  cold_ = list;
  statistics_.idle_cold += count;
  lock_.unlock();
}

StackPool::Statistics StackPool::statistics() const noexcept {
  lock_.lock();
  const Statistics result = statistics_;
  lock_.unlock();
  return result;
}

// Called without the lock: the kernel may take its time.
Stack StackPool::map_stack() {
  const std::size_t guard_bytes = guard_pages_ ? kPageSize : 0;
  auto* const base = static_cast<std::byte*>(map_memory(guard_bytes + stack_size_));
  if (base == nullptr) {
    throw_error(std::errc::not_enough_memory,
                "no address space for another stack of " + std::to_string(stack_size_) +
                    " bytes with " + std::to_string(statistics().in_use) +
                    " in use; use smaller stacks or fewer tasks, or raise vm.max_map_count");
  }
  Stack stack{base + guard_bytes, stack_size_, guard_pages_ && install_guard(base)};
  forget_frames(stack);
  if (!stack.guarded) {
    write_canary(stack);
    if (guard_pages_) notice_once();
  }
  lock_.lock();
  ++statistics_.mapped;
  ++statistics_.in_use;
  if (stack.guarded) ++statistics_.guarded;
  statistics_.reserved_bytes += guard_bytes + stack_size_;
  lock_.unlock();
  return stack;
}

// Makes the page inaccessible, if the limits allow it.
bool StackPool::install_guard(std::byte* page) const noexcept {
  if (guard_regions_) return ::madvise(page, kPageSize, kMadvGuardInstall) == 0;
  if (!guard_budget().take()) return false;
  if (::mprotect(page, kPageSize, PROT_NONE) == 0) return true;
  guard_budget().give_back();
  return false;
}

void StackPool::unmap_list(IdleNode* list) noexcept {
  const std::size_t guard_bytes = guard_pages_ ? kPageSize : 0;
  while (list != nullptr) {
    IdleNode* const next = list->next;
    const Stack stack = list->stack;
    ::munmap(stack.low - guard_bytes, guard_bytes + stack_size_);
    if (stack.guarded && !guard_regions_) guard_budget().give_back();
    list = next;
  }
}

void StackPool::give_back_memory(const Stack& stack) const noexcept {
  // A failure leaves the memory with the stack, which is what it was before.
  ::madvise(stack.low, stack_size_ - kPageSize, MADV_DONTNEED);
}

void StackPool::notice_once() noexcept {
  if (notice_ == nullptr || noticed_.exchange(true, std::memory_order_relaxed)) return;
  char line[256];
  std::snprintf(line, sizeof line,
                "px: no more guard pages within vm.max_map_count (%ld stacks have one); further "
                "stacks are checked by a canary at each switch; raise vm.max_map_count to guard "
                "them all\n",
                guard_budget().limit);
  notice_(line);
}

std::size_t StackSlab::header_bytes(std::size_t stacks) noexcept {
  return round_up(stacks * sizeof(std::uint32_t), kPageSize);
}

std::size_t StackSlab::bytes_for(std::size_t stacks, std::size_t stack_size) noexcept {
  return header_bytes(stacks) + stacks * stack_size;
}

void StackSlab::check_stack_size(std::size_t stack_size) {
  constexpr std::size_t kSmallest = 4096;
  constexpr std::size_t kAlignment = 64;
  if (stack_size < kSmallest || stack_size % kAlignment != 0) {
    throw_error(std::errc::invalid_argument, "stack_size: " + std::to_string(stack_size) +
                                                 " bytes; expected a multiple of 64, 4096 or more");
  }
}

StackSlab::StackSlab(std::byte* memory, std::size_t bytes, std::size_t stack_size)
    : memory_(memory), stack_size_(stack_size) {
  check_stack_size(stack_size);
  PX_CHECK(reinterpret_cast<std::uintptr_t>(memory) % kPageSize == 0,
           "a slab's memory is aligned to a page");
  // The header takes at most a page more than its words, so this estimate is never too high.
  const std::size_t payload = bytes > kPageSize ? bytes - kPageSize : 0;
  capacity_ = payload / (stack_size + sizeof(std::uint32_t));
  if (capacity_ == 0 || capacity_ >= kNone) {
    throw_error(std::errc::invalid_argument,
                "stack slab: " + std::to_string(bytes) + " bytes hold no stack of " +
                    std::to_string(stack_size) + " bytes, or more than 2^32 of them");
  }
  stacks_ = memory_ + header_bytes(capacity_);
}

StackSlab::StackSlab(std::size_t max_stacks, std::size_t stack_size)
    : stack_size_(stack_size), capacity_(max_stacks) {
  check_stack_size(stack_size);
  PX_CHECK(max_stacks > 0 && max_stacks < kNone, "number of stacks in a slab out of range");
  mapped_bytes_ = bytes_for(max_stacks, stack_size);
  memory_ = static_cast<std::byte*>(map_memory(mapped_bytes_));
  if (memory_ == nullptr) {
    throw_error(std::errc::not_enough_memory, "no address space for " + std::to_string(max_stacks) +
                                                  " stacks of " + std::to_string(stack_size) +
                                                  " bytes; use smaller stacks or fewer tasks");
  }
  stacks_ = memory_ + header_bytes(capacity_);
}

StackSlab::~StackSlab() {
  if (mapped_bytes_ == 0) return;
#if PX_ASAN
  __asan_unpoison_memory_region(memory_, mapped_bytes_);
#endif
  ::munmap(memory_, mapped_bytes_);
}

Stack StackSlab::acquire() noexcept {
  std::size_t index = 0;
  if (idle_ != kNone) {
    index = idle_;
    idle_ = idle_links()[index];
  } else if (carved_ < capacity_) {
    index = carved_++;
  } else {
    return {};
  }
  peak_in_use_ = std::max(peak_in_use_, ++in_use_);
  const Stack stack{stacks_ + index * stack_size_, stack_size_, false};
  write_canary(stack);
  return stack;
}

void StackSlab::release(const Stack& stack) noexcept {
  const auto offset = static_cast<std::size_t>(stack.low - stacks_);
  PX_CHECK(stack.low >= stacks_ && offset % stack_size_ == 0 && offset / stack_size_ < carved_,
           "a stack is released to a slab that it does not come from");
  PX_CHECK(in_use_ > 0, "more stacks released than acquired");
  forget_frames(stack);
  PX_CHECK(canary_intact(stack), "stack overflow: the canary below a released stack is gone");
  const auto index = static_cast<std::uint32_t>(offset / stack_size_);
  idle_links()[index] = idle_;
  idle_ = index;
  --in_use_;
}

std::size_t StackSlab::used_bytes() const noexcept {
  return carved_ == 0 ? 0 : header_bytes(capacity_) + carved_ * stack_size_;
}

}  // namespace px::fiber
