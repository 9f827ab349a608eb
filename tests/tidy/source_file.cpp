#include "source_file.hpp"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace px::tidy {
namespace {

bool is_identifier(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

// Blanks comments and literals of one file, line by line.
class Blanker {
 public:
  std::string blank(std::string_view line) {
    std::string code(line);
    for (std::size_t i = 0; i < line.size();) i = step(line, i, code);
    return code;
  }

 private:
  std::size_t step(std::string_view line, std::size_t i, std::string& code) {
    if (in_comment_) return inside(line, i, code, "*/", in_comment_);
    if (in_raw_) return inside(line, i, code, raw_end_, in_raw_);
    const std::string_view rest = line.substr(i);
    if (rest.starts_with("//")) {
      fill(code, i, line.size());
      return line.size();
    }
    if (rest.starts_with("/*")) {
      in_comment_ = true;
      fill(code, i, i + 2);
      return i + 2;
    }
    if (rest.starts_with("R\"") && (i == 0 || !is_identifier(line[i - 1]))) {
      const auto open = rest.find('(');
      if (open != std::string_view::npos) {
        in_raw_ = true;
        raw_end_.assign(1, ')');
        raw_end_ += rest.substr(2, open - 2);
        raw_end_.push_back('"');
        return i + open + 1;
      }
    }
    const bool include = line.starts_with("#include");
    if (line[i] == '"' && !include) return literal(line, i, code);
    // Not a digit separator.
    if (line[i] == '\'' && (i == 0 || !is_identifier(line[i - 1]))) return literal(line, i, code);
    return i + 1;
  }

  static std::size_t literal(std::string_view line, std::size_t i, std::string& code) {
    const char quote = line[i];
    std::size_t end = i + 1;
    while (end < line.size() && line[end] != quote) end += line[end] == '\\' ? 2 : 1;
    end = std::min(end, line.size());
    fill(code, i + 1, end);
    return end + 1;
  }

  static std::size_t inside(std::string_view line, std::size_t i, std::string& code,
                            std::string_view closing, bool& flag) {
    const auto end = line.find(closing, i);
    const bool closes = end != std::string_view::npos;
    const std::size_t last = closes ? end + closing.size() : line.size();
    fill(code, i, last);
    if (closes) flag = false;
    return last;
  }

  static void fill(std::string& code, std::size_t from, std::size_t to) {
    for (std::size_t i = from; i < to && i < code.size(); ++i) code[i] = ' ';
  }

  bool in_comment_ = false;
  bool in_raw_ = false;
  std::string raw_end_;
};

bool is_text(const std::filesystem::path& path) {
  static constexpr std::string_view kNot[] = {".png", ".ico", ".woff2"};
  return std::none_of(std::begin(kNot), std::end(kNot),
                      [&](std::string_view end) { return path.extension() == end; });
}

}  // namespace

std::string SourceFile::name() const { return path.substr(path.rfind('/') + 1); }

std::string SourceFile::folder() const {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? std::string() : path.substr(0, slash);
}

SourceFile make_source_file(std::string path, std::string_view text) {
  SourceFile file;
  file.path = std::move(path);
  while (!text.empty()) {
    const auto end = text.find('\n');
    file.lines.emplace_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  file.code = file.lines;
  if (file.is_cpp()) {
    Blanker blanker;
    for (auto& line : file.code) line = blanker.blank(line);
  }
  return file;
}

std::vector<SourceFile> read_tree(const std::string& root) {
  namespace fs = std::filesystem;
  std::vector<SourceFile> files;
  for (auto entry = fs::recursive_directory_iterator(root);
       entry != fs::recursive_directory_iterator(); ++entry) {
    const std::string name = entry->path().filename().string();
    if (entry->is_directory()) {
      const bool top = entry.depth() == 0;
      if (name == ".git" || (top && name.starts_with("build"))) entry.disable_recursion_pending();
      continue;
    }
    // In a work tree of its own .git is a file, which names a place on this machine.
    if (name == ".git" || !entry->is_regular_file() || !is_text(entry->path())) continue;
    std::ifstream in(entry->path(), std::ios::binary);
    const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    files.push_back(make_source_file(fs::relative(entry->path(), root).generic_string(), text));
  }
  std::sort(files.begin(), files.end(),
            [](const SourceFile& a, const SourceFile& b) { return a.path < b.path; });
  return files;
}

std::size_t find_word(std::string_view line, std::string_view word) {
  for (auto at = line.find(word); at != std::string_view::npos; at = line.find(word, at + 1)) {
    const std::size_t end = at + word.size();
    const bool starts = at == 0 || !is_identifier(line[at - 1]) || !is_identifier(word.front());
    const bool ends =
        end == line.size() || !is_identifier(line[end]) || !is_identifier(word.back());
    if (starts && ends) return at;
  }
  return std::string_view::npos;
}

}  // namespace px::tidy
