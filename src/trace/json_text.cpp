#include "trace/json_text.hpp"

#include <nlohmann/json.hpp>

namespace px::trace {

std::string json_quoted(std::string_view text) {
  using nlohmann::json;
  return json(std::string(text)).dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace px::trace
