#include "workload/json_tree.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

#include "base/check.hpp"
#include "workload/error.hpp"

namespace px::workload {
namespace {

constexpr std::size_t kQuotedBytes = 60;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
// What a number or a word may contain: taken as one token, so that "12abc" is one wrong number.
bool is_word(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '+' ||
         c == '-' || c == '.';
}

std::string hex_byte(char c) {
  std::array<char, 8> text{};
  std::snprintf(text.data(), text.size(), "0x%02x", static_cast<unsigned>(c) & 0xffU);
  return text.data();
}

bool is_json_number(std::string_view text) {
  std::size_t i = 0;
  const auto digits = [&] {
    const std::size_t begin = i;
    while (i < text.size() && is_digit(text[i])) ++i;
    return i > begin;
  };
  if (i < text.size() && text[i] == '-') ++i;
  if (i < text.size() && text[i] == '0') {
    ++i;
  } else if (!digits()) {
    return false;
  }
  if (i < text.size() && text[i] == '.') {
    ++i;
    if (!digits()) return false;
  }
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    ++i;
    if (i < text.size() && (text[i] == '+' || text[i] == '-')) ++i;
    if (!digits()) return false;
  }
  return i == text.size();
}

void append_utf8(std::string& out, std::uint32_t code) {
  const auto put = [&](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0 | (code >> 6));
    put(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    put(0xE0 | (code >> 12));
    put(0x80 | ((code >> 6) & 0x3F));
    put(0x80 | (code & 0x3F));
  } else {
    put(0xF0 | (code >> 18));
    put(0x80 | ((code >> 12) & 0x3F));
    put(0x80 | ((code >> 6) & 0x3F));
    put(0x80 | (code & 0x3F));
  }
}

// Length of the UTF-8 sequence at the start of `text`, 0 if it is none (RFC 3629: no overlong
// forms, no surrogates, nothing above U+10FFFF).
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  const auto tail = [&](std::size_t i) { return (byte(i) & 0xC0U) == 0x80U; };
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return tail(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    const bool legal = (lead != 0xE0 || byte(1) >= 0xA0) && (lead != 0xED || byte(1) <= 0x9F);
    return legal && tail(1) && tail(2) ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    const bool legal = (lead != 0xF0 || byte(1) >= 0x90) && (lead != 0xF4 || byte(1) <= 0x8F);
    return legal && tail(1) && tail(2) && tail(3) ? 4 : 0;
  }
  return 0;
}

}  // namespace

// Recursive descent over the tree's text; its depth is bounded by kMaxJsonDepth.
class JsonParser {
 public:
  explicit JsonParser(JsonTree& tree) : tree_(tree), text_(tree.text_) {}

  void parse_document() {
    if (text_.size() >= 2 && (text_.starts_with("\xFF\xFE") || text_.starts_with("\xFE\xFF"))) {
      fail(0, "found UTF-16 text, expected UTF-8");
    }
    if (text_.starts_with(kByteOrderMark)) at_ = kByteOrderMark.size();
    skip_blanks();
    if (peek() != '{') fail_found("'{': a workload is an object");
    parse_value({}, at_, 0);
    skip_blanks();
    if (!at_end()) fail_found("the end of the file");
  }

 private:
  [[nodiscard]] bool at_end() const { return at_ >= text_.size(); }
  [[nodiscard]] char peek(std::size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }

  [[noreturn]] void fail(std::size_t offset, std::string_view message) const {
    tree_.fail(static_cast<std::uint32_t>(offset), message);
  }
  // "found <what stands here>, expected <expected>".
  [[noreturn]] void fail_found(std::string_view expected) const {
    std::string found = "the end of the file";
    if (!at_end()) {
      const char c = peek();
      if (is_word(c) || c == '"') {
        std::size_t size = 1;
        while (c != '"' && is_word(peek(size))) ++size;
        found = c == '"' ? std::string("a string") : in_quotes(text_.substr(at_, size));
      } else {
        found = c > ' ' && c < 0x7f ? std::string{'\'', c, '\''} : "the byte " + hex_byte(c);
      }
    }
    fail(at_, "found " + found + ", expected " + std::string(expected));
  }

