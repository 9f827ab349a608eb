#include "rules.hpp"

namespace px::tidy {
namespace {

// Characters, not bytes: continuation bytes of UTF-8 do not count.
std::size_t columns(std::string_view line) {
  std::size_t count = 0;
  for (const char c : line) {
    if ((static_cast<unsigned char>(c) & 0xC0U) != 0x80U) ++count;
  }
  return count;
}

bool is_prose_or_data(const SourceFile& file) {
  for (const auto* suffix : {".md", ".json", ".svg", ".html", "LICENSE"}) {
    if (file.has_suffix(suffix)) return true;
  }
  return false;
}

}  // namespace

void check_lines(const SourceFile& file, Findings& findings) {
  if (is_prose_or_data(file)) return;
  for (std::size_t i = 0; i < file.lines.size(); ++i) {
    const std::string& line = file.lines[i];
    if (const auto width = columns(line); width > kMaxColumns) {
      findings.push_back(
          {"columns", file.path, i + 1,
           std::to_string(width) + " columns; at most " + std::to_string(kMaxColumns)});
    }
    if (!line.empty() && (line.back() == ' ' || line.back() == '\t' || line.back() == '\r')) {
      findings.push_back({"space", file.path, i + 1, "blank at the end of the line"});
    }
    if (file.is_cpp() && line.find('\t') != std::string::npos) {
      findings.push_back({"space", file.path, i + 1, "tab; indent by two spaces"});
    }
  }
}

void check_unfinished(const SourceFile& file, Findings& findings) {
  for (std::size_t i = 0; i < file.lines.size(); ++i) {
    for (const auto* word : {"TODO", "FIXME", "XXX", "HACK", "TBD", "lorem"}) {
      if (find_word(file.lines[i], word) != std::string_view::npos) {
        findings.push_back({"unfinished", file.path, i + 1,
                            std::string(word) + ": finish it, or write it up as an issue"});
      }
    }
  }
}

void check_machine(const SourceFile& file, Findings& findings) {
  static constexpr std::string_view kPaths[] = {"/work/", "/tmp/", "/root/", "/home/"};
  static constexpr std::string_view kRegistries[] = {
      "deb.debian.org", "pypi.org", "registry.npmjs", "crates.io/", "proxy.golang", "conan.io"};
  for (std::size_t i = 0; i < file.lines.size(); ++i) {
    for (const auto path : kPaths) {
      if (file.lines[i].find(path) != std::string::npos) {
        findings.push_back({"machine", file.path, i + 1,
                            std::string(path) + ": a path of one machine; use $TMPDIR or the "
                                                "build folder"});
      }
    }
    for (const auto host : kRegistries) {
      if (file.lines[i].find(host) != std::string::npos) {
        findings.push_back({"machine", file.path, i + 1,
                            std::string(host) + ": a package registry; name packages in "
                                                "scripts/packages"});
      }
    }
  }
}

}  // namespace px::tidy
