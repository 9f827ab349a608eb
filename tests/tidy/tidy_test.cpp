// Goal: the tree keeps the house rules of docs/STYLE.md.
// Method: reads every text file of the repository and runs each rule over it. An exception stands
// in allowed.txt with its reason; one that nothing needs any more is a failure too.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "rules.hpp"

namespace px::tidy {
namespace {

struct Allowed {
  std::string rule;
  std::string path;
  std::string reason;
  bool used = false;
};

// "RULE PATH REASON" per line; '#' opens a comment line.
std::vector<Allowed> read_allowed(const std::string& path) {
  std::vector<Allowed> list;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line.front() == '#') continue;
    std::istringstream words(line);
    Allowed entry;
    words >> entry.rule >> entry.path;
    std::getline(words >> std::ws, entry.reason);
    list.push_back(entry);
  }
  return list;
}

class Tidy : public testing::Test {
 protected:
  static void SetUpTestSuite() { tree() = read_tree(PX_SOURCE_DIR); }
  static std::vector<SourceFile>& tree() {
    static std::vector<SourceFile> files;
    return files;
  }

  // What is left of `findings` after the allowed ones of these rules, one line each.
  static std::string judge(const Findings& findings, const std::vector<std::string>& rules) {
    auto allowed = read_allowed(std::string(PX_SOURCE_DIR) + "/tests/tidy/allowed.txt");
    std::string report;
    for (const auto& finding : findings) {
      bool pass = false;
      for (auto& entry : allowed) {
        if (entry.rule == finding.rule && entry.path == finding.path) pass = entry.used = true;
      }
      if (pass) continue;
      report += finding.path + ":" + std::to_string(finding.line) + ": " + finding.rule + ": " +
                finding.text + "\n";
    }
    for (const auto& entry : allowed) {
      const bool ours = std::find(rules.begin(), rules.end(), entry.rule) != rules.end();
      if (ours && entry.reason.empty()) report += entry.path + ": allowed without a reason\n";
      if (ours && !entry.used) {
        report += "allowed.txt: nothing needs \"" + entry.rule + " " + entry.path + "\"\n";
      }
    }
    return report;
  }

  static void expect_none(const Findings& findings, const std::vector<std::string>& rules) {
    const std::string report = judge(findings, rules);
    if (!report.empty()) ADD_FAILURE() << "against the house rules:\n" << report;
  }

  using FileRule = void (*)(const SourceFile&, Findings&);
  static void expect_clean(FileRule rule, const std::vector<std::string>& names) {
    Findings findings;
    for (const auto& file : tree()) rule(file, findings);
    expect_none(findings, names);
  }
};

TEST_F(Tidy, ReadsTheTree) {
  std::size_t sources = 0;
  for (const auto& file : tree()) sources += file.is_cpp() ? 1 : 0;
  EXPECT_GT(sources, 100U) << "the tree under " << PX_SOURCE_DIR << " was not found";
}

TEST_F(Tidy, Lines) { expect_clean(&check_lines, {"columns", "space"}); }
TEST_F(Tidy, Unfinished) { expect_clean(&check_unfinished, {"unfinished"}); }
TEST_F(Tidy, Machine) { expect_clean(&check_machine, {"machine"}); }
TEST_F(Tidy, PragmaOnce) { expect_clean(&check_pragma_once, {"pragma-once"}); }
TEST_F(Tidy, Lengths) { expect_clean(&check_lengths, {"file-length", "function-length"}); }
TEST_F(Tidy, Banned) { expect_clean(&check_banned, {"banned"}); }
TEST_F(Tidy, Includes) { expect_clean(&check_includes, {"include"}); }
TEST_F(Tidy, Documented) { expect_clean(&check_documented, {"documented"}); }
TEST_F(Tidy, TestGoal) { expect_clean(&check_test_goal, {"goal"}); }

TEST_F(Tidy, DeadFiles) {
  Findings findings;
  check_dead_files(tree(), findings);
  expect_none(findings, {"dead-file"});
}

TEST_F(Tidy, Links) {
  Findings findings;
  check_links(tree(), findings);
  expect_none(findings, {"link"});
}

TEST_F(Tidy, Quotes) {
  Findings findings;
  check_quotes(tree(), findings);
  expect_none(findings, {"quote"});
}

}  // namespace
}  // namespace px::tidy
