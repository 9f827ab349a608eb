// What the preemption signal handler needs to know about the OS thread that it interrupts: one
// block of thread-local memory per thread.
//
// Every access to the calling thread's own block is one instruction with an %fs-relative address.
// So there is never an address of it in a register: a task may be interrupted anywhere, switched
// away and resumed on another thread, and its next access still reaches the thread that it runs on
// then. Code compiled for a shared library loads the block's offset first; that is one constant for
// all threads.
//
// A task is preempted only where both counts are zero. Each function that changes a count is also a
// compiler barrier, so that no access of the protected code moves out of its region.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace px::live {

struct ThreadStatistics {
  std::atomic<std::uint64_t> preempted{0};        // signals that may have switched
  std::atomic<std::uint64_t> refused_count{0};    // refused: preemption was off
  std::atomic<std::uint64_t> refused_foreign{0};  // refused: a lock of another library was held
  std::atomic<std::uint64_t> refused_text{0};     // refused: the program counter was elsewhere
  std::atomic<std::uint64_t> retried{0};          // a refused preemption tried again; the runtime's
};

struct alignas(64) ThreadState {
  // Preemption is off while this is not zero. Written by its own thread alone.
  std::atomic<std::uint32_t> preempt_off{0};
  // Locks of other libraries that this thread holds (live/foreign.hpp). Written by its own thread.
  std::atomic<std::uint32_t> foreign_depth{0};
  // The runtime's object for this thread; null on threads that are not workers.
  std::atomic<void*> worker{nullptr};
  // Where this thread's CPU is told to reschedule. Set while the thread is a worker; the flag must
  // stay valid for as long as any task may still look at it, because a task that loads this pointer
  // and moves to another thread reads the flag of the CPU that it left, which is harmless.
  std::atomic<std::atomic<std::uint32_t>*> need_resched{nullptr};
  // The CPU to kick before preemption is next allowed: (CPU + 1) * 2 + whether it is urgent; 0:
  // none. Written by its own thread, with preemption off.
  std::atomic<std::uint32_t> kick_later{0};
  // Set by whoever sends this thread a preemption signal, cleared by the handler: at most one is
  // under way, or their frames would pile up on the interrupted stack. In a cache line that the
  // thread itself does not use all the time.
  alignas(64) std::atomic<std::uint32_t> signal_sent{0};
  std::atomic<std::int32_t> tid{0};  // the kernel's id of this thread, set with the worker
  ThreadStatistics statistics;
};

// The name that the inline assembly below spells out.
extern "C" {
[[gnu::tls_model("initial-exec")]] extern constinit thread_local ThreadState px_live_thread_state;
}

// The calling thread's block, for what the functions below do not cover. The reference must not be
// kept across anything that may switch tasks: not inlined, so that nobody's compiler keeps it.
[[gnu::noinline]] ThreadState& thread_state() noexcept;

// Makes the calling thread a worker: the handler acts on it from now on. `need_resched` as above.
// With null, null the thread is none any more.
void set_worker(void* worker, std::atomic<std::uint32_t>* need_resched) noexcept;

// The two ways to name a member of the calling thread's block in assembly. In an executable its
// offset from %fs is a constant of the link; a shared library finds it in its offset table.
#if defined(__PIC__) && !defined(__PIE__)
#define PX_LIVE_FIND_BLOCK "movq px_live_thread_state@gottpoff(%%rip), %[block]\n\t"
#define PX_LIVE_MEMBER "%%fs:%c[member](%[block])"
#else
#define PX_LIVE_FIND_BLOCK ""
#define PX_LIVE_MEMBER "%%fs:px_live_thread_state@tpoff+%c[member]"
#endif

// Inlined in every build: the signal handler's first and last instructions may not lie elsewhere.
namespace own {

template <std::size_t kMember>
[[gnu::always_inline]] inline void increment() noexcept {
  [[maybe_unused]] std::uintptr_t block;
  asm volatile(PX_LIVE_FIND_BLOCK "addl $1, " PX_LIVE_MEMBER
               : [block] "=&r"(block)
               : [member] "i"(kMember)
               : "memory", "cc");
}

template <std::size_t kMember>
[[gnu::always_inline]] inline void decrement() noexcept {
  [[maybe_unused]] std::uintptr_t block;
  asm volatile(PX_LIVE_FIND_BLOCK "subl $1, " PX_LIVE_MEMBER
               : [block] "=&r"(block)
               : [member] "i"(kMember)
               : "memory", "cc");
}

template <std::size_t kMember>
[[nodiscard, gnu::always_inline]] inline std::uint32_t load() noexcept {
  [[maybe_unused]] std::uintptr_t block;
  std::uint32_t value;
  asm volatile(PX_LIVE_FIND_BLOCK "movl " PX_LIVE_MEMBER ", %[value]"
               : [block] "=&r"(block), [value] "=r"(value)
               : [member] "i"(kMember)
               : "memory");
  return value;
}

template <std::size_t kMember>
[[gnu::always_inline]] inline void store(std::uint32_t value) noexcept {
  [[maybe_unused]] std::uintptr_t block;
  asm volatile(PX_LIVE_FIND_BLOCK "movl %[value], " PX_LIVE_MEMBER
               : [block] "=&r"(block)
               : [member] "i"(kMember), [value] "r"(value)
               : "memory");
}

template <std::size_t kMember>
[[nodiscard, gnu::always_inline]] inline void* load_pointer() noexcept {
  [[maybe_unused]] std::uintptr_t block;
  void* value;
  asm volatile(PX_LIVE_FIND_BLOCK "movq " PX_LIVE_MEMBER ", %[value]"
               : [block] "=&r"(block), [value] "=r"(value)
               : [member] "i"(kMember)
               : "memory");
  return value;
}

}  // namespace own

#undef PX_LIVE_FIND_BLOCK
#undef PX_LIVE_MEMBER

// Nestable; any thread. Between the two the calling thread's signals do not switch tasks. The count
// belongs to the thread: a task that switches voluntarily does so with a count that the other side
// of the switch expects, or saves and sets it.
[[gnu::always_inline]] inline void preempt_disable() noexcept {
  own::increment<offsetof(ThreadState, preempt_off)>();
}
// Does not look whether a preemption was refused meanwhile; that is the caller's next step.
[[gnu::always_inline]] inline void preempt_enable_no_check() noexcept {
  own::decrement<offsetof(ThreadState, preempt_off)>();
}
[[nodiscard]] inline std::uint32_t preempt_count() noexcept {
  return own::load<offsetof(ThreadState, preempt_off)>();
}
// For a switch between sides of different counts; only between a save and a restore around it.
inline void set_preempt_count(std::uint32_t count) noexcept {
  own::store<offsetof(ThreadState, preempt_off)>(count);
}

// The calling thread's runtime object, null on a foreign thread. The answer is stale after anything
// that may move the calling task to another thread.
[[nodiscard, gnu::always_inline]] inline void* current_worker() noexcept {
  return own::load_pointer<offsetof(ThreadState, worker)>();
}

// Whether the calling thread's CPU was told to reschedule; false on a foreign thread. A few ns; for
// the way out of every library call.
[[nodiscard]] inline bool need_resched() noexcept {
  auto* const flag = static_cast<std::atomic<std::uint32_t>*>(
      own::load_pointer<offsetof(ThreadState, need_resched)>());
  return flag != nullptr && flag->load(std::memory_order_relaxed) != 0;
}

}  // namespace px::live
