// Goal: the tolerant JSON tree keeps what rt-app's files mean (order, duplicates, places) and
// refuses everything else with one line that names the place. Method: small texts, their trees
// flattened to strings, and tables of wrong texts with their errors.
#include "workload/json_tree.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "workload/error.hpp"

namespace px::workload {
namespace {

// The tree on one line: {"key":value,...}, with "key" alone for a key without a value.
std::string flat(const JsonTree& tree, const JsonNode& node) {
  switch (node.kind) {
    case JsonKind::kObject:
    case JsonKind::kArray: {
      const bool is_object = node.kind == JsonKind::kObject;
      std::string out(1, is_object ? '{' : '[');
      for (const JsonNode* child = tree.first(node); child != nullptr; child = tree.next(*child)) {
        if (out.size() > 1) out.push_back(',');
        if (is_object) out += std::string(child->key);
        if (is_object && child->kind != JsonKind::kNothing) out.push_back(':');
        out += flat(tree, *child);
      }
      out.push_back(is_object ? '}' : ']');
      return out;
    }
    case JsonKind::kNothing:
      return "";
    case JsonKind::kNull:
      return "null";
    case JsonKind::kString:
      return std::string("'").append(node.text).append("'");
    case JsonKind::kBool:
    case JsonKind::kNumber:
      return std::string(node.text);
  }
  return "?";
}

std::string flat(const std::string& text) {
  const JsonTree tree(text, "t.json");
  return flat(tree, tree.root());
}

std::string error_of(const std::string& text) {
  try {
    const JsonTree tree(text, "t.json");
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(JsonTree, ReadsStrictJson) {
  EXPECT_EQ(flat(R"({"a":1,"b":[true,false,null,"x"],"c":{"d":-1.5e+3},"e":[],"f":{}})"),
            "{a:1,b:[true,false,null,'x'],c:{d:-1.5e+3},e:[],f:{}}");
}

TEST(JsonTree, KeepsOrderAndDuplicates) {
  EXPECT_EQ(flat(R"({"run":1,"sleep":2,"run":3,"a":4,"run":5})"),
            "{run:1,sleep:2,run:3,a:4,run:5}");
}

TEST(JsonTree, AcceptsCommentsTrailingCommasAndLiteralsInAnyCase) {
  EXPECT_EQ(flat("// first\n{ /* a\n * b */ \"a\" /**/ : // c\n [1,2,],'b':TRUE,\"c\":Null,}\n"
                 "// last, without a line end"),
            "{a:[1,2],b:true,c:null}");
}

TEST(JsonTree, AcceptsKeysWithoutValues) {
  EXPECT_EQ(flat("{\"suspend\", \"run\":1, \"yield\" /* alone */ }"), "{suspend,run:1,yield}");
}

TEST(JsonTree, DecodesStrings) {
  EXPECT_EQ(flat(R"({"a":"x\n\t\"\\\/é","b":"\u20AC\ud83d\ude00","\u0061":'it"s\''})"),
            "{a:'x\n\t\"\\/é',b:'\u20AC\U0001F600',a:'it\"s''}");
  EXPECT_EQ(flat("{\"tab\":\"a\tb\"}"), "{tab:'a\tb'}");
}

TEST(JsonTree, KnowsEveryPlace) {
  const JsonTree tree("{\n\t\"a\" : 1,\r\n  \"b\":\n [ 2,\n3 ] }", "t.json");
  const JsonNode& a = *tree.first(tree.root());
  const JsonNode& b = *tree.next(a);
  const JsonNode& three = *tree.next(*tree.first(b));
  const auto at = [&](std::uint32_t offset) {
    const auto position = tree.position(offset);
    return std::to_string(position.line) + ":" + std::to_string(position.column);
  };
  EXPECT_EQ(at(tree.root().offset), "1:1");
  EXPECT_EQ(at(a.key_offset), "2:2");
  EXPECT_EQ(at(a.offset), "2:8");
  EXPECT_EQ(at(b.key_offset), "3:3");
  EXPECT_EQ(at(b.offset), "4:2");
  EXPECT_EQ(at(three.offset), "5:1");
}

TEST(JsonTree, SkipsAByteOrderMarkThatCountsForNoColumn) {
  EXPECT_EQ(flat("\xEF\xBB\xBF{\"a\":1}"), "{a:1}");
  EXPECT_EQ(error_of("\xEF\xBB\xBF{a}"),
            "t.json:1:2: found \"a\", expected a key in quotes or '}'");
}

TEST(JsonTree, CountsColumnsInBytes) {
  EXPECT_EQ(error_of("{\"é\":?}"), "t.json:1:7: found '?', expected a value");
}

struct Wrong {
  const char* text;
  const char* error;
};

TEST(JsonTree, RefusesWrongText) {
  const std::vector<Wrong> table = {
      {"", "t.json:1:1: found the end of the file, expected '{': a workload is an object"},
      {"\n  // only\n",
       "t.json:3:1: found the end of the file, expected '{': a workload is an object"},
      {"[1]", "t.json:1:1: found '[', expected '{': a workload is an object"},
      {"\"x\"", "t.json:1:1: found a string, expected '{': a workload is an object"},
      {"{} x", "t.json:1:4: found \"x\", expected the end of the file"},
      {"{}}", "t.json:1:3: found '}', expected the end of the file"},
      {"{\"a\":1", "t.json:1:7: found the end of the file, expected ',' or '}'"},
      {"{\"a\":", "t.json:1:6: found the end of the file, expected a value"},
      {"{\"a\" 1}", "t.json:1:6: found \"1\", expected ':' after the key \"a\""},
      {"{\"a\":1 \"b\":2}", "t.json:1:8: found a string, expected ',' or '}'"},
      {"{\"a\":[1 2]}", "t.json:1:9: found \"2\", expected ',' or ']'"},
      {"{\"a\":[1}", "t.json:1:8: found '}', expected ',' or ']'"},
      {"{,}", "t.json:1:2: found ',', expected a key in quotes or '}'"},
      {"{\"a\":1,,}", "t.json:1:8: found ',', expected a key in quotes or '}'"},
      {"{\"a\":[,]}", "t.json:1:7: found ',', expected a value"},
      {"{run:1}", "t.json:1:2: found \"run\", expected a key in quotes or '}'"},
      {"{\"a\":yes}", "t.json:1:6: found \"yes\", expected a value"},
      {"{\"a\":012}", "t.json:1:6: found \"012\", expected a number"},
      {"{\"a\":1.}", "t.json:1:6: found \"1.\", expected a number"},
      {"{\"a\":.5}", "t.json:1:6: found \".5\", expected a number"},
      {"{\"a\":+5}", "t.json:1:6: found \"+5\", expected a number"},
      {"{\"a\":1e}", "t.json:1:6: found \"1e\", expected a number"},
      {"{\"a\":-}", "t.json:1:6: found \"-\", expected a number"},
      {"{\"a\":0x10}", "t.json:1:6: found \"0x10\", expected a number"},
      {"{\"a\":10ms}", "t.json:1:6: found \"10ms\", expected a number"},
      {"{\"a\":\"x\n\"}",
       "t.json:1:6: found a string that does not end, expected its closing quote on the same line"},
      {"{\"a\":\"x",
       "t.json:1:6: found a string that does not end, expected its closing quote on the same line"},
      {"{\"a\":\"\\",
       "t.json:1:7: found an unknown escape in a string, expected one of \\\" \\\\ \\/ \\b \\f \\n "
       "\\r "
       "\\t \\uXXXX"},
      {"{\"a\":\"\\x\"}",
       "t.json:1:7: found an unknown escape in a string, expected one of \\\" \\\\ \\/ \\b \\f \\n "
       "\\r "
       "\\t \\uXXXX"},
      {"{\"a\":\"\\u12g4\"}",
       "t.json:1:7: found a \\u escape that is cut short, expected four hexadecimal digits"},
      {"{\"a\":\"\\ud83d x\"}",
       "t.json:1:7: found half of a surrogate pair, expected \\uD800-\\uDBFF then \\uDC00-\\uDFFF"},
      {"{\"a\":\"\\ude00\"}",
       "t.json:1:7: found half of a surrogate pair, expected \\uD800-\\uDBFF then \\uDC00-\\uDFFF"},
      {"{\"a\":\"\\ud83d\\u0041\"}",
       "t.json:1:7: found half of a surrogate pair, expected \\uD800-\\uDBFF then \\uDC00-\\uDFFF"},
      {"{\"a\":\"\\u0000\"}", "t.json:1:7: found \\u0000 in a string, expected text without NUL"},
      {"{\"a\":\"\x01\"}",
       "t.json:1:7: found the control character 0x01 in a string, expected text"},
      {"{\"a\":\"\xff\"}", "t.json:1:7: found the byte 0xff in a string, expected UTF-8 text"},
      {"{\"a\":\"\xc0\x80\"}", "t.json:1:7: found the byte 0xc0 in a string, expected UTF-8 text"},
      {"{\"a\":\"\xed\xa0\x80\"}",
       "t.json:1:7: found the byte 0xed in a string, expected UTF-8 text"},
      {"{\"a\":\"\xe2\x82\"}", "t.json:1:7: found the byte 0xe2 in a string, expected UTF-8 text"},
      {"{\"a\":1 /* x",
       "t.json:1:8: found a comment that does not end, expected */ before the end "
       "of the file"},
      {"{\"a\":1 / 2}", "t.json:1:8: found '/', expected ',' or '}'"},
      {"{\x01}", "t.json:1:2: found the byte 0x01, expected a key in quotes or '}'"},
      {"{\x80}", "t.json:1:2: found the byte 0x80, expected a key in quotes or '}'"},
      {"\xff\xfe{", "t.json:1:1: found UTF-16 text, expected UTF-8"},
  };
  for (const Wrong& wrong : table) EXPECT_EQ(error_of(wrong.text), wrong.error) << wrong.text;
}

TEST(JsonTree, RefusesANulByte) {
  EXPECT_EQ(error_of(std::string("{\"a\":\0}", 7)),
            "t.json:1:6: found the byte 0x00, expected a value");
  EXPECT_EQ(error_of(std::string("{\"a\":\"\0\"}", 9)),
            "t.json:1:7: found the control character 0x00 in a string, expected text");
}

TEST(JsonTree, LimitsTheDepth) {
  const auto nested = [](int depth) {
    return "{\"a\":" + std::string(static_cast<std::size_t>(depth - 1), '[') +
           std::string(static_cast<std::size_t>(depth - 1), ']') + "}";
  };
  EXPECT_EQ(error_of(nested(kMaxJsonDepth)), "no error");
  EXPECT_EQ(error_of(nested(kMaxJsonDepth + 1)),
            "t.json:1:69: found values nested deeper than 64, expected at most that");
  EXPECT_EQ(error_of("{\"a\":" + std::string(1'000'000, '[')),
            "t.json:1:69: found values nested deeper than 64, expected at most that");
}

TEST(JsonTree, LimitsTheSize) {
  EXPECT_EQ(error_of("{\"a\":1}" + std::string(kMaxJsonBytes, ' ')),
            "t.json:1:1: found 67108871 bytes, expected at most 67108864");
  std::string many = "{\"a\":[";
  for (std::size_t i = 0; i < kMaxJsonValues; ++i) many += "1,";
  EXPECT_EQ(
      error_of(many + "]}"),
      "t.json:1:16777219: found more than 8388608 values, expected fewer: split or shorten the "
      "workload");
}

TEST(InQuotes, StaysOnOneShortLine) {
  EXPECT_EQ(in_quotes("a\nb\"c\\d\x7f"), "\"a\\x0ab\\\"c\\\\d\\x7f\"");
  EXPECT_EQ(in_quotes(std::string(100, 'x')), "\"" + std::string(60, 'x') + "...\"");
  // A cut never splits a character.
  EXPECT_EQ(in_quotes(std::string(59, 'x') + "éé"), "\"" + std::string(59, 'x') + "é...\"");
}

}  // namespace
}  // namespace px::workload
