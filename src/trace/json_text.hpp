// Strings as JSON text.
#pragma once

#include <string>
#include <string_view>

namespace px::trace {

// `text` as a JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD, so that the
// result is always valid JSON.
[[nodiscard]] std::string json_quoted(std::string_view text);

}  // namespace px::trace
