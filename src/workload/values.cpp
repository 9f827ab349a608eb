#include "workload/values.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <numeric>

#include "base/check.hpp"

namespace px::workload {
namespace {

constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();

std::string found_expected(std::string_view found, std::string_view expected) {
  return "found " + std::string(found) + ", expected " + std::string(expected);
}

// Levenshtein's distance. The words are short: one row of the table is kept.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row[b.size()];
}

}  // namespace

Place Value::place() const {
  const auto position = tree->position(node->offset);
  return {file, position.line, position.column};
}

Place Value::key_place() const {
  const auto position = tree->position(node->key_offset);
  return {file, position.line, position.column};
}

void fail_at(const Value& value, std::string_view found, std::string_view expected) {
  value.tree->fail(value.node->offset, found_expected(found, expected));
}

void fail_at_key(const Value& value, std::string_view found, std::string_view expected) {
  value.tree->fail(value.node->key_offset, found_expected(found, expected));
}

void fail_value(const Value& value, std::string_view expected) {
  std::string found = described(*value.node);
  if (!value.key().empty()) found += " for " + in_quotes(value.key());
  fail_at(value, found, expected);
}

void expect_object(const Value& value, std::string_view what) {
  if (value.kind() != JsonKind::kObject) fail_value(value, std::string(what) + ": an object");
}

std::int64_t to_integer(const Value& value, std::int64_t low, std::int64_t high,
                        std::string_view what) {
  PX_CHECK(low <= high, "empty range");
  std::int64_t number = 0;
  bool whole = value.kind() == JsonKind::kNumber;
  if (whole) {
    const std::string_view text = value.text();
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    whole = error == std::errc{} && end == text.data() + text.size();
  }
  if (!whole || number < low || number > high) {
    fail_value(value, std::string(what) + ": a whole number from " + std::to_string(low) + " to " +
                          std::to_string(high));
  }
  return number;
}

Nanos to_time(const Value& value, std::string_view what) {
  return to_integer(value, 0, kMax / kMicrosecond, std::string(what) + " in microseconds") *
         kMicrosecond;
}

DecimalSeconds decimal_seconds(std::string_view number) {
  using Status = DecimalSeconds::Status;
  // number = 0.DIGITS * 10^point, without leading or trailing zeros in DIGITS.
  constexpr std::int64_t kExponentBound = 1'000'000;
  const bool negative = number.starts_with('-');
  std::string digits;
  std::int64_t point = 0;
  bool fraction = false;
  std::size_t i = negative ? 1 : 0;
  for (; i < number.size() && number[i] != 'e' && number[i] != 'E'; ++i) {
    if (number[i] == '.') {
      fraction = true;
      continue;
    }
    if (!fraction && !(digits.empty() && number[i] == '0')) ++point;
    if (fraction && digits.empty() && number[i] == '0') --point;
    if (!digits.empty() || number[i] != '0') digits.push_back(number[i]);
  }
  while (!digits.empty() && digits.back() == '0') digits.pop_back();
  if (digits.empty()) return {Status::kExact, 0};
  if (i < number.size()) {
    std::string_view text = number.substr(i + 1);
    if (text.starts_with('+')) text.remove_prefix(1);
    std::int64_t exponent = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), exponent);
    if (parsed.ec != std::errc{}) exponent = text.starts_with('-') ? -kMax : kMax;
    point += std::clamp(exponent, -kExponentBound, kExponentBound);
  }
  const std::int64_t zeros = point + 9 - static_cast<std::int64_t>(digits.size());
  if (zeros < 0) return {Status::kTooFine, 0};
  if (point > 10) return {Status::kTooLarge, 0};  // above 10^10 seconds
  digits.append(static_cast<std::size_t>(zeros), '0');
  Nanos nanos = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), nanos);
  if (parsed.ec != std::errc{}) return {Status::kTooLarge, 0};
  return {Status::kExact, negative ? -nanos : nanos};
}

Nanos to_duration(const Value& value) {
  constexpr std::string_view kExpected =
      "a duration in seconds: a number above 0, or -1 to run until every task has ended";
  if (value.kind() != JsonKind::kNumber) fail_value(value, kExpected);
  const DecimalSeconds seconds = decimal_seconds(value.text());
  switch (seconds.status) {
    case DecimalSeconds::Status::kTooFine:
      fail_value(value, "a duration in seconds with at most 9 decimals (nanoseconds)");
    case DecimalSeconds::Status::kTooLarge:
      fail_value(value, "a duration in seconds, at most 9223372036");
    case DecimalSeconds::Status::kExact:
      break;
  }
  if (seconds.nanos == -kSecond) return -1;
  if (seconds.nanos <= 0) fail_value(value, kExpected);
  return seconds.nanos;
}

bool to_bool(const Value& value) {
  if (value.kind() != JsonKind::kBool) fail_value(value, "true or false");
  return value.text() == "true";
}

std::string_view to_name(const Value& value, std::string_view what) {
  if (value.kind() != JsonKind::kString) fail_value(value, std::string(what) + ": a string");
  if (value.text().empty()) {
    fail_value(value, std::string(what) + ": a string that is not empty");
  }
  return value.text();
}

std::string listed(const std::vector<std::string_view>& words) {
  std::string out;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) out += i + 1 == words.size() ? " or " : ", ";
    out += in_quotes(words[i]);
  }
  return out;
}

std::string suggestion(std::string_view found, const std::vector<std::string_view>& words) {
  constexpr std::size_t kLongest = 64;  // longer words are no typing mistakes; keeps this cheap
  if (found.size() > kLongest) return {};
  std::string_view nearest;
  std::size_t least = found.size() / 3 + 2;  // below this many edits a word counts as near
  for (const std::string_view word : words) {
    const std::size_t distance = edit_distance(found, word);
    if (distance < least) {
      least = distance;
      nearest = word;
    }
  }
  return nearest.empty() ? std::string() : "; did you mean " + in_quotes(nearest) + "?";
}

}  // namespace px::workload
