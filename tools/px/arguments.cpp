#include "arguments.hpp"

#include <algorithm>
#include <charconv>

#include "base/proxy_switch.hpp"
#include "output.hpp"
#include "workload/values.hpp"

namespace px::tools {

namespace {

bool all_digits(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// Digits with at most one point among them, and at least one digit.
bool is_decimal(std::string_view text) {
  const std::size_t point = text.find('.');
  if (point == std::string_view::npos) return !text.empty() && all_digits(text);
  return text.size() > 1 && all_digits(text.substr(0, point)) && all_digits(text.substr(point + 1));
}

[[noreturn]] void fail(const std::string& option, const std::string& text,
                       const std::string& expected) {
  throw UsageError("found \"" + text + "\" for " + option + ", expected " + expected);
}

}  // namespace

std::uint64_t parse_number(const std::string& option, const std::string& text, std::uint64_t low,
                           std::uint64_t high) {
  std::uint64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value);
  if (parsed.ec != std::errc{} || parsed.ptr != end || value < low || value > high) {
    fail(option, text,
         "a whole number from " + std::to_string(low) + " to " + std::to_string(high));
  }
  return value;
}

Nanos parse_seconds(const std::string& option, const std::string& text, bool or_endless) {
  using Status = workload::DecimalSeconds::Status;
  if (or_endless && text == "-1") return -1;
  const std::string expected = std::string("a number of seconds above 0, such as 2.5") +
                               (or_endless ? ", or -1 to run until every task has ended" : "");
  if (!is_decimal(text)) fail(option, text, expected);
  const workload::DecimalSeconds seconds = workload::decimal_seconds(text);
  if (seconds.status == Status::kTooFine) {
    fail(option, text, "seconds with at most 9 decimals (nanoseconds)");
  }
  if (seconds.status == Status::kTooLarge) fail(option, text, "at most 9223372036 seconds");
  if (seconds.nanos == 0) fail(option, text, expected);
  return seconds.nanos;
}

std::size_t parse_choice(const std::string& option, const std::string& text,
                         const std::vector<std::string_view>& words) {
  const auto found = std::find(words.begin(), words.end(), text);
  if (found != words.end()) return static_cast<std::size_t>(found - words.begin());
  std::string expected;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) expected += i + 1 == words.size() ? " or " : ", ";
    expected += words[i];
  }
  fail(option, text, expected);
}

bool proxy_exec_from_environment() {
  const ProxySwitch environment = proxy_switch_of_environment();
  if (environment.rejected != nullptr) {
    write_stderr("px: warning: ignored PX_PROXY_EXEC=\"" + std::string(environment.rejected) +
                 "\", expected 0, 1, true or false\n");
  }
  return environment.on.value_or(true);
}

}  // namespace px::tools