  void skip_blanks() {
    while (!at_end()) {
      if (is_space(peek())) {
        ++at_;
      } else if (peek() == '/' && peek(1) == '/') {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else if (peek() == '/' && peek(1) == '*') {
        const std::size_t end = text_.find("*/", at_ + 2);
        if (end == std::string_view::npos) {
          fail(at_, "found a comment that does not end, expected */ before the end of the file");
        }
        at_ = end + 2;
      } else {
        return;
      }
    }
  }

  // Reads the value here into a new node and returns the node's index.
  std::uint32_t parse_value(std::string_view key, std::size_t key_offset, int depth) {
    const std::uint32_t index = add_node(key, key_offset);
    switch (peek()) {
      case '{':
      case '[':
        parse_container(index, depth);
        break;
      case '"':
      case '\'': {
        // The node is looked up again afterwards: a container's children move the nodes.
        const std::string_view text = parse_string();
        node(index).kind = JsonKind::kString;
        node(index).text = text;
        break;
      }
      default:
        parse_word(node(index));
    }
    return index;
  }

  std::uint32_t add_node(std::string_view key, std::size_t key_offset) {
    if (tree_.nodes_.size() >= kMaxJsonValues) {
      fail(at_, "found more than " + std::to_string(kMaxJsonValues) +
                    " values, expected fewer: split or shorten the workload");
    }
    JsonNode& added = tree_.nodes_.emplace_back();
    added.key = key;
    added.key_offset = static_cast<std::uint32_t>(key_offset);
    added.offset = static_cast<std::uint32_t>(at_);
    return static_cast<std::uint32_t>(tree_.nodes_.size() - 1);
  }
  JsonNode& node(std::uint32_t index) { return tree_.nodes_[index]; }

  void parse_container(std::uint32_t parent, int depth) {
    const bool is_object = peek() == '{';
    const char close = is_object ? '}' : ']';
    if (depth >= kMaxJsonDepth) {
      fail(at_, "found values nested deeper than " + std::to_string(kMaxJsonDepth) +
                    ", expected at most that");
    }
    node(parent).kind = is_object ? JsonKind::kObject : JsonKind::kArray;
    ++at_;
    std::uint32_t previous = JsonNode::kNone;
    for (;;) {
      skip_blanks();
      if (peek() == close) break;
      const std::uint32_t child =
          is_object ? parse_member(depth + 1) : parse_value({}, at_, depth + 1);
      (previous == JsonNode::kNone ? node(parent).first_child : node(previous).next) = child;
      previous = child;
      skip_blanks();
      if (peek() == close) break;
      if (peek() != ',') fail_found(is_object ? "',' or '}'" : "',' or ']'");
      ++at_;
    }
    ++at_;
  }

  std::uint32_t parse_member(int depth) {
    const std::size_t key_offset = at_;
    if (peek() != '"' && peek() != '\'') fail_found("a key in quotes or '}'");
    const std::string_view key = parse_string();
    skip_blanks();
    if (peek() == ',' || peek() == '}') {
      // A key alone: an event that needs no value. Its place is the key's.
      const std::uint32_t index = add_node(key, key_offset);
      node(index).offset = static_cast<std::uint32_t>(key_offset);
      return index;
    }
    if (peek() != ':') fail_found("':' after the key " + in_quotes(key));
    ++at_;
    skip_blanks();
    return parse_value(key, key_offset, depth);
  }

  void parse_word(JsonNode& out) {
    std::size_t size = 0;
    while (is_word(peek(size))) ++size;
    const std::string_view word = text_.substr(at_, size);
    if (word.empty()) fail_found("a value");
    std::string lower(word);
    for (char& c : lower) {
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    if (lower == "null") {
      out.kind = JsonKind::kNull;
    } else if (lower == "true" || lower == "false") {
      out.kind = JsonKind::kBool;
      out.text = lower == "true" ? "true" : "false";
    } else if (is_json_number(word)) {
      out.kind = JsonKind::kNumber;
      out.text = word;
    } else if (is_digit(word[0]) || word[0] == '-' || word[0] == '+' || word[0] == '.') {
      fail(at_, "found " + in_quotes(word) + ", expected a number");
    } else {
      fail(at_, "found " + in_quotes(word) + ", expected a value");
    }
    at_ += size;
  }

  // Returns the decoded string: a view of the text where it has no escapes.
  std::string_view parse_string() {
    const std::size_t begin = at_;
    const char quote = peek();
    std::string* decoded = nullptr;
    for (++at_;;) {
      if (at_end() || peek() == '\n') {
        fail(begin,
             "found a string that does not end, expected its closing quote on the same line");
      }
      const char c = peek();
      if (c == quote) break;
      if (c == '\\') {
        if (decoded == nullptr) {
          decoded = &tree_.decoded_.emplace_back(text_.substr(begin + 1, at_ - begin - 1));
        }
        parse_escape(*decoded);
        continue;
      }
      if (static_cast<unsigned char>(c) < 0x20 && c != '\t') {
        fail(at_, "found the control character " + hex_byte(c) + " in a string, expected text");
      }
      const std::size_t size = utf8_length(text_.substr(at_, 4));
      if (size == 0) {
        fail(at_, "found the byte " + hex_byte(c) + " in a string, expected UTF-8 text");
      }
      if (decoded != nullptr) decoded->append(text_, at_, size);
      at_ += size;
    }
    ++at_;
    return decoded != nullptr ? std::string_view(*decoded)
                              : text_.substr(begin + 1, at_ - begin - 2);
  }

  void parse_escape(std::string& out) {
    constexpr std::string_view kLetters = "\"'\\/bfnrt";
    constexpr std::string_view kMeanings = "\"'\\/\b\f\n\r\t";
    const std::size_t begin = at_;
    const char letter = peek(1);
    if (letter == 'u') {
      parse_unicode_escape(out);
      return;
    }
    const std::size_t which = kLetters.find(letter);
    if (at_ + 1 >= text_.size() || which == std::string_view::npos) {
      fail(begin,
           "found an unknown escape in a string, expected one of \\\" \\\\ \\/ \\b \\f \\n "
           "\\r \\t \\uXXXX");
    }
    out.push_back(kMeanings[which]);
    at_ += 2;
  }

  void parse_unicode_escape(std::string& out) {
    const std::size_t begin = at_;
    std::uint32_t code = parse_hex4(begin);
    if (code >= 0xD800 && code <= 0xDBFF && peek() == '\\' && peek(1) == 'u') {
      const std::uint32_t low = parse_hex4(at_);
      if (low < 0xDC00 || low > 0xDFFF)
        code = 0xD800;  // reported as half a pair below
      else
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    if (code >= 0xD800 && code <= 0xDFFF) {
      fail(begin, "found half of a surrogate pair, expected \\uD800-\\uDBFF then \\uDC00-\\uDFFF");
    }
    if (code == 0) fail(begin, "found \\u0000 in a string, expected text without NUL");
    append_utf8(out, code);
  }

  // Reads \uXXXX here.
  std::uint32_t parse_hex4(std::size_t begin) {
    std::uint32_t code = 0;
    for (std::size_t i = 2; i < 6; ++i) {
      const char c = peek(i);
      std::uint32_t digit = 0;
      if (is_digit(c)) {
        digit = static_cast<std::uint32_t>(c - '0');
      } else if (c >= 'a' && c <= 'f') {
        digit = static_cast<std::uint32_t>(c - 'a') + 10;
      } else if (c >= 'A' && c <= 'F') {
        digit = static_cast<std::uint32_t>(c - 'A') + 10;
      } else {
        fail(begin, "found a \\u escape that is cut short, expected four hexadecimal digits");
      }
      code = code * 16 + digit;
    }
    at_ += 6;
    return code;
  }

  JsonTree& tree_;
  std::string_view text_;
  std::size_t at_ = 0;
};

JsonTree::JsonTree(std::string text, std::string file)
    : text_(std::move(text)), file_(std::move(file)) {
  line_starts_.push_back(text_.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0);
  if (text_.size() > kMaxJsonBytes) {
    fail(0, "found " + std::to_string(text_.size()) + " bytes, expected at most " +
                std::to_string(kMaxJsonBytes));
  }
  for (std::size_t i = text_.find('\n'); i != std::string::npos; i = text_.find('\n', i + 1)) {
    line_starts_.push_back(static_cast<std::uint32_t>(i + 1));
  }
  JsonParser(*this).parse_document();
}

JsonTree::Position JsonTree::position(std::uint32_t offset) const {
  const auto after = std::upper_bound(line_starts_.begin() + 1, line_starts_.end(), offset);
  const std::uint32_t start = std::min(*(after - 1), offset);
  return {static_cast<int>(after - line_starts_.begin()), static_cast<int>(offset - start) + 1};
}

void JsonTree::fail(std::uint32_t offset, std::string_view message) const {
  const Position where = position(offset);
  throw Error(file_, where.line, where.column, message);
}

std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  for (std::size_t i = 0; i < text.size();) {
    if (i >= kQuotedBytes) {
      out += "...";
      break;
    }
    const std::size_t size = std::max<std::size_t>(utf8_length(text.substr(i, 4)), 1);
    const char c = text[i];
    if (c == '"' || c == '\\') {
      out += {'\\', c};
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      out += "\\x" + hex_byte(c).substr(2);
    } else {
      out += text.substr(i, size);
    }
    i += size;
  }
  return out + '"';
}

std::string described(const JsonNode& node) {
  switch (node.kind) {
    case JsonKind::kNothing:
      return "no value";
    case JsonKind::kNull:
      return "null";
    case JsonKind::kBool:
      return std::string(node.text);
    case JsonKind::kNumber:
      return node.text.size() <= kQuotedBytes
                 ? std::string(node.text)
                 : std::string(node.text.substr(0, kQuotedBytes)) + "...";
    case JsonKind::kString:
      return in_quotes(node.text);
    case JsonKind::kArray:
      return "an array";
    case JsonKind::kObject:
      return "an object";
  }
  check_failed(__FILE__, __LINE__, "kind", "a JSON value of no kind");
}

}  // namespace px::workload
