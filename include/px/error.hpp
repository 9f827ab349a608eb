// Errors: expected failures are std::system_error with these codes; misuse in a noexcept function
// goes to the fatal handler.
#pragma once

#include <string>
#include <system_error>

namespace px {
inline namespace v0 {

enum class errc {
  not_a_task = 1,     // the call needs a task of a px::Runtime; it came from a foreign thread
  other_runtime,      // the object belongs to another runtime
  invalid_params,     // scheduling parameters out of range
  invalid_affinity,   // the mask names no CPU of the runtime, or none that is online
  not_supported,      // this version or this machine cannot do it
  foreign_lock_held,  // a px call would block while a lock of another library is held
  preemption_off,     // a px call would block under a PreemptGuard
  runtime_stopped,    // the runtime accepts no more tasks
  signal_in_use,      // the preemption signal has a handler already
  invalid_join,       // a task joins itself, or a handle is empty
  last_cpu,           // the CPU cannot go offline: no other one is online
  not_admitted,       // a deadline task does not fit beside the others
};

// The category of the codes above, named "px". Any thread.
[[nodiscard]] const std::error_category& error_category() noexcept;
// Found by std::error_code's constructor. Any thread.
[[nodiscard]] std::error_code make_error_code(errc code) noexcept;

// Thrown by the lock call that closed a cycle of waits. Its caller is left as if it had not been
// called. what() is the chain: task, lock, task, ...
class Deadlock : public std::system_error {
 public:
  // Made by the library: code std::errc::resource_deadlock_would_occur.
  explicit Deadlock(const std::string& chain);
};

// Called once with one line (what happened, which task and lock, what to do) for a misuse that
// cannot be reported to its caller; must not return. nullptr restores the default: print, abort.
// Any thread.
using FatalHandler = void (*)(const char* line);
// Installs a handler and returns the one before it. Any thread.
FatalHandler set_fatal_handler(FatalHandler handler) noexcept;

}  // namespace v0
}  // namespace px

template <>
struct std::is_error_code_enum<px::errc> : std::true_type {};
