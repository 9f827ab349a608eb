// Goal: the tree holds the same items in the same order as a sorted vector, with correct summaries
// and red-black rules, after any mix of insertions and removals.
// Method: 10^5 random operations from a fixed seed on a few hundred items, compared with a sorted
// vector throughout; then the shapes that random mixes rarely give (ascending, descending, emptied
// from either end and from the root); then damage that check() must find.
#include "base/augmented_tree.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <vector>

#include "base/prng.hpp"

namespace px {
namespace {

struct Item;

struct Links {
  Item* parent = nullptr;
  Item* left = nullptr;
  Item* right = nullptr;
  bool red = false;
  int least = 0;  // summary: the least value in the subtree
};

struct Item {
  int key = 0;
  int id = 0;
  int value = 0;
  Links links;
};

struct Traits {
  static Links& node(Item& item) { return item.links; }
  static const Links& node(const Item& item) { return item.links; }
  static bool before(const Item& a, const Item& b) {
    return a.key != b.key ? a.key < b.key : a.id < b.id;
  }
  static bool refresh(Item& item) {
    int least = item.value;
    for (const Item* below : {item.links.left, item.links.right}) {
      if (below != nullptr) least = std::min(least, below->links.least);
    }
    const bool changed = least != item.links.least;
    item.links.least = least;
    return changed;
  }
};

using Tree = AugmentedTree<Item, Traits>;

std::vector<Item*> in_order(const Tree& tree) {
  std::vector<Item*> items;
  for (Item* item = tree.first(); item != nullptr; item = Tree::next(*item)) items.push_back(item);
  return items;
}

void expect_sound(const Tree& tree) {
  const char* broken = tree.check();
  ASSERT_EQ(broken, nullptr) << broken;
}

std::vector<Item> make_items(int count, Prng& prng, int keys) {
  std::vector<Item> items(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) {
    auto& item = items[static_cast<std::size_t>(i)];
    item.id = i;
    item.key = static_cast<int>(prng.between(0, keys));
    item.value = static_cast<int>(prng.between(-1000, 1000));
  }
  return items;
}

TEST(AugmentedTree, MatchesASortedVectorOverRandomOperations) {
  constexpr int kOperations = 100'000;
  Prng prng(1);
  auto items = make_items(400, prng, 100);  // 100 keys: many ties, decided by id
  Tree tree;
  std::vector<Item*> model;
  const auto before = [](const Item* a, const Item* b) { return Traits::before(*a, *b); };
  for (int i = 0; i < kOperations; ++i) {
    Item& item = items[static_cast<std::size_t>(prng.between(0, 399))];
    const auto place = std::lower_bound(model.begin(), model.end(), &item, before);
    if (place != model.end() && *place == &item) {
      model.erase(place);
      tree.erase(item);
      // A removed item may change and come back elsewhere.
      item.key = static_cast<int>(prng.between(0, 100));
      item.value = static_cast<int>(prng.between(-1000, 1000));
    } else {
      model.insert(place, &item);
      const int visited = tree.insert(item);
      // A red-black tree of n items is at most 2 log2(n + 1) high.
      ASSERT_LE(visited, 2 * static_cast<int>(std::bit_width(model.size() + 1)));
    }
    ASSERT_EQ(tree.empty(), model.empty());
    ASSERT_EQ(tree.first(), model.empty() ? nullptr : model.front());
    ASSERT_EQ(tree.last(), model.empty() ? nullptr : model.back());
    if (!model.empty()) {
      const auto least =
          std::min_element(model.begin(), model.end(),
                           [](const Item* a, const Item* b) { return a->value < b->value; });
      ASSERT_EQ(tree.root()->links.least, (*least)->value);
    }
    if (i % 16 == 0) {
      expect_sound(tree);
      ASSERT_EQ(in_order(tree), model);
      auto expected = model.rbegin();
      for (Item* at = tree.last(); at != nullptr; at = Tree::previous(*at)) {
        ASSERT_EQ(at, *expected++);
      }
      ASSERT_EQ(expected, model.rend());
    }
  }
}

TEST(AugmentedTree, EverySmallRemovalKeepsTheRules) {
  // Every pair (size, removed item) up to 40 items covers all cases of the rebalancing by position.
  Prng prng(2);
  for (int count = 1; count <= 40; ++count) {
    for (int removed = 0; removed < count; ++removed) {
      auto items = make_items(count, prng, 1'000'000);
      Tree tree;
      for (auto& item : items) tree.insert(item);
      expect_sound(tree);
      Item& gone = items[static_cast<std::size_t>(removed)];
      tree.erase(gone);
      expect_sound(tree);
      ASSERT_EQ(in_order(tree).size(), static_cast<std::size_t>(count - 1));
      ASSERT_EQ(gone.links.parent, nullptr);
      ASSERT_EQ(gone.links.left, nullptr);
      ASSERT_EQ(gone.links.right, nullptr);
    }
  }
}

TEST(AugmentedTree, SortedInputAndEmptyingFromAnyEnd) {
  for (const bool ascending : {true, false}) {
    for (const int way : {0, 1, 2}) {
      std::vector<Item> items(1000);
      Tree tree;
      int n = 0;
      for (auto& item : items) {
        item.id = n;
        item.key = ascending ? n : -n;
        item.value = (n * 7919) % 1000;
        ++n;
        tree.insert(item);
      }
      expect_sound(tree);
      while (!tree.empty()) {
        Item* victim = tree.root();
        if (way == 0) victim = tree.first();
        if (way == 1) {
          while (victim->links.right != nullptr) victim = victim->links.right;
        }
        tree.erase(*victim);
        expect_sound(tree);
      }
    }
  }
}

class DamagedTree : public testing::Test {
 protected:
  void SetUp() override {
    for (int i = 0; i < 15; ++i) {
      items_[static_cast<std::size_t>(i)].id = i;
      items_[static_cast<std::size_t>(i)].key = i;
      items_[static_cast<std::size_t>(i)].value = i;
      tree_.insert(items_[static_cast<std::size_t>(i)]);
    }
    ASSERT_EQ(tree_.check(), nullptr);
  }

  std::array<Item, 15> items_;
  Tree tree_;
};

TEST_F(DamagedTree, OrderIsChecked) {
  items_[3].key = 9;
  EXPECT_STREQ(tree_.check(), "tree: out of order");
}

TEST_F(DamagedTree, SummariesAreChecked) {
  items_[0].value = -5;
  EXPECT_STREQ(tree_.check(), "tree: a subtree's summary was out of date");
}

TEST_F(DamagedTree, ColoursAreChecked) {
  tree_.root()->links.red = true;
  EXPECT_STREQ(tree_.check(), "tree: the root is red");
  tree_.root()->links.red = false;
  Item* leaf = tree_.first();
  leaf->links.red = !leaf->links.red;
  EXPECT_NE(tree_.check(), nullptr);
}

TEST_F(DamagedTree, ParentsAreChecked) {
  tree_.first()->links.parent = tree_.root();
  EXPECT_NE(tree_.check(), nullptr);
}

}  // namespace
}  // namespace px
