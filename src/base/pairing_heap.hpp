// An intrusive pairing heap (Fredman, Sedgewick, Sleator and Tarjan, "The Pairing Heap: A New Form
// of Self-Adjusting Heap", Algorithmica 1986): O(1) insert and first, O(log n) amortised removal of
// any element, nothing allocated.
#pragma once

#include "base/check.hpp"

namespace px {

struct HeapNode {
  HeapNode* child = nullptr;
  HeapNode* next = nullptr;  // sibling
  HeapNode* prev = nullptr;  // previous sibling, or the parent of a first child
};

// T derives from HeapNode; `Before{}(a, b)`: a comes out before b, a strict weak order.
template <typename T, typename Before>
class PairingHeap {
 public:
  [[nodiscard]] T* first() const { return static_cast<T*>(root_); }
  [[nodiscard]] bool empty() const { return root_ == nullptr; }

  // Every element, in no particular order. `visit` must not change the heap.
  template <typename F>
  void for_each(F&& visit) const {
    HeapNode* at = root_;
    while (at != nullptr) {
      visit(*static_cast<T*>(at));
      if (at->child != nullptr) {
        at = at->child;
        continue;
      }
      while (at != nullptr && at->next == nullptr) {
        while (at->prev != nullptr && at->prev->child != at) at = at->prev;
        at = at->prev;  // from the first sibling to the parent
      }
      if (at != nullptr) at = at->next;
    }
  }

  void insert(T& element) {
    HeapNode& node = element;
    node.child = node.next = node.prev = nullptr;
    root_ = meld(root_, &node);
  }

  void remove(T& element) {
    HeapNode& node = element;
    if (&node == root_) {
      root_ = merge_pairs(node.child);
    } else {
      PX_CHECK(node.prev != nullptr, "only an element of the heap can be removed");
      (node.prev->child == &node ? node.prev->child : node.prev->next) = node.next;
      if (node.next != nullptr) node.next->prev = node.prev;
      root_ = meld(root_, merge_pairs(node.child));
    }
    node.child = node.next = node.prev = nullptr;
  }

 private:
  static HeapNode* meld(HeapNode* a, HeapNode* b) {
    if (a == nullptr) return b;
    if (b == nullptr) return a;
    if (Before{}(*static_cast<T*>(b), *static_cast<T*>(a))) {
      HeapNode* swap = a;
      a = b;
      b = swap;
    }
    b->next = a->child;
    if (b->next != nullptr) b->next->prev = b;
    b->prev = a;
    a->child = b;
    a->next = a->prev = nullptr;
    return a;
  }

  // Two passes: meld neighbours from the left, then all results from the right.
  static HeapNode* merge_pairs(HeapNode* first) {
    HeapNode* pairs = nullptr;  // melded pairs, last one first, linked by `next`
    while (first != nullptr) {
      HeapNode* a = first;
      HeapNode* b = a->next;
      first = b != nullptr ? b->next : nullptr;
      a->next = a->prev = nullptr;
      if (b != nullptr) b->next = b->prev = nullptr;
      HeapNode* pair = meld(a, b);
      pair->next = pairs;
      pairs = pair;
    }
    HeapNode* result = nullptr;
    while (pairs != nullptr) {
      HeapNode* rest = pairs->next;
      pairs->next = pairs->prev = nullptr;
      result = meld(result, pairs);
      pairs = rest;
    }
    return result;
  }

  HeapNode* root_ = nullptr;
};

}  // namespace px
