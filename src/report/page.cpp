#include "report/page.hpp"

#include <fmt/format.h>

#include <array>
#include <cstddef>
#include <utility>

#include "base/check.hpp"
#include "report/embedded.hpp"
#include "trace/human.hpp"

namespace px::report {

namespace {

// "<" occurs in JSON inside strings alone, where an escape means the same. Without it neither
// "</script>" nor "<!--" can be formed.
std::string without_tags(std::string_view json) {
  std::string safe;
  safe.reserve(json.size());
  for (const char byte : json) {
    if (byte == '<') {
      safe += "\\u003c";
    } else {
      safe += byte;
    }
  }
  return safe;
}

using Field = std::pair<std::string_view, std::string_view>;

// Replaces each "@NAME@" of the template by the field of that name. What is put in is not looked
// at again, so that it may contain anything.
template <std::size_t N>
std::string filled(std::string_view text, const std::array<Field, N>& fields) {
  std::string result;
  std::size_t at = 0;
  for (const Field& field : fields) {
    const std::string mark = fmt::format("@{}@", field.first);
    const std::size_t found = text.find(mark, at);
    PX_CHECK(found != std::string_view::npos, "the template has every field, in this order");
    result.append(text.substr(at, found - at));
    result.append(field.second);
    at = found + mark.size();
  }
  result.append(text.substr(at));
  return result;
}

}  // namespace

std::string html_escaped(std::string_view text) {
  std::string escaped;
  escaped.reserve(text.size());
  for (const char byte : text) {
    switch (byte) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\'':
        escaped += "&#39;";
        break;
      default:
        escaped += byte;
    }
  }
  return escaped;
}

std::string html_duration(Nanos duration) {
  std::string text = trace::human_duration(duration);
  const std::size_t unit = text.find_first_not_of("-.0123456789");
  if (unit != std::string::npos) text.insert(unit, "&nbsp;");
  const std::size_t micro = text.find(";us");
  return micro == std::string::npos ? text : text.replace(micro + 1, 1, "&micro;");
}

std::string page_html(const Page& page) {
  const std::string title = html_escaped(page.title);
  const std::string data = without_tags(page.data);
  std::string script;
  for (const std::string_view part :
       {kCommonJs, kTracksJs, kPaintJs, kTimelineJs, kDistributionJs}) {
    script.append(part);
  }
  return filled(kPageHtml, std::array<Field, 5>{{{"TITLE", title},
                                                 {"STYLE", kStyleCss},
                                                 {"BODY", page.body},
                                                 {"DATA", data},
                                                 {"SCRIPT", script}}});
}

}  // namespace px::report
