// PX_CHECK: assertions that stay on in release builds; PX_DCHECK: the costly ones, debug builds
// only.
//
// A failed check prints file, line, the expression and the caller's words, then aborts: a scheduler
// that has lost an invariant must not go on. Neither macro allocates, so both are safe under a
// runqueue lock and in a signal handler.
#pragma once

namespace px {

// Prints "FILE:LINE: check failed: EXPR: MESSAGE" to stderr and aborts. Any thread, any context.
[[noreturn]] void check_failed(const char* file, int line, const char* expr,
                               const char* message) noexcept;

// Called by check_failed() before it prints, if set; it may leave by switching to another stack, as
// the model checker does, for which a failed check is a finding. One per process; nullptr removes
// it.
using CheckHandler = void (*)(const char* file, int line, const char* expr, const char* message);
void set_check_handler(CheckHandler handler) noexcept;

}  // namespace px

#define PX_CHECK(cond, message)                               \
  do {                                                        \
    if (!(cond)) [[unlikely]] {                               \
      ::px::check_failed(__FILE__, __LINE__, #cond, message); \
    }                                                         \
  } while (false)

#ifdef NDEBUG
#define PX_DCHECK(cond, message) \
  do {                           \
  } while (false)
#else
#define PX_DCHECK(cond, message) PX_CHECK(cond, message)
#endif
