// Values of command line options, checked.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.hpp"

namespace px::tools {

// Each throws UsageError, one line that names the option, what was found and what was expected.

// A whole number in [low, high], in decimal digits.
[[nodiscard]] std::uint64_t parse_number(const std::string& option, const std::string& text,
                                         std::uint64_t low, std::uint64_t high);
// A decimal number of seconds above 0; with `or_endless` also -1, which gives -1.
[[nodiscard]] Nanos parse_seconds(const std::string& option, const std::string& text,
                                  bool or_endless);
// One of `words`; its index.
[[nodiscard]] std::size_t parse_choice(const std::string& option, const std::string& text,
                                       const std::vector<std::string_view>& words);

// What the environment variable PX_PROXY_EXEC says: 0 and false switch proxy execution off, 1, true
// and no variable leave it on. Anything else is ignored with one warning on standard error.
[[nodiscard]] bool proxy_exec_from_environment();

}  // namespace px::tools
