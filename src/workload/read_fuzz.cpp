// libFuzzer: any bytes are either read or refused with an Error of one line; nothing else.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.hpp"
#include "workload/read.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const auto workload = px::workload::read_text(
        std::string_view(reinterpret_cast<const char*>(data), size), "fuzz.json");
    PX_CHECK(!workload.tasks.empty(), "a workload without tasks was accepted");
  } catch (const px::workload::Error& error) {
    const std::string_view line = error.what();
    PX_CHECK(line.starts_with("fuzz.json:"), "an error without its place");
    PX_CHECK(line.find('\n') == std::string_view::npos, "an error of several lines");
  }
  return 0;
}
