// Goal: each house rule finds what it is for and nothing else, so that a clean tree means
// something. Method: small texts with one breach, and the same texts without it.
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "rules.hpp"
#include "scopes.hpp"

namespace px::tidy {
namespace {

using FileRule = void (*)(const SourceFile&, Findings&);

// The rules breached by a text, as "rule@line".
std::vector<std::string> found(FileRule rule, const std::string& path, std::string_view text) {
  Findings findings;
  rule(make_source_file(path, text), findings);
  std::vector<std::string> names;
  for (const auto& finding : findings) {
    names.push_back(finding.rule + "@" + std::to_string(finding.line));
  }
  return names;
}

using Names = std::vector<std::string>;

TEST(TidySelf, BlanksCommentsAndLiterals) {
  const auto file = make_source_file("a.cpp",
                                     "int a = 1'000; // rand()\n"
                                     "f(\"rand()\", '\"', 2); /* rand()\n"
                                     "rand() */ g(R\"x(rand()\n"
                                     "rand())x\", h);\n");
  ASSERT_EQ(file.code.size(), 4U);
  EXPECT_EQ(file.code[0], "int a = 1'000;          ");
  EXPECT_EQ(file.code[1], "f(\"      \", ' ', 2);          ");
  EXPECT_EQ(file.code[2], "          g(R\"x(      ");
  EXPECT_NE(file.code[3].find(", h);"), std::string::npos);
  for (const auto& line : file.code) EXPECT_EQ(find_word(line, "rand"), std::string::npos) << line;
}

TEST(TidySelf, FindsWords) {
  EXPECT_EQ(find_word("operand rand_x rand(1)", "rand"), 15U);
  EXPECT_EQ(find_word("operand", "rand"), std::string::npos);
  EXPECT_EQ(find_word("#include <format>", "<format>"), 9U);
  EXPECT_EQ(find_word("#ifdef X", "#if"), std::string::npos);
}

TEST(TidySelf, Lines) {
  EXPECT_EQ(found(&check_lines, "a.cpp", std::string(100, 'x') + "\n"), Names{});
  EXPECT_EQ(found(&check_lines, "a.cpp", std::string(101, 'x') + "\n"), Names{"columns@1"});
  EXPECT_EQ(found(&check_lines, "a.md", std::string(101, 'x') + "\n"), Names{});
  EXPECT_EQ(found(&check_lines, "a.cpp", "x \n\tx\n"), (Names{"space@1", "space@2"}));
  std::string umlauts;
  for (int i = 0; i < 60; ++i) umlauts += "\xC3\xBC";  // 60 columns in 120 bytes
  EXPECT_EQ(found(&check_lines, "a.cpp", umlauts), Names{});
}

TEST(TidySelf, UnfinishedAndMachine) {
  EXPECT_EQ(found(&check_unfinished, "a.cpp", "// TODO: more\n"), Names{"unfinished@1"});
  EXPECT_EQ(found(&check_unfinished, "a.cpp", "int TODOS;\n"), Names{});
  EXPECT_EQ(found(&check_machine, "a.sh", "x\ncp a /tmp/b\n"), Names{"machine@2"});
  EXPECT_EQ(found(&check_machine, "a.sh", "curl pypi.org\n"), Names{"machine@1"});
  EXPECT_EQ(found(&check_machine, "a.sh", "cp a $TMPDIR/b\n"), Names{});
}

TEST(TidySelf, PragmaOnce) {
  EXPECT_EQ(found(&check_pragma_once, "a.hpp", "// a\n#pragma once\nint a;\n"), Names{});
  EXPECT_EQ(found(&check_pragma_once, "a.hpp", "int a;\n#pragma once\n"), Names{"pragma-once@0"});
  EXPECT_EQ(found(&check_pragma_once, "a.cpp", "int a;\n"), Names{});
}

TEST(TidySelf, Banned) {
  EXPECT_EQ(found(&check_banned, "src/core/a.hpp", "std::mutex m;\n"), Names{"banned@1"});
  EXPECT_EQ(found(&check_banned, "src/core/a.hpp", "// std::mutex\n#ifdef X\n"), Names{"banned@2"});
  EXPECT_EQ(found(&check_banned, "src/live/a.cpp", "std::mutex m;\n"), Names{});
  EXPECT_EQ(found(&check_banned, "src/policy/a.hpp", "std::atomic<int> a;\n"), Names{"banned@1"});
  EXPECT_EQ(found(&check_banned, "src/policy/a_test.cpp", "std::atomic<int> a;\n"), Names{});
  EXPECT_EQ(found(&check_banned, "tests/a_test.cpp", "int i = rand();\n"), Names{"banned@1"});
  EXPECT_EQ(found(&check_banned, "tests/a_test.cpp", "static_assert(true);\n"), Names{});
}

TEST(TidySelf, Includes) {
  EXPECT_EQ(found(&check_includes, "tools/px/a.cpp", "#include \"core/task.hpp\"\n"),
            Names{"include@1"});
  EXPECT_EQ(found(&check_includes, "tools/px/a.cpp", "#include \"sim/simulator.hpp\"\n"),
            Names{"include@1"});
  EXPECT_EQ(found(&check_includes, "tools/px/a.cpp",
                  "#include \"sim/run.hpp\"\n#include \"output.hpp\"\n#include <sys/stat.h>\n"),
            Names{});
  EXPECT_EQ(found(&check_includes, "src/core/a.hpp", "#include \"trace/metrics.hpp\"\n"),
            Names{"include@1"});
  EXPECT_EQ(found(&check_includes, "src/core/a.hpp", "#include \"trace/event.hpp\"\n"), Names{});
  EXPECT_EQ(found(&check_includes, "include/px/a.hpp", "#include \"base/time.hpp\"\n"),
            Names{"include@1"});
}

std::string function_of(std::size_t lines, const std::string& head) {
  std::string text = head + " {\n";
  for (std::size_t i = 2; i < lines; ++i) text += "  if (a) { b(); }\n";
  return text + "}\n";
}

TEST(TidySelf, Lengths) {
  for (const std::string head :
       {"void f()", "template <typename T> bool S<T>::f(int a) const noexcept", "TEST(A, B)",
        "S::S(int a) : a_{a}, b_(a)", "struct A* g(std::function<void(int)> h)"}) {
    EXPECT_EQ(found(&check_lengths, "a.cpp", function_of(70, head)), Names{}) << head;
    EXPECT_EQ(found(&check_lengths, "a.cpp", function_of(71, head)), Names{"function-length@1"})
        << head;
    const std::string inside = "namespace n {\nclass C {\n public:\n" + function_of(71, head);
    EXPECT_EQ(found(&check_lengths, "a.cpp", inside + "};\n}\n"), Names{"function-length@4"})
        << head;
  }
  for (const std::string head : {"namespace a", "struct alignas(64) A", "class [[nodiscard]] A",
                                 "constexpr int kTable[] =", "enum class A"}) {
    EXPECT_EQ(found(&check_lengths, "a.cpp", function_of(200, head)), Names{}) << head;
  }
  const std::string longest(600, '\n');
  EXPECT_EQ(found(&check_lengths, "a.cpp", longest), Names{});
  EXPECT_EQ(found(&check_lengths, "a.cpp", longest + "\n"), Names{"file-length@0"});
}

TEST(TidySelf, Documented) {
  const auto names = [](std::string_view text) {
    return found(&check_documented, "include/px/a.hpp", text);
  };
  EXPECT_EQ(names("// What.\nvoid f(int a,\n       int b);\nvoid g();\n"), Names{"documented@4"});
  EXPECT_EQ(names("void f();  // What.\n"), Names{});
  EXPECT_EQ(names("class C {\n public:\n  C() = default;\n  ~C();\n  C& operator=(C&&) {\n  }\n"
                  "  bool ok() const { return a(b); }\n private:\n  void hidden();\n};\n"),
            Names{"documented@7"});
  EXPECT_EQ(names("namespace detail {\nvoid f();\n}\n"), Names{});
  EXPECT_EQ(names("struct O {\n  std::function<void(int)> f;\n  int a = g(1);\n  int b{2};\n};\n"),
            Names{});
  EXPECT_EQ(names("// What.\ntemplate <typename F>\n  requires(ok<F>)\nauto f(F&& f) {\n}\n"),
            Names{});
  EXPECT_EQ(names("\ntemplate <typename F>\n  requires(ok<F>)\nauto f(F&& f) {\n}\n"),
            Names{"documented@2"});
}

TEST(TidySelf, TestGoal) {
  EXPECT_EQ(found(&check_test_goal, "a_test.cpp", "#include <x>\n"), Names{"goal@1"});
  EXPECT_EQ(found(&check_test_goal, "a_test.cpp", "// Goal: x\n"), Names{});
  EXPECT_EQ(found(&check_test_goal, "a.cpp", "#include <x>\n"), Names{});
}

std::vector<std::string> found_in(void (*rule)(const std::vector<SourceFile>&, Findings&),
                                  const std::vector<SourceFile>& tree) {
  Findings findings;
  rule(tree, findings);
  std::vector<std::string> names;
  for (const auto& finding : findings) {
    names.push_back(finding.rule + " " + finding.path + "@" + std::to_string(finding.line));
  }
  return names;
}

TEST(TidySelf, DeadFiles) {
  const std::vector<SourceFile> tree = {
      make_source_file("src/a/CMakeLists.txt",
                       "px_layer(a SOURCES used.cpp)\nforeach(name listed)\n${name}_test.cpp\n"),
      make_source_file("src/a/listed_test.cpp", "\n"),
      make_source_file("src/a/forgotten_test.cpp", "\n"),
      make_source_file("src/a/used.cpp", "#include \"a/used.hpp\"\n"),
      make_source_file("src/a/used.hpp", "#pragma once\n"),
      make_source_file("src/a/dead.cpp", "\n"),
      make_source_file("src/a/dead.hpp", "#include \"a/dead.hpp\"\n"),
  };
  EXPECT_EQ(found_in(&check_dead_files, tree),
            (Names{"dead-file src/a/forgotten_test.cpp@0", "dead-file src/a/dead.cpp@0",
                   "dead-file src/a/dead.hpp@0"}));
}

TEST(TidySelf, Links) {
  const std::vector<SourceFile> tree = {
      make_source_file("README.md",
                       "[a](docs/A.md) [b](docs) [c](docs/A.md#the-heading-it-has)\n"
                       "[d](docs/B.md)\n[e](docs/A.md#none)\n[f](https://x.org/y)\n"
                       "```\n[g](not/a/link)\n```\n"),
      make_source_file("docs/A.md", "# The heading: it has\n[up](../README.md)\n"),
  };
  EXPECT_EQ(found_in(&check_links, tree), (Names{"link README.md@2", "link README.md@3"}));
}

TEST(TidySelf, Quotes) {
  const auto example = make_source_file("examples/a.cpp", "// What it shows.\n\nint main() {}\n");
  const auto readme = [](const std::string& code) {
    return make_source_file("README.md",
                            "<!-- quote: examples/a.cpp -->\n```cpp\n" + code + "\n```\n");
  };
  EXPECT_EQ(found_in(&check_quotes, {readme("int main() {}"), example}), Names{});
  EXPECT_EQ(found_in(&check_quotes, {readme("int main() { }"), example}),
            Names{"quote README.md@1"});
  EXPECT_EQ(found_in(&check_quotes, {readme("int main() {}")}), Names{"quote README.md@1"});
  EXPECT_EQ(found_in(&check_quotes, {example}), Names{"quote README.md@0"});
}

}  // namespace
}  // namespace px::tidy
