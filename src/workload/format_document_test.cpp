// Goal: docs/formats/workload.md shows only workloads that the reader accepts.
// Method: every ```json block of that file is read.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "workload/read.hpp"

namespace px::workload {
namespace {

struct Block {
  int line = 0;
  std::string text;
};

std::vector<Block> json_blocks(const std::string& path) {
  std::ifstream file(path);
  std::vector<Block> blocks;
  std::string line;
  bool inside = false;
  for (int number = 1; std::getline(file, line); ++number) {
    if (!inside && line == "```json") {
      inside = true;
      blocks.push_back({number, ""});
    } else if (inside && line == "```") {
      inside = false;
    } else if (inside) {
      blocks.back().text += line + "\n";
    }
  }
  EXPECT_FALSE(inside) << "the last block does not end";
  return blocks;
}

TEST(FormatDocument, EveryExampleIsAccepted) {
  const auto blocks = json_blocks(PX_SOURCE_DIR "/docs/formats/workload.md");
  EXPECT_GE(blocks.size(), 11u);
  for (const Block& block : blocks) {
    SCOPED_TRACE("docs/formats/workload.md:" + std::to_string(block.line));
    try {
      EXPECT_FALSE(read_text(block.text, "workload.md").tasks.empty());
    } catch (const Error& error) {
      ADD_FAILURE() << error.what();
    }
  }
}

}  // namespace
}  // namespace px::workload
