// The environment's switch for proxy execution: PX_PROXY_EXEC=0|1|true|false.
#pragma once

#include <cstdlib>
#include <cstring>
#include <optional>

namespace px {

struct ProxySwitch {
  std::optional<bool> on;          // nothing: not set, or not understood
  const char* rejected = nullptr;  // the value that was not understood
};

// Reads the environment. Not while another thread changes it.
[[nodiscard]] inline ProxySwitch proxy_switch_of_environment() {
  const char* text = std::getenv("PX_PROXY_EXEC");
  if (text == nullptr) return {};
  if (std::strcmp(text, "0") == 0 || std::strcmp(text, "false") == 0) return {false, nullptr};
  if (std::strcmp(text, "1") == 0 || std::strcmp(text, "true") == 0) return {true, nullptr};
  return {std::nullopt, text};
}

}  // namespace px
