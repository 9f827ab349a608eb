// An intrusive red-black tree whose nodes carry a summary of their subtree (Cormen, Leiserson,
// Rivest and Stein, "Introduction to Algorithms", chapters "Red-Black Trees" and "Augmenting Data
// Structures"). O(log n) insertion and removal; nothing is allocated. Both ends are at hand: adding
// behind the last item and removing the first, what queues mostly do, need no search.
//
// Traits:
//   static Node& node(Item&);          Node has Item* parent, left, right; bool red; the summary
//   static const Node& node(const Item&);
//   static bool before(const Item&, const Item&);   a strict total order, constant while in a tree
//   static bool refresh(Item&);        recomputes the summary of an item from itself and its
//                                      children's summaries; true if it changed
// Whoever owns the tree guards it; an item is in at most one tree.
#pragma once

#include <utility>

#include "base/check.hpp"

namespace px {

template <typename Item, typename Traits>
class AugmentedTree {
 public:
  [[nodiscard]] bool empty() const { return root_ == nullptr; }
  [[nodiscard]] Item* root() const { return root_; }

  // Adds `item`, which is in no tree. Returns the number of nodes compared with.
  int insert(Item& item) {
    auto& node = Traits::node(item);
    node.left = node.right = nullptr;
    node.parent = nullptr;
    node.red = true;
    Traits::refresh(item);
    int visited = 0;
    Item** link = &root_;
    if (last_ != nullptr && Traits::before(*last_, item)) {
      visited = 1;
      node.parent = last_;
      link = &Traits::node(*last_).right;
    }
    while (*link != nullptr) {
      ++visited;
      node.parent = *link;
      auto& above = Traits::node(**link);
      link = Traits::before(item, **link) ? &above.left : &above.right;
    }
    *link = &item;
    if (last_ == nullptr || link == &Traits::node(*last_).right) last_ = &item;
    if (first_ == nullptr || link == &Traits::node(*first_).left) first_ = &item;
    propagate(node.parent);
    rebalance_after_insert(&item);
    return visited;
  }

  // Removes `item`, which is in this tree, and clears its links.
  void erase(Item& item) {
    auto& node = Traits::node(item);
    if (&item == first_) first_ = next(item);
    if (&item == last_) last_ = previous(item);
    if (node.left != nullptr && node.right != nullptr) {
      erase_inner(item);
    } else {
      Item* child = node.left != nullptr ? node.left : node.right;
      Item* parent = node.parent;
      const bool right = parent != nullptr && Traits::node(*parent).right == &item;
      const bool red = node.red;
      link_to(parent, &item, child);
      propagate(parent);
      close_gap(parent, right, red, child);
    }
    node.parent = node.left = node.right = nullptr;
  }

  // The ends of the order; nullptr if the tree is empty.
  [[nodiscard]] Item* first() const { return first_; }
  [[nodiscard]] Item* last() const { return last_; }

  // The item after or before `item` in order; nullptr at the end.
  [[nodiscard]] static Item* next(Item& item) { return neighbour(item, true); }
  [[nodiscard]] static Item* previous(Item& item) { return neighbour(item, false); }

  // nullptr if the tree obeys its rules, else the broken rule. O(n log n), constant stack.
  [[nodiscard]] const char* check() const {
    if (root_ == nullptr) {
      return first_ == nullptr && last_ == nullptr ? nullptr : "tree: an empty tree has an end";
    }
    if (first_ != outermost(root_, false)) return "tree: the first item is another";
    if (last_ != outermost(root_, true)) return "tree: the last item is another";
    if (Traits::node(*root_).parent != nullptr) return "tree: the root has a parent";
    if (is_red(root_)) return "tree: the root is red";
    int black_height = -1;
    Item* before = nullptr;
    for (Item* item = first(); item != nullptr; before = item, item = next(*item)) {
      if (before != nullptr && !Traits::before(*before, *item)) return "tree: out of order";
      if (const char* broken = check_node(*item)) return broken;
      const auto& node = Traits::node(*item);
      if (node.left != nullptr && node.right != nullptr) continue;
      const int height = blacks_above(*item);
      if (black_height < 0) black_height = height;
      if (height != black_height) return "tree: paths differ in their number of black nodes";
    }
    return nullptr;
  }

 private:
  static bool is_red(const Item* item) { return item != nullptr && Traits::node(*item).red; }
  static Item*& child(Item& item, bool right) {
    auto& node = Traits::node(item);
    return right ? node.right : node.left;
  }

  // The item furthest on the side `right` in the subtree of `item`.
  static Item* outermost(Item* item, bool right) {
    while (child(*item, right) != nullptr) item = child(*item, right);
    return item;
  }

  static Item* neighbour(Item& item, bool right) {
    if (Item* below = child(item, right)) return outermost(below, !right);
    Item* from = &item;
    Item* above = Traits::node(item).parent;
    while (above != nullptr && child(*above, right) == from) {
      from = above;
      above = Traits::node(*above).parent;
    }
    return above;
  }

  static int blacks_above(const Item& item) {
    int count = 0;
    for (const Item* at = &item; at != nullptr; at = Traits::node(*at).parent) {
      if (!Traits::node(*at).red) ++count;
    }
    return count;
  }

