// Values of the tree as numbers, times and names, checked, with errors that name their place.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.hpp"
#include "workload/json_tree.hpp"
#include "workload/workload.hpp"

namespace px::workload {

// One value, the tree it stands in, and that tree's index in Workload::files.
struct Value {
  const JsonTree* tree = nullptr;
  const JsonNode* node = nullptr;
  int file = 0;

  [[nodiscard]] JsonKind kind() const { return node->kind; }
  [[nodiscard]] std::string_view key() const { return node->key; }
  [[nodiscard]] std::string_view text() const { return node->text; }
  [[nodiscard]] Place place() const;      // of the value
  [[nodiscard]] Place key_place() const;  // of its key; without a key, of the value
};

// The values inside an array or object, in order.
class Children {
 public:
  class Iterator {
   public:
    explicit Iterator(Value value) : value_(value) {}
    const Value& operator*() const { return value_; }
    const Value* operator->() const { return &value_; }
    Iterator& operator++() {
      value_.node = value_.tree->next(*value_.node);
      return *this;
    }
    bool operator==(const Iterator& other) const { return value_.node == other.value_.node; }

   private:
    Value value_;
  };

  explicit Children(const Value& parent) : parent_(parent) {}
  [[nodiscard]] Iterator begin() const {
    return Iterator({parent_.tree, parent_.tree->first(*parent_.node), parent_.file});
  }
  [[nodiscard]] Iterator end() const { return Iterator({parent_.tree, nullptr, parent_.file}); }

 private:
  Value parent_;
};

// Throw Error at the value, or at its key: "found FOUND, expected EXPECTED".
[[noreturn]] void fail_at(const Value& value, std::string_view found, std::string_view expected);
[[noreturn]] void fail_at_key(const Value& value, std::string_view found,
                              std::string_view expected);
// Throws Error at the value: "found <the value> for <its key>, expected EXPECTED".
[[noreturn]] void fail_value(const Value& value, std::string_view expected);

// The readers below throw Error if the value has another type or is out of range; `what` names what
// was expected, for the message.
void expect_object(const Value& value, std::string_view what);
[[nodiscard]] std::int64_t to_integer(const Value& value, std::int64_t low, std::int64_t high,
                                      std::string_view what);
// Whole microseconds in the file, 0 or more, as nanoseconds.
[[nodiscard]] Nanos to_time(const Value& value, std::string_view what);
// Seconds, a decimal number above zero, or -1, which gives -1.
[[nodiscard]] Nanos to_duration(const Value& value);
[[nodiscard]] bool to_bool(const Value& value);
// A string that is not empty.
[[nodiscard]] std::string_view to_name(const Value& value, std::string_view what);

// A JSON number, exactly, as nanoseconds of a number of seconds.
struct DecimalSeconds {
  enum class Status : std::uint8_t { kExact, kTooLarge, kTooFine };
  Status status = Status::kExact;
  Nanos nanos = 0;
};
[[nodiscard]] DecimalSeconds decimal_seconds(std::string_view number);

// `"a", "b" or "c"`.
[[nodiscard]] std::string listed(const std::vector<std::string_view>& words);
// `; did you mean "x"?` for the word nearest to `found`, or nothing if none is near.
[[nodiscard]] std::string suggestion(std::string_view found,
                                     const std::vector<std::string_view>& words);

}  // namespace px::workload
