// The frame that every report page shares: one self-contained HTML file without any reference to
// another file or to the network.
#pragma once

#include <string>
#include <string_view>

#include "base/time.hpp"

namespace px::report {

// `text` for use between tags or in a quoted attribute.
[[nodiscard]] std::string html_escaped(std::string_view text);

// trace::human_duration with a no-break space before the unit: "1.234&nbsp;ms".
[[nodiscard]] std::string html_duration(Nanos duration);

struct Page {
  std::string title;  // plain text
  std::string body;   // HTML
  std::string data;   // JSON, read by the scripts
};

// The whole page. No string in `data`, whatever it contains, can end the script element it is
// embedded in. The same page gives the same bytes.
[[nodiscard]] std::string page_html(const Page& page);

}  // namespace px::report