  static const char* check_node(Item& item) {
    const auto& node = Traits::node(item);
    for (const Item* below : {node.left, node.right}) {
      if (below == nullptr) continue;
      if (Traits::node(*below).parent != &item) return "tree: a child names another parent";
      if (node.red && Traits::node(*below).red) return "tree: a red node has a red child";
    }
    if (Traits::refresh(item)) return "tree: a subtree's summary was out of date";
    return nullptr;
  }

  // Where `parent` (nullptr: the root) pointed to `old_child` it now points to `new_child`.
  void link_to(Item* parent, const Item* old_child, Item* new_child) {
    if (parent == nullptr) {
      root_ = new_child;
    } else {
      child(*parent, Traits::node(*parent).right == old_child) = new_child;
    }
    if (new_child != nullptr) Traits::node(*new_child).parent = parent;
  }

  // Brings summaries up to date from `item` upwards. A summary that has not changed cannot change
  // those above it, so the walk ends there.
  static void propagate(Item* item) {
    while (item != nullptr && Traits::refresh(*item)) item = Traits::node(*item).parent;
  }

  // `top` goes down on the side `right`; its child of the other side takes its place. The set of
  // items below that place stays the same, so only these two summaries change.
  void rotate(Item& top, bool right) {
    Item& riser = *child(top, !right);
    Item* inner = child(riser, right);
    child(top, !right) = inner;
    if (inner != nullptr) Traits::node(*inner).parent = &top;
    link_to(Traits::node(top).parent, &top, &riser);
    child(riser, right) = &top;
    Traits::node(top).parent = &riser;
    Traits::refresh(top);
    Traits::refresh(riser);
  }

  void rebalance_after_insert(Item* item) {
    Item* parent = Traits::node(*item).parent;
    while (is_red(parent)) {
      Item& grand = *Traits::node(*parent).parent;  // exists: the root is never red
      const bool right = Traits::node(grand).right == parent;
      Item* uncle = child(grand, !right);
      if (is_red(uncle)) {
        Traits::node(*parent).red = false;
        Traits::node(*uncle).red = false;
        Traits::node(grand).red = true;
        item = &grand;
        parent = Traits::node(grand).parent;
        continue;
      }
      if (child(*parent, !right) == item) {
        rotate(*parent, right);
        std::swap(item, parent);
      }
      Traits::node(*parent).red = false;
      Traits::node(grand).red = true;
      rotate(grand, !right);
      break;
    }
    Traits::node(*root_).red = false;
  }

  // Removes an item with two children: its successor takes its place, colour and summary.
  void erase_inner(Item& item) {
    auto& node = Traits::node(item);
    Item* heir = outermost(node.right, false);
    auto& heir_node = Traits::node(*heir);
    Item* orphan = heir_node.right;
    const bool red = heir_node.red;
    const bool adjacent = heir == node.right;
    Item* gap_parent = adjacent ? heir : heir_node.parent;
    if (!adjacent) link_to(gap_parent, heir, orphan);
    heir_node = node;
    if (adjacent) heir_node.right = orphan;
    link_to(node.parent, &item, heir);
    Traits::node(*heir_node.left).parent = heir;
    if (heir_node.right != nullptr) Traits::node(*heir_node.right).parent = heir;
    // Below the heir the summaries are those without it; at its place the old one is still that of
    // the removed item, so an early end of the first walk does not excuse the second.
    propagate(gap_parent);
    propagate(heir);
    close_gap(gap_parent, adjacent, red, orphan);
  }

  // A node of colour `red` has gone from the side `right` of `parent`, `child_in_place` (may be
  // nullptr) stands there now. Restores the number of black nodes on each path.
  void close_gap(Item* parent, bool right, bool red, Item* child_in_place) {
    if (child_in_place != nullptr) {
      // Only a black node can have had exactly one child, and that one red.
      Traits::node(*child_in_place).red = false;
    } else if (!red) {
      rebalance_after_erase(parent, right);
    }
  }

  // The subtree on the side `right` of `parent` lacks one black node.
  void rebalance_after_erase(Item* parent, bool right) {
    while (parent != nullptr) {
      Item* sibling = child(*parent, !right);  // exists: the other side has a black node more
      if (is_red(sibling)) {
        Traits::node(*sibling).red = false;
        Traits::node(*parent).red = true;
        rotate(*parent, right);
        sibling = child(*parent, !right);
      }
      Item* near = child(*sibling, right);
      Item* far = child(*sibling, !right);
      if (!is_red(near) && !is_red(far)) {
        Traits::node(*sibling).red = true;
        if (is_red(parent)) {
          Traits::node(*parent).red = false;
          return;
        }
        Item* above = Traits::node(*parent).parent;
        right = above != nullptr && Traits::node(*above).right == parent;
        parent = above;
        continue;
      }
      if (!is_red(far)) {
        Traits::node(*near).red = false;
        Traits::node(*sibling).red = true;
        rotate(*sibling, !right);
        far = sibling;
        sibling = near;
      }
      Traits::node(*sibling).red = Traits::node(*parent).red;
      Traits::node(*parent).red = false;
      Traits::node(*far).red = false;
      rotate(*parent, right);
      return;
    }
  }

  Item* root_ = nullptr;
  Item* first_ = nullptr;
  Item* last_ = nullptr;
};

}  // namespace px
