// Locks of other libraries ("foreign" locks) that the calling thread holds.
//
// The text rule (preempt_text.hpp) keeps a task from being switched *inside* libc. It says nothing
// about a task that *holds* something of libc's while it executes its own code: switched away
// inside the initialiser of a function-local static, the next task that comes by aborts or waits
// for ever; switched away with a std::mutex locked, it blocks the only thread that could unlock it.
// So this library interposes the functions below, and counts. While the count is not zero the task
// is neither preempted nor switched.
//
// What is seen: every call from the program and its libraries that goes through the dynamic linker.
//   __cxa_guard_acquire, _release, _abort         statics of functions (std::locale's and others)
//   pthread_mutex_*, mtx_*                        std::mutex, std::recursive_mutex,
//   std::timed_mutex pthread_rwlock_*                              std::shared_mutex pthread_spin_*
//   pthread_once, call_once                       std::call_once: held while the initialiser runs
//   flockfile, ftrylockfile, funlockfile
// A condition variable's wait needs no counting: libc unlocks and relocks the mutex inside the
// call, by ways of its own that are not seen here, so the mutex stays counted throughout, as it is
// held before and after. The thread is inside libc all that time and not preempted anyhow.
//
// What is not seen: libc's own calls among its parts (glibc locks stdio streams, malloc arenas and
// the loader without going through the linkage table), which the text rule covers; spin bits in
// header code, as in std::stop_source and std::atomic<std::shared_ptr>; a lock taken before a
// library was interposed (RTLD_DEEPBIND) or by its own futex calls.
//
// The count goes up before the lock is tried and down after it is released or refused, so there is
// no moment in which the lock is held and not counted. A lock released by another thread than the
// one that took it leaves the taker's count up for ever, and never takes the releaser's below zero.
//
// Threads that are not workers pay for the count and nothing else. On a worker, a lock that cannot
// be had at once is reported to the hook before the thread blocks.
//
// The option PX_INTERPOSE=OFF leaves all this out. So does a build with the thread sanitizer: its
// runtime defines __cxa_guard_acquire itself and would lose sight of the locks; and as it delays
// signals, there is no asynchronous preemption under it from which anything had to be protected. In
// both cases interposed() is false and the count stays zero. A fully static executable
// needs a library built with PX_INTERPOSE=OFF, since there is no next definition to pass a call to.
#pragma once

#include <cstdint>

#include "live/thread_state.hpp"

namespace px::live {

// Whether the functions above are interposed in this process. Asks the dynamic linker: once, at
// start. Not from a signal handler.
[[nodiscard]] bool interposed() noexcept;

// The number of foreign locks that the calling thread holds. Async-signal-safe.
[[nodiscard]] inline std::uint32_t foreign_held() noexcept {
  return own::load<offsetof(ThreadState, foreign_depth)>();
}

// Called on a worker thread that is about to block in the kernel (or spin) for a foreign lock or
// condition variable; `what` is the function's name, a static string. The count is up already, so
// the hook must not switch tasks. It may use no foreign lock itself.
using ForeignBlockHook = void (*)(const char* what) noexcept;

// Installs the hook, null for none; returns the one before it. Any thread.
ForeignBlockHook set_foreign_block_hook(ForeignBlockHook hook) noexcept;

// Reports to the hook, if there is one and the calling thread is a worker. For interpose.cpp.
void report_foreign_block(const char* what) noexcept;

}  // namespace px::live
