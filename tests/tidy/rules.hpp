// The house rules. Each looks at one file or at the whole tree and appends what it finds.
#pragma once

#include "source_file.hpp"

namespace px::tidy {

inline constexpr std::size_t kMaxColumns = 100;
inline constexpr std::size_t kMaxFunctionLines = 70;
inline constexpr std::size_t kMaxFileLines = 600;

// --- text_rules.cpp: any text file

// "columns": lines of code and scripts of at most kMaxColumns characters. "space": no tabs in C++,
// no blanks at the end of a line.
void check_lines(const SourceFile& file, Findings& findings);
// "unfinished": no words that promise work later.
void check_unfinished(const SourceFile& file, Findings& findings);
// "machine": no paths of somebody's machine, no package registries.
void check_machine(const SourceFile& file, Findings& findings);

// --- code_rules.cpp: one C++ file

// "pragma-once": every header, and before any code.
void check_pragma_once(const SourceFile& file, Findings& findings);
// "file-length", "function-length".
void check_lengths(const SourceFile& file, Findings& findings);
// "banned": identifiers that have a replacement, or no place in this layer.
void check_banned(const SourceFile& file, Findings& findings);
// "include": the dependency rules by name, for what the compiler cannot see (façades only in tools,
// one event header in the core).
void check_includes(const SourceFile& file, Findings& findings);
// "documented": in include/px every function has a comment directly above it or on its line.
void check_documented(const SourceFile& file, Findings& findings);
// "goal": a test opens with what it is for.
void check_test_goal(const SourceFile& file, Findings& findings);

// --- tree_rules.cpp: the tree as a whole

// "dead-file": every source is built, every header is included.
void check_dead_files(const std::vector<SourceFile>& tree, Findings& findings);
// "link": links of documents lead to files, and to headings that exist.
void check_links(const std::vector<SourceFile>& tree, Findings& findings);

// --- readme_rules.cpp

// "quote": a code block under a line <!-- quote: PATH --> equals that file without its opening
// comment; README.md has at least one.
void check_quotes(const std::vector<SourceFile>& tree, Findings& findings);

}  // namespace px::tidy
