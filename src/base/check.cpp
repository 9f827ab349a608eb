#include "base/check.hpp"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace px {

namespace {
CheckHandler handler_in_force = nullptr;
}  // namespace

void set_check_handler(CheckHandler handler) noexcept { handler_in_force = handler; }

void check_failed(const char* file, int line, const char* expr, const char* message) noexcept {
  if (handler_in_force != nullptr) handler_in_force(file, line, expr, message);
  char text[512];
  const int size =
      std::snprintf(text, sizeof text, "%s:%d: check failed: %s: %s\n", file, line, expr, message);
  if (size > 0) {
    const auto bytes =
        static_cast<size_t>(size) < sizeof text ? static_cast<size_t>(size) : sizeof text - 1;
    // A failed write cannot be reported anywhere else; the abort below still happens.
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text, bytes);
  }
  std::abort();
}

}  // namespace px
