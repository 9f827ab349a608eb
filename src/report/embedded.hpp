// The parts of the reports that are no C++: page frame, style and scripts, compiled in from the
// files of the same names in this folder (embed.cmake).
#pragma once

#include <string_view>

namespace px::report {

extern const std::string_view kPageHtml;
extern const std::string_view kStyleCss;
extern const std::string_view kCommonJs;
extern const std::string_view kTracksJs;
extern const std::string_view kPaintJs;
extern const std::string_view kTimelineJs;
extern const std::string_view kDistributionJs;

}  // namespace px::report
