// SPDX-License-Identifier: MIT
//
// Foreign injection on real threads, and from a signal handler that interrupts a push on its own thread.
//
// Risk: a handler that pushes while its thread is between reading the head and exchanging it. Up to 2000 signals hit a
// thread that does nothing but push and take, so some of them land in that gap.
#include "runtime/sched/inject.hpp"

#include <doctest/doctest.h>
#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <thread>
#include <vector>

namespace causeway::sched {
namespace {

struct Node {
  Node* next = nullptr;
  uint32_t pusher = 0, number = 0;
};
using List = InjectList<Node, &Node::next>;

uint32_t length(Node* node) {
  uint32_t count = 0;
  for (; node != nullptr; node = node->next) ++count;
  return count;
}

TEST_CASE("nodes come out oldest first, and only the first push finds the list empty") {
  List list;
  Node nodes[3];
  CHECK(list.empty());
  CHECK(list.take_all() == nullptr);
  CHECK(list.push(&nodes[0]));
  CHECK_FALSE(list.push(&nodes[1]));
  CHECK_FALSE(list.push(&nodes[2]));
  Node* const out = list.take_all();
  CHECK(out == &nodes[0]);
  CHECK(out->next == &nodes[1]);
  CHECK(out->next->next == &nodes[2]);
  CHECK(length(out) == 3);
  CHECK(list.empty());
}

TEST_CASE("a chain keeps its order behind what was there") {
  List list;
  Node nodes[4];
  list.push(&nodes[0]);
  for (int i = 1; i < 3; ++i) nodes[i].next = &nodes[i + 1];
  nodes[3].next = nullptr;
  CHECK_FALSE(list.push_all(&nodes[1]));
  Node* node = list.take_all();
  for (Node& expected : nodes) {
    CHECK(node == &expected);
    node = node->next;
  }
  CHECK(node == nullptr);
  CHECK_FALSE(list.push_all(nullptr));
}

TEST_CASE("three pushers and two takers lose nothing, and each pusher's order holds within a batch") {
  constexpr uint32_t kEach = 20000, kPushers = 3;
  List list;
  std::vector<std::vector<Node>> nodes(kPushers, std::vector<Node>(kEach));
  std::atomic<uint32_t> taken{0}, wrong{0};
  const auto taker = [&] {
    while (taken.load(std::memory_order_relaxed) < kEach * kPushers) {
      uint32_t last[kPushers] = {}, count = 0;
      for (Node* node = list.take_all(); node != nullptr; node = node->next, ++count) {
        if (node->number <= last[node->pusher]) wrong.fetch_add(1);
        last[node->pusher] = node->number;
      }
      taken.fetch_add(count);
      if (count == 0) std::this_thread::yield();
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) threads.emplace_back(taker);
  for (uint32_t pusher = 0; pusher < kPushers; ++pusher) {
    threads.emplace_back([&, pusher] {
      for (uint32_t i = 0; i < kEach; ++i) {
        nodes[pusher][i].pusher = pusher;
        nodes[pusher][i].number = i + 1;
        list.push(&nodes[pusher][i]);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(taken.load() == kEach * kPushers);
  CHECK(wrong.load() == 0);
}

constexpr uint32_t kSignals = 2000;
List* g_list;
Node g_from_handler[kSignals];
std::atomic<uint32_t> g_signals{0};  // also beyond kSignals: those push nothing

TEST_CASE("a signal handler pushes while its own thread pushes") {
  List list;
  g_list = &list;
  g_signals.store(0);
  struct sigaction action = {}, before = {};
  action.sa_handler = [](int) {
    const uint32_t mine = g_signals.fetch_add(1);
    if (mine < kSignals) g_list->push(&g_from_handler[mine]);
  };
  action.sa_flags = SA_RESTART;
  REQUIRE(sigaction(SIGUSR1, &action, &before) == 0);

  std::atomic<bool> done{false};
  uint32_t pushed = 0, taken = 0;
  std::thread pusher([&] {
    Node own;
    while (!done.load(std::memory_order_relaxed)) {
      list.push(&own);
      ++pushed;
      taken += length(list.take_all());
    }
  });
  // As fast as they come through; a loaded machine gets fewer in its time, but at least one.
  const auto begin = std::chrono::steady_clock::now();
  const auto gone = [&] { return std::chrono::steady_clock::now() - begin; };
  while (g_signals.load() < kSignals && gone() < (g_signals.load() > 0 ? std::chrono::milliseconds(400) : std::chrono::seconds(60)))
    pthread_kill(pusher.native_handle(), SIGUSR1);
  done.store(true);
  pusher.join();
  taken += length(list.take_all());
  const uint32_t from_handler = std::min(g_signals.load(), kSignals);
  CHECK(from_handler > 0);
  CHECK(taken == pushed + from_handler);
  sigaction(SIGUSR1, &before, nullptr);
}

}  // namespace
}  // namespace causeway::sched
