#include <algorithm>
#include <cctype>
#include <filesystem>
#include <iterator>
#include <set>

#include "rules.hpp"

namespace px::tidy {
namespace {

bool is_build_file(const SourceFile& file) {
  return file.name() == "CMakeLists.txt" || file.has_suffix(".cmake");
}

// Whether a build file names the source, or, where it makes names of a list ("${name}_test.cpp"),
// the list names it.
bool is_built(const std::vector<SourceFile>& tree, const SourceFile& source) {
  const std::string name = source.name();
  const std::size_t end = name.ends_with("_test.cpp") ? 9 : 4;
  const std::string stem = name.substr(0, name.size() - end);
  const std::string pattern = "}" + name.substr(stem.size());
  const auto names = [](const SourceFile& file, const std::string& word) {
    return std::any_of(file.lines.begin(), file.lines.end(), [&](const std::string& line) {
      return find_word(line, word) != std::string_view::npos;
    });
  };
  return std::any_of(tree.begin(), tree.end(), [&](const SourceFile& file) {
    return is_build_file(file) &&
           (names(file, name) || (names(file, pattern) && names(file, stem)));
  });
}

bool includes(const std::vector<SourceFile>& tree, const SourceFile& header) {
  return std::any_of(tree.begin(), tree.end(), [&](const SourceFile& file) {
    if (file.path == header.path) return false;
    return std::any_of(file.lines.begin(), file.lines.end(), [&](const std::string& line) {
      return line.find("#include") != std::string::npos &&
             find_word(line, header.name()) != std::string_view::npos;
    });
  });
}

// As GitHub makes them: lower case, blanks to '-', letters, digits, '-' and '_' only.
std::string slug(std::string_view heading) {
  std::string result;
  for (const char c : heading) {
    if (c == ' ') {
      result += '-';
    } else if (std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' ||
               (static_cast<unsigned char>(c) & 0x80U) != 0) {
      result += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
  }
  return result;
}

std::set<std::string> headings(const SourceFile& file) {
  std::set<std::string> slugs;
  bool code = false;
  for (const auto& line : file.lines) {
    if (line.starts_with("```")) code = !code;
    if (code || !line.starts_with("#")) continue;
    const auto text = line.find_first_not_of('#');
    if (text == std::string::npos || line[text] != ' ') continue;
    slugs.insert(slug(line.substr(text + 1)));
  }
  return slugs;
}

class Links {
 public:
  Links(const std::vector<SourceFile>& tree, Findings& findings)
      : tree_(tree), findings_(findings) {
    for (const auto& file : tree) {
      paths_.insert(file.path);
      for (std::string folder = file.folder(); !folder.empty();) {
        paths_.insert(folder);
        const auto slash = folder.rfind('/');
        folder.resize(slash == std::string::npos ? 0 : slash);
      }
    }
  }

  void check(const SourceFile& file) {
    bool code = false;
    for (std::size_t i = 0; i < file.lines.size(); ++i) {
      const std::string& line = file.lines[i];
      if (line.starts_with("```")) code = !code;
      if (code) continue;
      for (auto at = line.find("]("); at != std::string::npos; at = line.find("](", at + 1)) {
        const auto end = line.find(')', at);
        if (end == std::string::npos) continue;
        check_one(file, i + 1, line.substr(at + 2, end - at - 2));
      }
    }
  }

 private:
  void check_one(const SourceFile& file, std::size_t line, const std::string& target) {
    if (target.starts_with("http://") || target.starts_with("https://")) return;
    const auto hash = target.find('#');
    const std::string path = target.substr(0, hash);
    const std::string full =
        path.empty() ? file.path
                     : (std::filesystem::path(file.folder()) / path).lexically_normal().string();
    const std::string clean = full.ends_with("/") ? full.substr(0, full.size() - 1) : full;
    if (!paths_.contains(clean)) {
      findings_.push_back({"link", file.path, line, target + ": no such file"});
      return;
    }
    if (hash == std::string::npos) return;
    const auto linked = std::find_if(tree_.begin(), tree_.end(), [&](const SourceFile& candidate) {
      return candidate.path == clean;
    });
    if (linked != tree_.end() && !headings(*linked).contains(target.substr(hash + 1))) {
      findings_.push_back({"link", file.path, line, target + ": no such heading"});
    }
  }

  const std::vector<SourceFile>& tree_;
  Findings& findings_;
  std::set<std::string> paths_;
};

}  // namespace

void check_dead_files(const std::vector<SourceFile>& tree, Findings& findings) {
  for (const auto& file : tree) {
    if (file.has_suffix(".cpp") && !is_built(tree, file)) {
      findings.push_back(
          {"dead-file", file.path, 0, "in no CMakeLists.txt; build it or delete it"});
    }
    // The public headers are included by their users.
    if (file.has_suffix(".hpp") && !file.is_under("include/px/") && !includes(tree, file)) {
      findings.push_back({"dead-file", file.path, 0, "included by nobody"});
    }
  }
}

void check_links(const std::vector<SourceFile>& tree, Findings& findings) {
  Links links(tree, findings);
  for (const auto& file : tree) {
    if (file.has_suffix(".md")) links.check(file);
  }
}

}  // namespace px::tidy
