#include "scopes.hpp"

#include <algorithm>
#include <cctype>

namespace px::tidy {
namespace {

bool is_identifier(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

std::string trimmed(const std::string& text) {
  const auto first = text.find_first_not_of(' ');
  if (first == std::string::npos) return {};
  return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

// After the bracket that closes the one at `open`; the text's end if none does.
std::size_t after_bracket(const std::string& text, std::size_t open, char opening, char closing) {
  int depth = 0;
  for (std::size_t i = open; i < text.size(); ++i) {
    if (text[i] == opening) ++depth;
    if (text[i] == closing && --depth == 0) return i + 1;
  }
  return text.size();
}

// Without `template <...>`, `requires(...)` and attributes at the front.
std::string without_prefix(std::string text) {
  for (;;) {
    text = trimmed(text);
    if (text.starts_with("template <")) {
      text.erase(0, after_bracket(text, text.find('<'), '<', '>'));
    } else if (text.starts_with("requires(")) {
      text.erase(0, after_bracket(text, text.find('('), '(', ')'));
    } else if (text.starts_with("[[")) {
      text.erase(0, after_bracket(text, 0, '[', ']'));
    } else {
      return text;
    }
  }
}

// The first '(' outside of template arguments; npos if there is none.
std::size_t parameter_list(const std::string& head) {
  int angle = 0;
  for (std::size_t i = 0; i < head.size(); ++i) {
    if (head[i] == '<') ++angle;
    if (head[i] == '>' && angle > 0) --angle;
    if (head[i] == '(' && angle == 0) return i;
  }
  return std::string::npos;
}

std::string name_before(const std::string& head, std::size_t paren) {
  std::size_t begin = paren;
  while (begin > 0 && (is_identifier(head[begin - 1]) || head[begin - 1] == '~')) --begin;
  return head.substr(begin, paren - begin);
}

enum class Kind { kNamespace, kDetail, kClass, kFunction, kInitialiser, kOther };

struct Scope {
  Kind kind;
  bool is_public = true;
  std::string statement;  // of an initialiser: what it stands in
  std::size_t statement_line = 0;
  std::size_t span = 0;  // of a function: its place in the result
};

// A type (`struct alignas(64) X`), or something with a parameter list (`struct X* f(int)`).
Kind kind_of_type(const std::string& head) {
  const auto paren = parameter_list(head);
  if (paren != std::string::npos && name_before(head, paren) != "alignas") return Kind::kFunction;
  for (const auto* word : {"class", "struct", "union"}) {
    if (head.starts_with(std::string(word) + " ")) return Kind::kClass;
  }
  if (head.starts_with("enum ")) return Kind::kOther;
  return Kind::kFunction;
}

class Reader {
 public:
  explicit Reader(const SourceFile& file) : file_(file) {}

  std::vector<FunctionSpan> read() {
    bool directive = false;
    for (std::size_t i = 0; i < file_.code.size(); ++i) {
      const std::string& line = file_.code[i];
      directive = directive || trimmed(line).starts_with("#");
      if (directive) {
        directive = line.ends_with("\\");
        continue;
      }
      for (std::size_t column = 0; column < line.size(); ++column) step(line, column, i + 1);
      if (!statement_.empty()) statement_ += ' ';
    }
    return std::move(spans_);
  }

 private:
  [[nodiscard]] bool in_function() const {
    return std::any_of(scopes_.begin(), scopes_.end(),
                       [](const Scope& scope) { return scope.kind == Kind::kFunction; });
  }
  [[nodiscard]] bool in_initialiser() const {
    return !scopes_.empty() && scopes_.back().kind == Kind::kInitialiser;
  }

  void step(const std::string& line, std::size_t column, std::size_t number) {
    const char c = line[column];
    if (c == '{') {
      open(column > 0 ? line[column - 1] : ' ', number);
    } else if (c == '}') {
      close(number);
    } else if (in_function() || in_initialiser()) {
      return;
    } else if (c == ';') {
      end_statement(number, false);
      statement_.clear();
    } else if (c == ':' && is_access(trimmed(statement_))) {
      scopes_.back().is_public = trimmed(statement_) == "public";
      statement_.clear();
    } else {
      if (trimmed(statement_).empty()) {
        if (c == ' ') return;
        statement_line_ = number;
      }
      statement_ += c;
    }
  }

  [[nodiscard]] bool is_access(const std::string& word) const {
    return !scopes_.empty() && scopes_.back().kind == Kind::kClass &&
           (word == "public" || word == "private" || word == "protected");
  }

  [[nodiscard]] Kind classify(char before) const {
    if (in_function() || in_initialiser()) return Kind::kOther;
    const std::string head = without_prefix(statement_);
    if (head.starts_with("namespace") || head.starts_with("inline namespace")) {
      return head.find("detail") != std::string::npos ? Kind::kDetail : Kind::kNamespace;
    }
    if (head.starts_with("extern \"")) return Kind::kNamespace;
    const Kind type = kind_of_type(head);
    if (type != Kind::kFunction) return type;
    if (before != ' ' || head.empty() || head.ends_with("=") || head.ends_with(",")) {
      return Kind::kInitialiser;
    }
    return parameter_list(head) != std::string::npos ? Kind::kFunction : Kind::kInitialiser;
  }

  void open(char before, std::size_t number) {
    Scope scope{classify(before), true, statement_, statement_line_, spans_.size()};
    if (scope.kind == Kind::kFunction) {
      end_statement(number, true);
      scope.span = spans_.size() - 1;
    }
    if (scope.kind == Kind::kClass) {
      scope.is_public = without_prefix(statement_).starts_with("struct");
    }
    scopes_.push_back(scope);
    statement_.clear();
  }

  void close(std::size_t number) {
    if (scopes_.empty()) return;
    const Scope scope = scopes_.back();
    scopes_.pop_back();
    if (scope.kind == Kind::kFunction) spans_[scope.span].last_line = number;
    if (scope.kind == Kind::kInitialiser) {
      statement_ = scope.statement + "{}";
      statement_line_ = scope.statement_line;
    } else {
      statement_.clear();
    }
  }

  // The statement is complete, or a body follows: is it a function?
  void end_statement(std::size_t number, bool has_body) {
    const std::string head = without_prefix(statement_);
    const auto paren = parameter_list(head);
    if (!has_body) {
      if (paren == std::string::npos) return;
      for (const auto* word :
           {"using ", "static_assert", "friend ", "typedef ", "extern template"}) {
        if (head.starts_with(word)) return;
      }
      const auto assigned = head.find('=');
      if (assigned < paren && head.find("operator") == std::string::npos) return;
    }
    FunctionSpan span;
    span.name = name_before(head, paren);
    span.first_line = statement_line_;
    span.head_end = span.last_line = number;
    span.has_body = has_body;
    span.is_implicit = span.name.starts_with("~") || head.find("operator=(") != std::string::npos ||
                       head.ends_with("= default") || head.ends_with("= delete");
    span.is_public = std::all_of(scopes_.begin(), scopes_.end(), [](const Scope& scope) {
      return scope.kind != Kind::kDetail && scope.is_public;
    });
    spans_.push_back(span);
  }

  const SourceFile& file_;
  std::vector<Scope> scopes_;
  std::string statement_;
  std::size_t statement_line_ = 0;
  std::vector<FunctionSpan> spans_;
};

}  // namespace

std::vector<FunctionSpan> find_spans(const SourceFile& file) { return Reader(file).read(); }

std::vector<FunctionSpan> find_functions(const SourceFile& file) {
  auto spans = find_spans(file);
  std::erase_if(spans, [](const FunctionSpan& span) { return !span.has_body; });
  return spans;
}

std::vector<FunctionSpan> find_public_functions(const SourceFile& file) {
  auto spans = find_spans(file);
  std::erase_if(spans,
                [](const FunctionSpan& span) { return !span.is_public || span.is_implicit; });
  for (auto& span : spans) span.last_line = span.head_end;
  return spans;
}

}  // namespace px::tidy
