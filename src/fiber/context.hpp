// Execution contexts: a stack and the place on it where execution stands, and the switch between
// two of them. The same switch serves the live, sim and check worlds.
//
// A context is plain bytes. Its only pointers lead to its stack, to its entry's argument and to the
// context that last switched to it, so a copy of a context and of its stack, written back to the
// same addresses, resumes where the copy was taken. (Not under the sanitizers, whose records of a
// fiber live in their own memory.)
//
// What a switch carries: the callee-saved registers, MXCSR and the x87 control word, and the C++
// runtime's per-thread exception state (the caught-exception stack and the uncaught count), without
// which two fibers suspended inside their catch handlers would rethrow each other's exception.
// What it does not carry: the signal mask, errno, and thread-local storage. A context may be
// resumed on another OS thread than the one that suspended it, so no caller may keep the address of
// a thread-local object across a switch.
#pragma once

#include <cstddef>
#include <span>
#include <type_traits>

#include "fiber/sanitizer.hpp"
#include "fiber/stack.hpp"

namespace px::fiber {

// The function a context runs. It never returns: it ends in switch_final().
using Entry = void (*)(void* argument) noexcept;

struct Context {
  // Where execution stands: the stack pointer of the suspended side. Null while the context runs
  // and after its last switch; written by the side that a switch arrives at.
  void* resume_point = nullptr;
  // Message of the switch that resumes this context: who has to be told its resume_point. It lives
  // here, not in a local of the switching function, because a dying fiber's frames may vanish at
  // the switch.
  Context* arrived_from = nullptr;
  Entry entry = nullptr;
  void* argument = nullptr;
  std::byte* stack_low = nullptr;
  std::size_t stack_size = 0;
  // The two words behind __cxa_get_globals(), kept while the context is suspended.
  void* caught_exceptions = nullptr;
  unsigned int uncaught_exceptions = 0;
#if PX_ASAN
  void* fake_stack = nullptr;
#endif
#if PX_TSAN
  void* tsan_fiber = nullptr;
  void* tsan_retired = nullptr;  // message of a final switch: the fiber to destroy on arrival
#endif
};
static_assert(std::is_trivially_copyable_v<Context>, "snapshots copy contexts as bytes");

// Makes `context` stand for the calling OS thread, so that fibers can switch back to it. Once per
// thread, before its first switch.
void adopt_thread(Context& context) noexcept;

// Prepares `context` to call entry(argument) on `stack` at the first switch to it. The stack must
// stay mapped until the context has made its final switch or is never switched to again.
void make(Context& context, const Stack& stack, Entry entry, void* argument) noexcept;

// Suspends `from`, which must be the running context, and resumes `to`. Returns when something
// switches to `from` again, possibly on another OS thread.
//
// `from` may be resumed only after the side arrived at has left its own switch_to (or has entered
// its entry function): only then is from.resume_point written. The caller orders this, as a
// scheduler does that hands its runqueue lock over the switch. The switch is not async-signal-safe:
// a handler that itself switches must not interrupt it.
void switch_to(Context& from, Context& to) noexcept;

// As switch_to, for a context that never runs again. `from` is not touched once the switch is
// under way; its stack is in use until the side arrived at has left its own switch_to.
[[noreturn]] void switch_final(Context& from, Context& to) noexcept;

// Gives up a context that was made and is not going to run (again), so that a thread sanitizer
// forgets it. Contexts that make their final switch need no call; for them, and for a context
// without a thread sanitizer, it only marks the context dead.
void discard(Context& context) noexcept;

// The bytes of a suspended context's stack that matter for resuming it: from its stack pointer up
// to the stack's end.
[[nodiscard]] inline std::span<std::byte> live_stack(const Context& context) noexcept {
  auto* pointer = static_cast<std::byte*>(context.resume_point);
  return {pointer, static_cast<std::size_t>(context.stack_low + context.stack_size - pointer)};
}

}  // namespace px::fiber
