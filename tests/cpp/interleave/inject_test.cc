// SPDX-License-Identifier: MIT
//
// Foreign injection: two pushers, one consumer that takes while they push.
//
// Risk: a node lost or seen twice when a push meets a take, a node whose fields are not visible, an order turned round,
// a push that says "not empty" although nobody was told to look. Two nodes per pusher: the second may meet an empty list,
// its own first node, or the other pusher's.
#include "runtime/sched/inject.hpp"

#include <doctest/doctest.h>

#include "tests/cpp/interleave/checked_env.hpp"

namespace causeway::interleave {
namespace {

struct Node {
  Plain<Node*> next;
  Plain<uint32_t> payload;
  unsigned pusher = 0, number = 0, taken = 0;
};

template <class Faults = sched::InjectFaults>
struct Injection : Scenario {
  sched::InjectList<Node, &Node::next, CheckedEnv, Faults> list;
  Node nodes[2][2];
  unsigned last[2] = {};
  unsigned said_empty = 0, batches = 0;

  unsigned threads() const override { return 3; }

  void take() {
    Node* node = list.take_all();
    if (node != nullptr) ++batches;
    while (node != nullptr) {
      require(node->payload == 1, "INV-INJ1");
      require(++node->taken == 1, "double-ownership");
      require(node->number == last[node->pusher] + 1, "INV-INJ2");
      last[node->pusher] = node->number;
      node = node->next;
    }
  }

  void thread(unsigned self) override {
    if (self == 2) {
      take();
      take();
      return;
    }
    for (unsigned i = 0; i < 2; ++i) {
      Node& node = nodes[self][i];
      node.payload = 1;
      node.pusher = self;
      node.number = i + 1;
      if (list.push(&node)) ++said_empty;
    }
  }

  void finally() override {
    take();
    require(last[0] == 2 && last[1] == 2, "lost-item");
    require(said_empty == batches, "empty-not-reported");
  }
};

struct RelaxedPush : sched::InjectFaults {
  static constexpr bool kRelaxedPush = true;
};

TEST_CASE("injected nodes come out once, in their pushers' order, and each batch was announced once") {
  for (const Model model : {Model::Tso, Model::Weak})
    CHECK(explore<Injection<>>("injection", model, {.preemptions = 3, .delays = 2}).green());
}

TEST_CASE("planted: a node is published before its link") {
  CHECK(explore<Injection<RelaxedPush>>("planted: relaxed push", Model::Weak).red("data-race"));
}

}  // namespace
}  // namespace causeway::interleave
