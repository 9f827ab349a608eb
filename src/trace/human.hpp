// Numbers as people read them. Used by every plain-text table and by the reports.
#pragma once

#include <cstdint>
#include <string>

#include "base/time.hpp"

namespace px::trace {

// A duration in at most four digits and the unit that fits: "0", "17ns", "1.234ms", "12.34s",
// "9876s"; half up. At most seven characters up to 9999 s.
[[nodiscard]] std::string human_duration(Nanos duration);

// How many columns of a terminal the UTF-8 `text` takes, taken as one for each code point.
[[nodiscard]] std::size_t columns_of(const std::string& text);

// `text` cut to `width` columns, the last one "~" if something was cut, and filled with blanks on
// the right.
[[nodiscard]] std::string fitted(const std::string& text, std::size_t width);

}  // namespace px::trace
