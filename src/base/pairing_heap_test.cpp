// Goal: the heap gives its elements back in order, and any element can be removed at any time.
// Method: random operations from a fixed seed against a multimap; every order of few elements;
// death tests of misuse.
#include "base/pairing_heap.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <vector>

#include "base/prng.hpp"

namespace px {
namespace {

struct Item : HeapNode {
  int key = 0;
  int id = 0;
};

struct Before {
  bool operator()(const Item& a, const Item& b) const {
    return a.key != b.key ? a.key < b.key : a.id < b.id;
  }
};

using Heap = PairingHeap<Item, Before>;

TEST(PairingHeap, MatchesAMultimapOverRandomOperations) {
  Prng prng(1);
  std::vector<Item> items(300);
  for (std::size_t i = 0; i < items.size(); ++i) items[i].id = static_cast<int>(i);
  Heap heap;
  std::multimap<std::pair<int, int>, Item*> model;  // by (key, id), the heap's order
  for (int step = 0; step < 200'000; ++step) {
    Item& item = items[static_cast<std::size_t>(prng.between(0, 299))];
    const auto at = model.find({item.key, item.id});
    if (at != model.end()) {
      // Every third removal is of the first, as expiry does it.
      const auto gone = prng.chance(33) ? model.begin() : at;
      heap.remove(*gone->second);
      model.erase(gone);
    } else {
      item.key = static_cast<int>(prng.between(0, 50));  // many ties
      heap.insert(item);
      model.insert({{item.key, item.id}, &item});
    }
    ASSERT_EQ(heap.empty(), model.empty());
    ASSERT_EQ(heap.first(), model.empty() ? nullptr : model.begin()->second) << "step " << step;
  }
  while (!model.empty()) {
    ASSERT_EQ(heap.first(), model.begin()->second);
    heap.remove(*heap.first());
    model.erase(model.begin());
  }
  EXPECT_TRUE(heap.empty());
}

// All 720 orders of insertion of six elements, and for each every choice of one to remove first.
TEST(PairingHeap, EverySmallShape) {
  std::vector<int> order = {0, 1, 2, 3, 4, 5};
  do {
    for (std::size_t removed = 0; removed < order.size(); ++removed) {
      std::vector<Item> items(order.size());
      Heap heap;
      for (const int key : order) {
        auto& item = items[static_cast<std::size_t>(key)];
        item.key = item.id = key;
        heap.insert(item);
      }
      heap.remove(items[removed]);
      for (std::size_t key = 0; key < items.size(); ++key) {
        if (key == removed) continue;
        ASSERT_EQ(heap.first(), &items[key]);
        heap.remove(items[key]);
      }
      ASSERT_TRUE(heap.empty());
    }
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST(PairingHeapDeath, OnlyAnElementCanBeRemoved) {
  Heap heap;
  Item in;
  Item out;
  heap.insert(in);
  EXPECT_DEATH(heap.remove(out), "only an element of the heap can be removed");
}

}  // namespace
}  // namespace px
