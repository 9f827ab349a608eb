// rt-app's dialect of JSON as a tree: keys in order, duplicates kept, every value with its place.
//
// Beyond JSON it accepts: // and /* */ comments, trailing commas, strings in single quotes, true,
// false and null in any case, a key without a value ("suspend",), and a UTF-8 byte order mark.
// Everything else is as in RFC 8259; text must be UTF-8.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace px::workload {

inline constexpr std::size_t kMaxJsonBytes = std::size_t{64} << 20;
inline constexpr int kMaxJsonDepth = 64;                // objects and arrays inside each other
inline constexpr std::size_t kMaxJsonValues = 8 << 20;  // bounds the memory of one file

enum class JsonKind : std::uint8_t { kNothing, kNull, kBool, kNumber, kString, kArray, kObject };

struct JsonNode {
  static constexpr std::uint32_t kNone = 0xffffffff;

  std::string_view key;          // decoded; empty for array elements and the root
  std::string_view text;         // kString: decoded; kNumber: as written; kBool: "true" or "false"
  std::uint32_t key_offset = 0;  // byte of the key's opening quote; the value's without a key
  std::uint32_t offset = 0;      // byte where the value begins
  std::uint32_t first_child = kNone;  // kArray, kObject; an index of JsonTree
  std::uint32_t next = kNone;         // the next value of the same array or object
  JsonKind kind = JsonKind::kNothing;
};

// Owns the text and the nodes that point into it, hence it stays where it was made.
class JsonTree {
 public:
  struct Position {
    int line = 1;    // from 1
    int column = 1;  // bytes, from 1
  };

  // Parses `text`; `file` is the name that errors use. Throws Error at the first mistake.
  JsonTree(std::string text, std::string file);
  JsonTree(const JsonTree&) = delete;
  JsonTree& operator=(const JsonTree&) = delete;

  [[nodiscard]] const std::string& file() const { return file_; }
  [[nodiscard]] const JsonNode& root() const { return nodes_.front(); }
  // The first value of an array or object, and the one after `node`; nullptr at the end.
  [[nodiscard]] const JsonNode* first(const JsonNode& node) const { return at(node.first_child); }
  [[nodiscard]] const JsonNode* next(const JsonNode& node) const { return at(node.next); }

  // Line and column of a byte of the text.
  [[nodiscard]] Position position(std::uint32_t offset) const;
  // Throws Error "FILE:LINE:COLUMN: message" for a byte of the text.
  [[noreturn]] void fail(std::uint32_t offset, std::string_view message) const;

 private:
  friend class JsonParser;

  [[nodiscard]] const JsonNode* at(std::uint32_t index) const {
    return index == JsonNode::kNone ? nullptr : &nodes_[index];
  }

  std::string text_;
  std::string file_;
  std::vector<std::uint32_t> line_starts_;
  std::vector<JsonNode> nodes_;
  std::deque<std::string> decoded_;  // strings whose escapes made them differ from the text
};

// `text` in double quotes on one line: control characters escaped, cut after about 60 bytes.
[[nodiscard]] std::string in_quotes(std::string_view text);

// The value in words, for "found ..., expected ...": `an object`, `"abc"`, `12`, `no value`.
[[nodiscard]] std::string described(const JsonNode& node);

}  // namespace px::workload
