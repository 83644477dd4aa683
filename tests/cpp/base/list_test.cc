// SPDX-License-Identifier: MIT
//
// Guards: broken links after any order of operations, which a std::list of the same steps shows.
#include "runtime/base/list.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <list>
#include <new>
#include <random>
#include <vector>

#include "tests/cpp/base/child.hpp"

using namespace causeway;

namespace {

struct Item {
  int id = 0;
  base::Link first;  // two links, neither at offset 0: an element can be in two lists of different links
  base::Link second;
};
using List = base::IntrusiveList<Item, &Item::first>;
using Other = base::IntrusiveList<Item, &Item::second>;

std::vector<int> ids(List& list) {
  std::vector<int> out;
  list.for_each([&](Item* item) { out.push_back(item->id); });
  return out;
}

}  // namespace

TEST_CASE("elements come out of the ends where they went in") {
  Item a{1, {}, {}}, b{2, {}, {}}, c{3, {}, {}};
  List list;
  CHECK(list.empty());
  CHECK(list.pop_front() == nullptr);
  CHECK(list.pop_back() == nullptr);
  list.push_back(&b);
  list.push_back(&c);
  list.push_front(&a);
  CHECK(list.front() == &a);
  CHECK(list.back() == &c);
  CHECK(list.next(&a) == &b);
  CHECK(list.next(&c) == nullptr);
  CHECK(list.pop_back() == &c);
  CHECK(list.pop_front() == &a);
  CHECK(list.pop_front() == &b);
  CHECK(list.empty());
}

TEST_CASE("INV-LIST1: an element that is out has null links, and may go into a list again") {
  Item a{1, {}, {}}, b{2, {}, {}};
  List list;
  Other other;
  list.push_back(&a);
  list.push_back(&b);
  other.push_back(&b);
  list.remove(&a);
  CHECK(a.first.next == nullptr);
  CHECK(a.first.prev == nullptr);
  CHECK(other.front() == &b);
  list.push_back(&a);
  CHECK(ids(list) == std::vector<int>{2, 1});
  list.pop_front();
  list.pop_front();
  other.pop_front();
}

TEST_CASE("INV-LIST2: zeroed memory is an empty list") {
  alignas(List) unsigned char memory[sizeof(List)];
  std::memset(memory, 0, sizeof memory);
  CHECK(reinterpret_cast<List*>(memory)->empty());
}

TEST_CASE("an element may be removed while it is visited; append_all keeps the order") {
  std::vector<Item> items(6);
  List list, tail;
  for (int i = 0; i < 6; ++i) {
    items[static_cast<size_t>(i)].id = i;
    (i < 4 ? list : tail).push_back(&items[static_cast<size_t>(i)]);
  }
  list.for_each([&](Item* item) {
    if (item->id % 2 == 0) list.remove(item);
  });
  list.append_all(tail);
  CHECK(tail.empty());
  CHECK(ids(list) == std::vector<int>{1, 3, 4, 5});
  list.append_all(tail);
  tail.append_all(list);
  CHECK(list.empty());
  CHECK(ids(tail) == std::vector<int>{1, 3, 4, 5});
  CHECK(tail.back()->id == 5);
  list.insert_after(nullptr == list.front() ? (list.push_back(&items[0]), &items[0]) : list.front(), &items[2]);
  CHECK(ids(list) == std::vector<int>{0, 2});
  while (list.pop_front() != nullptr) {}
  while (tail.pop_front() != nullptr) {}
}

TEST_CASE("random operations agree with std::list") {
  constexpr size_t kItems = 12;  // few, so that every position is met often
  std::vector<Item> items(kItems);
  std::vector<bool> in(kItems, false);
  for (size_t i = 0; i < kItems; ++i) items[i].id = static_cast<int>(i);
  List list;
  std::list<int> model;
  std::mt19937 random(20240611);
  for (int step = 0; step < 20'000; ++step) {
    const size_t i = random() % kItems;
    Item* item = &items[i];
    if (in[i]) {
      list.remove(item);
      model.remove(static_cast<int>(i));
      in[i] = false;
    } else {
      switch (random() % 3) {
        case 0: list.push_back(item), model.push_back(static_cast<int>(i)); break;
        case 1: list.push_front(item), model.push_front(static_cast<int>(i)); break;
        default:
          if (list.empty()) {
            list.push_back(item), model.push_back(static_cast<int>(i));
          } else {
            const int first = model.front();
            list.insert_after(&items[static_cast<size_t>(first)], item);
            model.insert(std::next(model.begin()), static_cast<int>(i));
          }
      }
      in[i] = true;
    }
    if (step % 50 == 0) REQUIRE(ids(list) == std::vector<int>(model.begin(), model.end()));
    REQUIRE((list.empty() ? -1 : list.back()->id) == (model.empty() ? -1 : model.back()));
  }
}

#if CW_DEBUG_CHECKS
TEST_CASE("debug checks: linking twice and removing what is not there end the process") {
  const auto twice = test::run_child([] {
    Item a, b;
    List list;
    list.push_back(&a);
    list.push_back(&b);
    list.push_back(&b);
  });
  CHECK(twice.text.find("INV-LIST1") != std::string::npos);
  const auto absent = test::run_child([] {
    Item a, b;
    List list;
    list.push_back(&a);
    list.remove(&b);
  });
  CHECK(absent.text.find("INV-LIST1") != std::string::npos);
}
#endif
