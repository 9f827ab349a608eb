// The signal that takes the CPU away from a computing task, and its handler.
//
// The handler runs on the interrupted task's own stack, on which the kernel has saved all
// registers, so switching to another task from inside it suspends the interrupted one completely;
// when it is switched back to (on the same thread), the handler returns and the task goes on.
//
//   1  preemption off (the count goes to 1 if it was 0)
//   2  may_preempt = the count was zero and no foreign lock is held and the interrupted program
//      counter lies in preemptible text
//   3  hook(may_preempt, context), which may switch if may_preempt
//   4  preemption on again, and nothing after that but the return into the kernel
//
// A further signal in 1 to 4 finds the count above zero and is refused. One that comes in the few
// instructions before 1 and after 4 finds a count of zero in the middle of a handler, of which the
// frame may belong to a task that was interrupted inside malloc: preempting there would corrupt the
// heap just as preempting malloc would. The whole handler therefore lies in the section
// px_nopreempt, which no text rule calls preemptible.
#pragma once

#include <sys/types.h>

#include <csignal>
#include <string>

#include "fiber/sanitizer.hpp"
#include "live/preempt_text.hpp"
#include "live/thread_state.hpp"

namespace px::live {

// The thread sanitizer holds signals back until the program calls into libc; tasks are then
// switched at their own calls only.
inline constexpr bool kAsynchronousPreemption = !PX_TSAN;

class PreemptSignal {
 public:
  // Called by the handler on a worker thread, with preemption off, errno saved, and the signals of
  // the interrupted code unmasked. With may_preempt it may switch tasks and come back later on the
  // same thread and with the same preempt count. Without, it has interrupted anything at all, also
  // itself: it may touch atomics only. `ucontext` is the ucontext_t of the interrupted code.
  using Hook = void (*)(bool may_preempt, void* ucontext) noexcept;

  // Installs the handler. `signal` 0 chooses the first of SIGRTMIN to SIGRTMAX whose action is the
  // default one; otherwise that signal, which must have the default action. Throws
  // std::system_error: device_or_resource_busy for a signal in use or when all are,
  // invalid_argument for a number that is none or that cannot be caught. `text` must outlive it.
  PreemptSignal(int signal, const PreemptText& text, Hook hook);
  // Restores the default action. No signal may be under way: timers are deleted and the threads
  // that were signalled have ended, or the default action ends the process.
  ~PreemptSignal();
  PreemptSignal(const PreemptSignal&) = delete;
  PreemptSignal& operator=(const PreemptSignal&) = delete;

  [[nodiscard]] int number() const noexcept { return number_; }
  [[nodiscard]] std::string name() const;

  // Signals a thread of this process, about 7 us of the caller's time if the target is running on
  // another CPU. False if the thread has ended. Async-signal-safe.
  bool raise_on(pid_t tid) const noexcept;
  // The same for a worker, but only if no signal of this kind is under way to it: their frames
  // would pile up on its stack. The caller has stored what the target is to see (need_resched)
  // before.
  bool raise_once(ThreadState& target) const noexcept;

 private:
  int number_ = 0;
};

}  // namespace px::live
