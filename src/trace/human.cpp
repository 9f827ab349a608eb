#include "trace/human.hpp"

#include <fmt/format.h>

#include <array>
#include <string_view>

namespace px::trace {

namespace {

struct Unit {
  std::string_view name;
  std::uint64_t nanos;
};
constexpr std::array<Unit, 3> kUnits = {{{"us", 1'000}, {"ms", 1'000'000}, {"s", 1'000'000'000}}};

// `value` in units of `unit` with `decimals` digits behind the point, half up.
std::string rounded(std::uint64_t value, std::uint64_t unit, int decimals, std::string_view name) {
  std::uint64_t scale = 1;
  for (int i = 0; i < decimals; ++i) scale *= 10;
  const std::uint64_t step = unit / scale;
  const std::uint64_t steps = (value + step / 2) / step;
  if (decimals == 0) return fmt::format("{}{}", steps, name);
  return fmt::format("{}.{:0{}}{}", steps / scale, steps % scale, decimals, name);
}

bool is_continuation(char byte) { return (static_cast<unsigned char>(byte) & 0xc0U) == 0x80U; }

}  // namespace

std::string human_duration(Nanos duration) {
  if (duration == 0) return "0";
  const bool negative = duration < 0;
  const auto value =
      negative ? 0 - static_cast<std::uint64_t>(duration) : static_cast<std::uint64_t>(duration);
  const std::string sign = negative ? "-" : "";
  if (value < 1'000) return fmt::format("{}{}ns", sign, value);
  for (const Unit& unit : kUnits) {
    // Beyond 1000 units it is the next one's; there the products below could overflow.
    if (value >= 1'000 * unit.nanos) continue;
    // Each limit lies half a last digit below a power of ten, where rounding would add a digit:
    // at 9.9995, 99.995 and 999.95 units.
    std::uint64_t limit = 99'995;
    for (int decimals = 3; decimals >= 1; --decimals, limit *= 10) {
      if (value * 10'000 < unit.nanos * limit) {
        return sign + rounded(value, unit.nanos, decimals, unit.name);
      }
    }
  }
  return sign + rounded(value, kUnits.back().nanos, 0, kUnits.back().name);
}

std::size_t columns_of(const std::string& text) {
  std::size_t columns = 0;
  for (const char byte : text) columns += is_continuation(byte) ? 0 : 1;
  return columns;
}

std::string fitted(const std::string& text, std::size_t width) {
  const std::size_t columns = columns_of(text);
  if (columns <= width) return text + std::string(width - columns, ' ');
  std::size_t bytes = 0;
  for (std::size_t kept = 0; kept + 1 < width; ++kept) {
    ++bytes;
    while (bytes < text.size() && is_continuation(text[bytes])) ++bytes;
  }
  return text.substr(0, bytes) + "~";
}

}  // namespace px::trace
