// Goal: a wait list is by rank and first come first served among equals, whatever leaves and comes.
// Method: random insertions and removals from a fixed seed, compared with a stable-sorted vector.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "base/prng.hpp"
#include "sim/platform.hpp"

namespace px::core {
namespace {

using Task = core::Task<sim::Platform>;
using List = WaitList<sim::Platform>;

std::vector<const Task*> forwards(const List& list) {
  std::vector<const Task*> tasks;
  for (const Task* task = list.first(); task != nullptr; task = task->wait_node.next) {
    tasks.push_back(task);
  }
  return tasks;
}

TEST(WaitList, MatchesAStableSortOverRandomOperations) {
  Prng prng(1);
  std::vector<std::unique_ptr<Task>> tasks;
  for (int i = 0; i < 40; ++i) tasks.push_back(std::make_unique<Task>());
  List list;
  std::vector<const Task*> model;
  for (int step = 0; step < 50'000; ++step) {
    Task& task = *tasks[static_cast<std::size_t>(prng.between(0, 39))];
    const auto at = std::find(model.begin(), model.end(), &task);
    if (at != model.end()) {
      model.erase(at);
      list.remove(task);
      EXPECT_FALSE(task.wait_node.queued);
    } else {
      const auto kind = prng.between(0, 4);
      const auto rank =
          kind == 0 ? policy::Rank::fair() : policy::Rank::realtime(static_cast<int>(kind));
      list.insert(task, rank);
      model.push_back(&task);
      std::stable_sort(model.begin(), model.end(), [](const Task* a, const Task* b) {
        return a->wait_node.rank.outranks(b->wait_node.rank);
      });
    }
    ASSERT_EQ(forwards(list), model) << "step " << step;
    ASSERT_EQ(list.empty(), model.empty());
    for (std::size_t i = 0; i < model.size(); ++i) {
      ASSERT_EQ(model[i]->wait_node.prev, i == 0 ? nullptr : model[i - 1]);
    }
  }
}

TEST(WaitListDeath, OnePlaceAtATime) {
  Task task;
  List list;
  EXPECT_DEATH(list.remove(task), "only a queued waiter can leave");
  list.insert(task, policy::Rank::fair());
  EXPECT_DEATH(list.insert(task, policy::Rank::fair()), "a task waits for one thing at a time");
}

}  // namespace
}  // namespace px::core
