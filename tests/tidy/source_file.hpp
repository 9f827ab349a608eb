// A text file of the repository, as the house rules look at it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace px::tidy {

struct SourceFile {
  std::string path;  // from the repository's root
  std::vector<std::string> lines;
  // C++ files only, else equal to `lines`: comments, and what stands in string and character
  // literals, blanked out. Same number of lines, same columns.
  std::vector<std::string> code;

  [[nodiscard]] bool has_suffix(std::string_view suffix) const { return path.ends_with(suffix); }
  [[nodiscard]] bool is_under(std::string_view folder) const { return path.starts_with(folder); }
  [[nodiscard]] bool is_cpp() const { return has_suffix(".cpp") || has_suffix(".hpp"); }
  [[nodiscard]] std::string name() const;    // after the last '/'
  [[nodiscard]] std::string folder() const;  // before it, without '/'
};

// One breach of one rule.
struct Finding {
  std::string rule;
  std::string path;
  std::size_t line = 0;  // from 1; 0 = the file as a whole
  std::string text;      // what was found, and what to do instead
};

using Findings = std::vector<Finding>;

// Splits a text into lines and blanks comments and literals where `path` names C++.
[[nodiscard]] SourceFile make_source_file(std::string path, std::string_view text);

// Every text file of the tree in the order of its path: not .git, not build folders, not pictures.
[[nodiscard]] std::vector<SourceFile> read_tree(const std::string& root);

// A word of `line` (not part of a longer identifier) equal to `word`; npos if there is none.
[[nodiscard]] std::size_t find_word(std::string_view line, std::string_view word);

}  // namespace px::tidy
