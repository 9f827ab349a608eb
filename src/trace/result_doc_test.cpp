// Goal: docs/formats/result.md describes what is written: its example has the keys of a real result
// in their order, and every key is explained.
// Method: the example is taken out of the document and compared in structure with the text of a
// result in which nothing is absent; each key of that text must stand in the document in backticks.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "trace/result_json.hpp"

namespace px::trace {
namespace {

using nlohmann::ordered_json;

std::string document() {
  std::ifstream file(PX_RESULT_DOCUMENT);
  return {std::istreambuf_iterator<char>(file), {}};
}

ordered_json example() {
  const std::string text = document();
  const std::string open = "```json\n";
  const auto from = text.find(open);
  const auto to = text.find("```", from + open.size());
  if (from == std::string::npos || to == std::string::npos) return {};
  return ordered_json::parse(text.substr(from + open.size(), to - from - open.size()));
}

RunResult complete_result() {
  RunResult result;
  TaskResult task;
  task.jobs.resize(1);
  result.tasks = {task};
  result.locks.resize(1);
  result.segments.resize(1);
  return result;
}

// The keys of an object and, for lists, those of their first member, as one line each.
void list_keys(const ordered_json& value, const std::string& path, std::string& lines) {
  if (value.is_array()) {
    if (!value.empty()) list_keys(value[0], path + "[]", lines);
    return;
  }
  if (!value.is_object()) return;
  for (const auto& item : value.items()) {
    lines += path + "." + item.key() + "\n";
    list_keys(item.value(), path + "." + item.key(), lines);
  }
}

TEST(ResultDocument, HasAnExampleWithTheKeysThatAreWritten) {
  std::string wanted;
  list_keys(ordered_json::parse(to_json(complete_result())), "", wanted);
  std::string found;
  list_keys(example(), "", found);
  EXPECT_EQ(found, wanted);
}

TEST(ResultDocument, ExplainsEveryKey) {
  RunResult result = complete_result();
  result.deadlock = "x";
  result.warnings = {"x"};
  result.tasks[0].refused = {"nice"};
  result.tasks[0].inversion_is_upper_bound = true;
  std::string lines;
  list_keys(ordered_json::parse(to_json(result)), "", lines);
  const std::string text = document();
  std::size_t at = 0;
  for (std::size_t end = lines.find('\n'); end != std::string::npos; end = lines.find('\n', at)) {
    const std::string line = lines.substr(at, end - at);
    std::string key(1, '`');
    key.append(line, line.rfind('.') + 1).append(1, '`');
    EXPECT_NE(text.find(key), std::string::npos) << line;
    at = end + 1;
  }
  EXPECT_GT(at, 0U);
}

// The example's numbers obey the laws that the document states.
TEST(ResultDocument, HasAnExampleThatAddsUp) {
  const ordered_json run = example();
  const ordered_json& task = run["tasks"][0];
  EXPECT_EQ(task["charged_ns"].get<Nanos>() - task["donated_ns"].get<Nanos>(),
            task["executed_ns"].get<Nanos>() - task["received_ns"].get<Nanos>());
  Nanos executed = 0;
  Nanos charged = 0;
  for (const auto& segment : run["segments"]) {
    const Nanos length = segment["end_ns"].get<Nanos>() - segment["start_ns"].get<Nanos>();
    if (segment["exec"] == task["name"]) executed += length;
    if (segment["donor"] == task["name"]) charged += length;
  }
  EXPECT_EQ(task["executed_ns"], executed);
  EXPECT_EQ(task["charged_ns"], charged);
}

}  // namespace
}  // namespace px::trace
