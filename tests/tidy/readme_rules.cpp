#include <algorithm>
#include <cstddef>

#include "rules.hpp"

namespace px::tidy {
namespace {

constexpr std::string_view kMark = "<!-- quote: ";

// The lines of a file behind its opening comment and the blank line after it.
std::vector<std::string> body_of(const SourceFile& file) {
  auto first = file.lines.begin();
  while (first != file.lines.end() && first->starts_with("//")) ++first;
  while (first != file.lines.end() && first->empty()) ++first;
  return {first, file.lines.end()};
}

}  // namespace

void check_quotes(const std::vector<SourceFile>& tree, Findings& findings) {
  bool readme_quotes = false;
  for (const auto& file : tree) {
    if (!file.has_suffix(".md")) continue;
    for (std::size_t i = 0; i < file.lines.size(); ++i) {
      if (!file.lines[i].starts_with(kMark)) continue;
      readme_quotes = readme_quotes || file.path == "README.md";
      const std::string path =
          file.lines[i].substr(kMark.size(), file.lines[i].find(" -->") - kMark.size());
      const auto quoted = std::find_if(tree.begin(), tree.end(), [&](const SourceFile& candidate) {
        return candidate.path == path;
      });
      if (quoted == tree.end()) {
        findings.push_back({"quote", file.path, i + 1, path + ": no such file"});
        continue;
      }
      const auto begin = file.lines.begin() + static_cast<std::ptrdiff_t>(i) + 2;
      const auto end = std::find(begin, file.lines.end(), "```");
      const auto body = body_of(*quoted);
      if (!std::equal(begin, end, body.begin(), body.end())) {
        findings.push_back({"quote", file.path, i + 1, "the block below differs from " + path});
      }
    }
  }
  if (!readme_quotes) {
    findings.push_back({"quote", "README.md", 0,
                        "quotes no example; mark one with " + std::string(kMark) + "PATH -->"});
  }
}

}  // namespace px::tidy
