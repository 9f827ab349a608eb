// Goal: seconds are converted exactly, whatever way the number is written; suggestions are near.
// Method: tables.
#include "workload/values.hpp"

#include <gtest/gtest.h>

namespace px::workload {
namespace {

using Status = DecimalSeconds::Status;

TEST(DecimalSeconds, IsExact) {
  const std::vector<std::pair<const char*, Nanos>> table = {
      {"0", 0},
      {"-0.0", 0},
      {"0e5", 0},
      {"1", kSecond},
      {"-1", -kSecond},
      {"600", 600 * kSecond},
      {"2.5", 2'500 * kMillisecond},
      {"0.05", 50 * kMillisecond},
      {"0.000000001", 1},
      {"1.000000001", kSecond + 1},
      {"100.0000000000000000000", 100 * kSecond},
      {"1e3", 1'000 * kSecond},
      {"1.5E+2", 150 * kSecond},
      {"15e-1", 1'500 * kMillisecond},
      {"0.0015e3", 1'500 * kMillisecond},
      {"1000000000e-18", 1},
      {"9223372036.854775807", 9223372036854775807},
      // 0.1 has no exact binary form; decimals must not go through one.
      {"0.1", 100 * kMillisecond},
      {"4.35", 4'350 * kMillisecond},
  };
  for (const auto& [text, nanos] : table) {
    const DecimalSeconds seconds = decimal_seconds(text);
    EXPECT_EQ(seconds.status, Status::kExact) << text;
    EXPECT_EQ(seconds.nanos, nanos) << text;
  }
}

TEST(DecimalSeconds, KnowsWhatItCannotHold) {
  for (const char* text : {"0.0000000001", "1e-10", "1.0000000001", "1e-99999999999999999999"}) {
    EXPECT_EQ(decimal_seconds(text).status, Status::kTooFine) << text;
  }
  for (const char* text :
       {"9223372036.854775808", "1e10", "1e99999999999999999999", "12345678901"}) {
    EXPECT_EQ(decimal_seconds(text).status, Status::kTooLarge) << text;
  }
}

TEST(Suggestion, NamesTheNearestWordOrNone) {
  const std::vector<std::string_view> words = {"cpus", "lock_protocol", "placement"};
  EXPECT_EQ(suggestion("cpu", words), "; did you mean \"cpus\"?");
  EXPECT_EQ(suggestion("lock_protocoll", words), "; did you mean \"lock_protocol\"?");
  EXPECT_EQ(suggestion("protocol", words), "");
  EXPECT_EQ(suggestion("expect", words), "");
  EXPECT_EQ(suggestion("", {}), "");
  EXPECT_EQ(suggestion(std::string(100'000, 'c'), words), "");
}

TEST(Listed, ReadsAsASentence) {
  EXPECT_EQ(listed({"a"}), "\"a\"");
  EXPECT_EQ(listed({"a", "b", "c"}), "\"a\", \"b\" or \"c\"");
}

}  // namespace
}  // namespace px::workload
