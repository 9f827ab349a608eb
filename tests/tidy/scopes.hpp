// Where functions begin and end in a C++ file: a reader of braces, not of the language. It relies
// on the tree's formatting (a body's brace stands after a blank, an initialiser's does not).
#pragma once

#include <string>
#include <vector>

#include "source_file.hpp"

namespace px::tidy {

struct FunctionSpan {
  std::string name;
  std::size_t first_line = 0;  // of the head, template line included; from 1
  std::size_t head_end = 0;    // where the body's brace or the ';' stands
  std::size_t last_line = 0;   // of the body; of a declaration, its ';'
  bool has_body = false;
  bool is_public = true;  // neither private nor protected, nor in a namespace `detail`
  bool is_implicit =
      false;  // destructor, assignment, defaulted or deleted: the class speaks for it
};

// Every function and declaration of a function that stands in a namespace or class.
[[nodiscard]] std::vector<FunctionSpan> find_spans(const SourceFile& file);

// Those with a body.
[[nodiscard]] std::vector<FunctionSpan> find_functions(const SourceFile& file);

// What a header offers: last_line is the end of the head.
[[nodiscard]] std::vector<FunctionSpan> find_public_functions(const SourceFile& file);

}  // namespace px::tidy
