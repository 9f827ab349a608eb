// Goal: programs that cannot run are refused before they run; programs that are only odd get a
// note. Method: small workloads, the exact errors and notes; and that the nearest correct program
// passes.
#include "workload/static_checks.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "workload/read.hpp"

namespace px::workload {
namespace {

std::string task(const std::string& members) { return "{\"tasks\":{\"t\":{" + members + "}}}"; }

std::string error_of(const std::string& text) {
  try {
    static_cast<void>(read_text(text, "w.json"));
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

std::vector<std::string> notes_of(const std::string& text) {
  return read_text(text, "w.json").notes;
}

TEST(StaticChecks, ATaskWithoutEventsMustEnd) {
  const std::string error =
      "w.json:1:11: found task \"t\" without events in a loop without end, expected at least one "
      "event";
  EXPECT_EQ(error_of(task("")), error);
  EXPECT_EQ(error_of(task("\"loop\":-1")), error);
  EXPECT_EQ(error_of(task("\"phases\":{}")), error);
  EXPECT_EQ(error_of(task("\"loop\":1,\"phases\":{\"p\":{\"loop\":-1}}")), error);
  EXPECT_EQ(error_of(task("\"loop\":3")), "no error");
  EXPECT_EQ(error_of(task("\"loop\":3,\"phases\":{}")), "no error");
}

TEST(StaticChecks, AnEndlessLoopMustLetTimePass) {
  const auto error = [](const std::string& place) {
    return "w.json:" + place +
           ": found a loop without end of task \"t\" that would never let time pass, expected a "
           "run, "
           "runtime, sleep or timer above 0 in it";
  };
  EXPECT_EQ(error_of(task("\"lock\":\"m\",\"unlock\":\"m\"")), error("1:11"));
  EXPECT_EQ(error_of(task("\"run\":0")), error("1:11"));
  EXPECT_EQ(error_of(task("\"timer\":{\"ref\":\"u\",\"period\":0}")), error("1:11"));
  EXPECT_EQ(error_of(task("\"loop\":-1,\"sleep\":0")), error("1:11"));
  // The endless loop is the one that counts: time in a phase before it does not help.
  EXPECT_EQ(
      error_of(task("\"loop\":1,\"phases\":{\"a\":{\"run\":1},\"b\":{\"loop\":-1,\"run\":0}}")),
      error("1:49"));
  EXPECT_EQ(error_of(task("\"phases\":{\"a\":{\"run\":0},\"b\":{\"run\":1}}")), "no error");
  EXPECT_EQ(error_of(task("\"lock\":\"m\",\"unlock\":\"m\",\"sleep\":1")), "no error");
  EXPECT_EQ(error_of(task("\"timer\":{\"ref\":\"u\",\"period\":1}")), "no error");
  EXPECT_EQ(error_of(task("\"loop\":1000000,\"run\":0")), "no error");
}

TEST(StaticChecks, AnUnlockNeedsItsLock) {
  const auto error = [](const std::string& place, const std::string& mutex) {
    return "w.json:" + place + ": found an unlock of the mutex \"" + mutex +
           "\", which task \"t\" does not hold there, expected a lock of it before";
  };
  EXPECT_EQ(error_of(task("\"run\":1,\"unlock\":\"m\"")), error("1:24", "m"));
  EXPECT_EQ(error_of(task("\"lock\":\"a\",\"unlock\":\"b\",\"unlock\":\"a\",\"run\":1")),
            error("1:27", "b"));
  EXPECT_EQ(error_of(task("\"run\":1,\"lock\":\"m\",\"unlock\":\"m\",\"unlock\":\"m\"")),
            error("1:48", "m"));
  // Right in the first round of the phase, wrong in the second.
  EXPECT_EQ(error_of(task("\"loop\":1,\"phases\":{\"a\":{\"lock\":\"m\",\"run\":1},"
                          "\"b\":{\"loop\":2,\"unlock\":\"m\"}}")),
            error("1:74", "m"));
  // A lock held across phases, and given up and taken again in each round, is fine.
  EXPECT_EQ(error_of(task("\"phases\":{\"a\":{\"lock\":\"m\",\"run\":1},"
                          "\"b\":{\"loop\":9,\"unlock\":\"m\",\"run\":1,\"lock\":\"m\"},"
                          "\"c\":{\"unlock\":\"m\"}}")),
            "no error");
  // Not nested is fine too.
  EXPECT_EQ(
      error_of(task("\"lock\":\"a\",\"lock\":\"b\",\"unlock\":\"a\",\"unlock\":\"b\",\"run\":1")),
      "no error");
  // What no task instance ever reaches is not checked.
  EXPECT_EQ(error_of(task("\"loop\":1,\"phases\":{\"a\":{\"loop\":-1,\"run\":1},"
                          "\"b\":{\"unlock\":\"m\"}}")),
            "no error");
}

TEST(StaticChecks, TemplatesAreCheckedToo) {
  EXPECT_EQ(
      error_of("{\"tasks\":{\"t\":{\"instance\":0,\"unlock\":\"m\",\"run\":1},\"u\":{\"run\":1}}}"),
      "w.json:1:29: found an unlock of the mutex \"m\", which task \"t\" does not hold there, "
      "expected a lock of it before");
}

TEST(StaticChecks, NotesWhatIsOdd) {
  EXPECT_EQ(notes_of(task("\"lock\":\"m\",\"lock\":\"m\",\"run\":1")),
            std::vector<std::string>{
                "w.json:1:27: task \"t\" locks the mutex \"m\" while it holds it: it will wait for "
                "itself"});
  EXPECT_EQ(notes_of(task("\"lock\":\"m\",\"run\":1")),
            std::vector<std::string>{
                "w.json:1:16: task \"t\" locks the mutex \"m\" while it holds it: it will wait for "
                "itself"});
  EXPECT_EQ(notes_of(task("\"loop\":1,\"lock\":\"m\",\"run\":1")),
            std::vector<std::string>{
                "w.json:1:25: task \"t\" ends with the mutex \"m\" locked: nobody can lock it "
                "afterwards"});
  EXPECT_EQ(notes_of(task("\"phases\":{\"a\":{\"loop\":-1,\"run\":1},\"b\":{\"run\":1}}")),
            std::vector<std::string>{
                "w.json:1:50: the phases of task \"t\" from here on are never reached: the phase "
                "before them loops for ever"});
  EXPECT_TRUE(notes_of(task("\"lock\":\"m\",\"run\":1,\"unlock\":\"m\"")).empty());
}

}  // namespace
}  // namespace px::workload
