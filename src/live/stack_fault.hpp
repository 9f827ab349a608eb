// Turns the fault of an overflowing stack into one line that names the task.
#pragma once

#include <csignal>
#include <cstddef>

namespace px::live {

// Whose guard page a fault has hit.
struct GuardHit {
  const char* task = nullptr;  // null: nobody's
  std::size_t stack_size = 0;  // usable bytes
};

// Answers for the fault at `address` on the calling thread, from a signal handler.
// Async-signal-safe.
using GuardLookup = GuardHit (*)(const void* address) noexcept;

// The handler of SIGSEGV and SIGBUS, for as long as the object lives; one per process at a time. A
// fault in a guard page prints the task's name, its stack size and the remedy, and aborts. Every
// other fault goes to the handler that was there before: called, if it is a function (a
// sanitizer's, a crash reporter's); else its action is put back and the faulting instruction, or
// the signal if a process sent it, repeated, so that the core dump shows the fault and not this
// handler.
//
// Runs on the alternate stack of the faulting thread (AlternateStack); a thread without one cannot
// report an overflow of its stack and is ended by the kernel, as without this handler.
class StackFaultHandler {
 public:
  // Throws std::system_error (device_or_resource_busy) if there is one already.
  explicit StackFaultHandler(GuardLookup lookup);
  // Puts the previous actions back, where nobody has replaced them since.
  ~StackFaultHandler();
  StackFaultHandler(const StackFaultHandler&) = delete;
  StackFaultHandler& operator=(const StackFaultHandler&) = delete;
};

// The calling thread's alternate signal stack, 32 KiB and a signal frame above a guard page, for as
// long as the object lives. Created and destroyed on the same thread. A stack that the thread had
// before (the address sanitizer gives each thread one) is put back in the end. Throws
// std::system_error (not_enough_memory).
class AlternateStack {
 public:
  AlternateStack();
  ~AlternateStack();
  AlternateStack(const AlternateStack&) = delete;
  AlternateStack& operator=(const AlternateStack&) = delete;

 private:
  std::byte* memory_ = nullptr;
  std::size_t bytes_ = 0;
  stack_t previous_{};
};

}  // namespace px::live
