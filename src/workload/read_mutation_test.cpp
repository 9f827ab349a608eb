// Goal: no text whatever makes the reader crash, hang or report a mistake without its place.
// Method: 20,000 random mutations (seeded: the failing seed is printed) of valid workloads: bytes
// changed, removed, doubled, pieces moved between texts, texts cut off.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/prng.hpp"
#include "workload/read.hpp"

namespace px::workload {
namespace {

const std::vector<std::string>& seeds() {
  static const std::vector<std::string> texts = {
      R"({
  /* two tasks */ "tasks": {
    "high": {"policy": "SCHED_FIFO", "priority": 50, "delay": 3, "loop": 4, "cpus": [0, 1],
             "lock": "m", "run": 10, "unlock": "m",
             "timer": {"ref": "unique", "period": 100, "mode": "absolute"}},
    "low": {"instance": 3, "loop": -1, "phases": {
        "p1": {"loop": 2, "priority": 5, "run": 10, "sleep": 5}, // a comment
        "p1": {"cpus": [1], "lock": "m", "runtime": 7, "unlock": "m", "dl-runtime": 500},}}
  },
  "resources": {"m": {"type": "mutex", "px": {"protocol": "protect", "ceiling": 60}}},
  "global": {"duration": 2.5, "default_policy": "SCHED_OTHER", "pi_enabled": true, "ftrace": false,
             "px": {"cpus": 2, "lock_protocol": "proxy", "slice_us": 3000, "placement": "owner"}}
})",
      R"({"tasks":{"a\u00e9\n":{'run1':1,"run1":2,"suspend","timer2":{"period":1e2}},"b":{"loop":1,"run":0}}})",
      R"({"global":{"calibration":"CPU0","px":{}},"tasks":{"t":{"phases":{"x":{"run":1,"px":{}}}}},"new":[[[{}]]]})",
  };
  return texts;
}

std::size_t below(Prng& random, std::size_t bound) {
  return static_cast<std::size_t>(random.between(0, static_cast<std::int64_t>(bound) - 1));
}

void mutate(Prng& random, std::string& text) {
  static const std::string kAlphabet = "{}[],:\"'\\/*u0159-.eE \n\ttruenlsp\xc3\xa9\xff";
  const std::size_t at = below(random, text.size() + 1);
  const std::size_t length = below(random, 12);
  switch (random.between(0, 5)) {
    case 0:
      if (at < text.size()) text[at] = kAlphabet[below(random, kAlphabet.size())];
      break;
    case 1:
      text.insert(at, 1, kAlphabet[below(random, kAlphabet.size())]);
      break;
    case 2:
      text.erase(at, length);
      break;
    case 3:
      text.insert(at, text.substr(at, length));
      break;
    case 4: {
      const std::string& other = seeds()[below(random, seeds().size())];
      text.insert(at, other.substr(below(random, other.size()), length * 3));
      break;
    }
    default:
      if (random.chance(5)) text.resize(at);
      break;
  }
}

TEST(ReadMutations, AreReadOrRefusedWithTheirPlace) {
  int accepted = 0;
  int refused = 0;
  for (std::uint64_t seed = 0; seed < 20'000; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Prng random(seed);
    std::string text = seeds()[below(random, seeds().size())];
    for (std::int64_t i = random.between(1, 6); i > 0; --i) mutate(random, text);
    try {
      const Workload workload = read_text(text, "w.json");
      ASSERT_FALSE(workload.tasks.empty());
      ++accepted;
    } catch (const Error& error) {
      const std::string line = error.what();
      ASSERT_TRUE(line.starts_with("w.json:")) << line;
      ASSERT_EQ(line.find('\n'), std::string::npos) << line;
      ASSERT_NE(line.find("found "), std::string::npos) << line;
      ASSERT_NE(line.find(", expected "), std::string::npos) << line;
      ++refused;
    }
  }
  // Both outcomes must occur often, or the mutations prove little.
  EXPECT_GT(accepted, 1'000);
  EXPECT_GT(refused, 1'000);
}

TEST(ReadMutations, TheSeedsThemselvesAreUnderstood) {
  EXPECT_EQ(read_text(seeds()[0], "w.json").tasks.size(), 4u);
  EXPECT_EQ(read_text(seeds()[2], "w.json").tasks.size(), 1u);
}

}  // namespace
}  // namespace px::workload
