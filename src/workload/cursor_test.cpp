// Goal: a cursor visits a program's operations in the order in which rt-app runs them, and knows
// what lies ahead up to the next timer. Method: programs built by hand whose operations carry
// letters; visits written as strings.
#include "workload/cursor.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace px::workload {
namespace {

// Lower-case letters are runs, upper-case ones timers; amount_ns carries the letter.
Phase phase(const std::string& letters, std::int64_t loop = 1) {
  Phase result;
  result.loop = loop;
  for (const char letter : letters) {
    Op op;
    op.kind = letter >= 'a' ? OpKind::kRun : OpKind::kTimer;
    op.amount_ns = letter;
    result.ops.push_back(op);
  }
  return result;
}

TaskSpec task(std::vector<Phase> phases, std::int64_t loop = 1) {
  TaskSpec result;
  result.loop = loop;
  result.has_phases = true;
  result.phases = std::move(phases);
  return result;
}

// The letters visited, "|" where a phase iteration begins, "/" where a round of the task begins,
// "." at the end; at most `limit` operations.
std::string visits(Cursor cursor, int limit = 40) {
  std::string out;
  for (; !cursor.done() && limit > 0; --limit) {
    out.push_back(static_cast<char>(cursor.op().amount_ns));
    switch (cursor.advance()) {
      case Cursor::Step::kNextOp:
        break;
      case Cursor::Step::kNewPhaseIteration:
        out += "|";
        break;
      case Cursor::Step::kNewTaskIteration:
        out += "/";
        break;
      case Cursor::Step::kEnd:
        out += ".";
        break;
    }
  }
  return out;
}

std::string ahead(const TaskSpec& spec, int steps) {
  Cursor cursor(spec);
  for (int i = 0; i < steps; ++i) cursor.advance();
  const Activation activation = cursor.activation();
  std::string out = activation.has_events ? "events" : "none";
  if (activation.ended_by != nullptr) {
    out += std::string(" ") + static_cast<char>(activation.ended_by->amount_ns);
  }
  return out;
}

TEST(Cursor, LoopsOverPhasesAndRounds) {
  EXPECT_EQ(visits(Cursor(task({phase("ab")}))), "ab.");
  EXPECT_EQ(visits(Cursor(task({phase("ab", 2), phase("c", 3)}))), "ab|ab|c|c|c.");
  EXPECT_EQ(visits(Cursor(task({phase("a", 2), phase("b")}, 2))), "a|a|b/a|a|b.");
  EXPECT_EQ(visits(Cursor(task({phase("a"), phase("b")}, -1)), 5), "a|b/a|b/a|");
  EXPECT_EQ(visits(Cursor(task({phase("a"), phase("b", -1), phase("c")})), 4), "a|b|b|b|");
}

TEST(Cursor, PassesOverEmptyPhases) {
  EXPECT_EQ(visits(Cursor(task({phase("", 1'000'000'000'000), phase("a"), phase("")}, 2))), "a/a.");
  EXPECT_EQ(visits(Cursor(task({phase("", -1)}, -1))), "");
  EXPECT_EQ(visits(Cursor(task({}, -1))), "");
  EXPECT_EQ(visits(Cursor(task({phase("a")}, 0))), "");
  EXPECT_EQ(visits(Cursor(task({phase("a", 0), phase("b")}))), "b.");
}

TEST(Cursor, IsAtAPhaseStartOnlyThere) {
  const TaskSpec spec = task({phase("ab", 2)});
  Cursor cursor(spec);
  std::string starts;
  for (; !cursor.done(); cursor.advance()) starts += cursor.at_phase_start() ? "1" : "0";
  EXPECT_EQ(starts, "1010");
}

TEST(Cursor, SeesTheNextTimer) {
  EXPECT_EQ(ahead(task({phase("aB")}), 0), "events B");
  EXPECT_EQ(ahead(task({phase("Ab")}), 0), "none A");
  EXPECT_EQ(ahead(task({phase("Ab")}), 1), "events");       // ended by the task's end
  EXPECT_EQ(ahead(task({phase("Ab", 2)}), 1), "events A");  // by the next iteration's timer
  EXPECT_EQ(ahead(task({phase("Ab", -1)}), 1), "events A");
  EXPECT_EQ(ahead(task({phase("a", -1)}), 0), "events");  // never ended
  EXPECT_EQ(ahead(task({phase("Ab", 2)}), 3), "events");  // last iteration
  EXPECT_EQ(ahead(task({phase("a", 3), phase("bC")}), 0), "events C");
  EXPECT_EQ(ahead(task({phase("a"), phase("b", -1), phase("C")}), 0), "events");
  EXPECT_EQ(ahead(task({phase("aB"), phase("c")}, 2), 2), "events B");  // around the task's loop
  EXPECT_EQ(ahead(task({phase("aB"), phase("c")}, 2), 5), "events");    // the last round
  EXPECT_EQ(ahead(task({phase("AB")}), 1), "none B");
  EXPECT_EQ(ahead(task({phase("a"), phase("", -1), phase("B")}), 0), "events B");
}

TEST(Cursor, CutShortRunsWhatIsLeftOnce) {
  const auto cut_after = [](const TaskSpec& spec, int steps) {
    Cursor cursor(spec);
    for (int i = 0; i < steps; ++i) cursor.advance();
    cursor.cut_short();
    return visits(cursor);
  };
  EXPECT_EQ(cut_after(task({phase("ab", 9), phase("c", 9)}, 9), 1), "b|c.");
  EXPECT_EQ(cut_after(task({phase("ab", -1), phase("c")}, 9), 1), "b|ab.");
  EXPECT_EQ(cut_after(task({phase("a"), phase("bc", -1), phase("d")}, -1), 0), "a|bc.");
}

TEST(Cursor, KnowsTheTasksOwnLoop) {
  TaskSpec plain = task({phase("a", 3)});
  plain.has_phases = false;
  EXPECT_TRUE(turned_own_loop(plain, Cursor::Step::kNewPhaseIteration));
  EXPECT_TRUE(turned_own_loop(plain, Cursor::Step::kNewTaskIteration));
  EXPECT_TRUE(turned_own_loop(plain, Cursor::Step::kEnd));
  EXPECT_FALSE(turned_own_loop(plain, Cursor::Step::kNextOp));
  EXPECT_FALSE(turned_own_loop(task({phase("a", 3)}), Cursor::Step::kNewPhaseIteration));
  EXPECT_TRUE(turned_own_loop(task({phase("a", 3)}), Cursor::Step::kNewTaskIteration));
}

}  // namespace
}  // namespace px::workload
