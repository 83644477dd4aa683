// SPDX-License-Identifier: MIT
//
// Risks: an item lost, doubled or out of order; a waiter that nobody wakes (a hang: the runner's time limit); an item given to a waiter
// whose time was up; memory touched after the receiver of the last item destroyed the channel (ASan builds see it).
#include "runtime/sync/channel.hpp"

#include <atomic>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "tests/cpp/sync/party.hpp"

namespace sync_test {
namespace {

using causeway::channel;

constexpr cw_abi_item_ops kIntOps{sizeof(int), alignof(int), nullptr, nullptr, nullptr};

// A channel of ints whose queue of waiters can be looked at.
struct OpenChannel {
  explicit OpenChannel(size_t capacity) : inner(*causeway::sync::Channel::create(kIntOps, capacity)) {}
  ~OpenChannel() { causeway::sync::Channel::destroy(inner); }
  causeway::sync::Channel* inner;
  cw_abi_channel* outer() const { return reinterpret_cast<cw_abi_channel*>(inner); }
  cw_status send(int item, uint64_t timeout_ns = CW_FOREVER) { return cw_abi_channel_send(outer(), &item, timeout_ns, nullptr); }
  cw_status receive(int* item, uint64_t timeout_ns = CW_FOREVER) { return cw_abi_channel_receive(outer(), item, timeout_ns, nullptr); }
  bool waiting(size_t n) {
    return eventually([&] { return inner->waiting() == n; });
  }
};

TEST_CASE("channel: an unbuffered ping-pong keeps its order in every mix of parties") {
  Runtime runtime;
  for_each_mix([](Kind first, Kind second) {
    constexpr int kRounds = 2000;  // enough for both orders of arrival to happen
    channel<int> ping, pong;
    int wrong = 0;
    Party answerer(second, [&] {
      while (auto item = ping.receive()) pong.send(*item + 1);
    });
    Party asker(first, [&] {
      for (int i = 0; i < kRounds; ++i) {
        ping.send(i);
        if (pong.receive() != i + 1) ++wrong;
      }
      ping.close();
    });
    asker.join();
    answerer.join();
    CHECK(wrong == 0);
  });
}

TEST_CASE("channel: items go through a ring in order, none lost") {
  Runtime runtime;
  for_each_mix([](Kind first, Kind second) {
    constexpr int kItems = 5000;
    channel<int> numbers(3);  // small, so that it runs full and empty all the time
    std::vector<int> got;
    Party sender(first, [&] {
      for (int i = 0; i < kItems; ++i) numbers.send(i);
      numbers.close();
    });
    Party receiver(second, [&] {
      for (int item : numbers) got.push_back(item);
    });
    sender.join();
    receiver.join();
    REQUIRE(got.size() == kItems);
    bool in_order = true;
    for (int i = 0; i < kItems; ++i) in_order = in_order && got[static_cast<size_t>(i)] == i;
    CHECK(in_order);
  });
}

TEST_CASE("channel: with many senders and receivers each item arrives exactly once") {
  Runtime runtime;
  for (const size_t capacity : {size_t{0}, size_t{1}, size_t{64}}) {
    CAPTURE(capacity);
    constexpr int kSenders = 4, kEach = 2000;
    channel<int> numbers(capacity);
    std::vector<std::atomic<int>> seen(kSenders * kEach);
    std::vector<Party> receivers, senders;
    for (int r = 0; r < 4; ++r) {
      receivers.emplace_back(r % 2 == 0 ? Kind::Green : Kind::Thread, [&] {
        for (int item : numbers) seen[static_cast<size_t>(item)].fetch_add(1);
      });
    }
    for (int s = 0; s < kSenders; ++s) {
      senders.emplace_back(s % 2 == 0 ? Kind::Green : Kind::Thread, [&, s] {
        for (int i = 0; i < kEach; ++i) numbers.send(s * kEach + i);
      });
    }
    for (Party& party : senders) party.join();
    numbers.close();
    for (Party& party : receivers) party.join();
    int wrong = 0;
    for (const auto& count : seen) wrong += count.load() != 1 ? 1 : 0;
    CHECK(wrong == 0);
  }
}

TEST_CASE("channel: who waits first is served first, at both ends") {
  Runtime runtime;
  for_each_mix([](Kind first, Kind second) {
    OpenChannel numbers(0);
    int got[3] = {};
    {
      std::vector<Party> receivers;
      for (size_t i = 0; i < 3; ++i) {
        receivers.emplace_back(i % 2 == 0 ? first : second, [&, i] { numbers.receive(&got[i]); });
        REQUIRE(numbers.waiting(i + 1));
      }
      for (int i = 1; i <= 3; ++i) CHECK(numbers.send(i) == CW_OK);
    }
    CHECK(got[0] == 1);
    CHECK(got[1] == 2);
    CHECK(got[2] == 3);
    std::vector<Party> senders;
    for (size_t i = 0; i < 3; ++i) {
      senders.emplace_back(i % 2 == 0 ? first : second, [&, i] { numbers.send(static_cast<int>(i) + 10); });
      REQUIRE(numbers.waiting(i + 1));
    }
    for (int i = 10; i < 13; ++i) {
      int item = 0;
      CHECK(numbers.receive(&item) == CW_OK);
      CHECK(item == i);
    }
  });
}

TEST_CASE("channel: a full ring is refilled from the waiting senders in their order") {
  Runtime runtime;
  OpenChannel numbers(2);
  CHECK(numbers.send(0) == CW_OK);
  CHECK(numbers.send(1) == CW_OK);
  std::vector<Party> senders;
  for (int i = 2; i < 5; ++i) {
    senders.emplace_back(i % 2 == 0 ? Kind::Green : Kind::Thread, [&numbers, i] { numbers.send(i); });
    REQUIRE(numbers.waiting(static_cast<size_t>(i) - 1));
  }
  for (int i = 0; i < 5; ++i) {
    int item = -1;
    CHECK(numbers.receive(&item) == CW_OK);
    CHECK(item == i);
  }
}

TEST_CASE("channel: close ends all waits, lets receivers drain, and is harmless twice") {
  Runtime runtime;
  for_each_mix([](Kind first, Kind second) {
    OpenChannel empty(0);
    int item = 0;
    cw_status got[2] = {CW_OK, CW_OK};
    {
      Party a(first, [&] { got[0] = empty.receive(&item); });
      Party b(second, [&] { got[1] = empty.receive(&item); });
      REQUIRE(empty.waiting(2));
      CHECK(empty.inner->close() == CW_OK);
    }
    CHECK(got[0] == CW_E_CLOSED);
    CHECK(got[1] == CW_E_CLOSED);
    CHECK(empty.inner->close() == CW_E_CLOSED);

    OpenChannel full(1);
    CHECK(full.send(7) == CW_OK);
    {
      Party a(first, [&] { got[0] = full.send(8); });
      REQUIRE(full.waiting(1));
      full.inner->close();
    }
    CHECK(got[0] == CW_E_CLOSED);
    CHECK(full.receive(&item) == CW_OK);  // what was inside before the close
    CHECK(item == 7);
    CHECK(full.receive(&item) == CW_E_CLOSED);
    CHECK(full.send(9) == CW_E_CLOSED);
  });
  channel<int> typed(1);
  CHECK(typed.send(1));
  typed.close();
  typed.close();
  CHECK_FALSE(typed.send(2));
  CHECK(typed.receive() == 1);
  CHECK_FALSE(typed.receive().has_value());
  CHECK(typed.try_receive().error() == CW_E_CLOSED);
}

TEST_CASE("channel: the try forms never wait, and move an item only if it is sent") {
  channel<std::unique_ptr<int>> boxes(1);
  auto first = std::make_unique<int>(1);
  auto second = std::make_unique<int>(2);
  CHECK(boxes.try_receive().error() == CW_E_NOT_READY);
  CHECK(boxes.try_send(first) == CW_OK);
  CHECK(first == nullptr);
  CHECK(boxes.try_send(second) == CW_E_FULL);
  REQUIRE(second != nullptr);
  CHECK(*second == 2);
  auto got = boxes.try_receive();
  REQUIRE(got.has_value());
  CHECK(**got == 1);
  boxes.close();
  CHECK(boxes.try_send(second) == CW_E_CLOSED);
  CHECK(second != nullptr);
}

TEST_CASE("channel: a wait ends at its deadline, not before, and gets nothing afterwards") {
  Runtime runtime;
  for_each_mix([](Kind first, Kind) {
    channel<std::string> words;
    Party waiter(first, [&] {
      const auto begin = std::chrono::steady_clock::now();
      CHECK(words.receive_for(20ms).error() == CW_E_TIMEOUT);
      std::string word = "kept";
      CHECK(words.send_for(word, 20ms) == CW_E_TIMEOUT);
      CHECK(std::chrono::steady_clock::now() - begin >= 40ms);
      CHECK(word == "kept");
      CHECK(words.receive_for(-1s).error() == CW_E_TIMEOUT);
      CHECK(words.receive_for(std::chrono::nanoseconds(1)).error() == CW_E_TIMEOUT);
    });
    waiter.join();
    std::string late = "late";
    CHECK(words.try_send(late) == CW_E_FULL);  // nobody of before is still there to take it
    CHECK(late == "late");
  });
}

TEST_CASE("channel: a cw_status is an item as any other") {
  channel<cw_status> codes(3);
  for (const cw_status code : {CW_E_CLOSED, CW_OK, CW_E_TIMEOUT}) CHECK(codes.send(code));
  const auto first = codes.try_receive();
  REQUIRE(first.has_value());
  CHECK(*first == CW_E_CLOSED);
  CHECK(first.error() == CW_OK);
  const auto second = codes.receive_for(0s);
  REQUIRE(second.has_value());
  CHECK(*second == CW_OK);
  CHECK(codes.receive() == CW_E_TIMEOUT);
  CHECK_FALSE(codes.try_receive().has_value());
  CHECK(codes.try_receive().error() == CW_E_NOT_READY);
}

TEST_CASE("channel: the timed sends move a T, copy a const one, and convert what is none") {
  channel<std::string> words(20);
  const std::stop_source source;
  const auto token = source.get_token();
  const auto soon = std::chrono::steady_clock::now() + kLimit;
  const auto send_all = [&](auto&& make) {
    CHECK(words.send(make(), token) == CW_OK);
    CHECK(words.send_for(make(), kLimit) == CW_OK);
    CHECK(words.send_for(make(), kLimit, token) == CW_OK);
    CHECK(words.send_until(make(), soon) == CW_OK);
    CHECK(words.send_until(make(), soon, token) == CW_OK);
    for (int i = 0; i < 5; ++i) CHECK(words.receive() == "a word that is too long to be stored in the string itself");
  };
  const char* text = "a word that is too long to be stored in the string itself";
  const std::string constant = text;
  send_all([&] { return std::string(text); });
  send_all([&]() -> const std::string& { return constant; });
  send_all([&] { return text; });
  CHECK(constant == text);
  std::string kept = text;
  send_all([&]() -> std::string&& { return std::move(kept = text); });
  send_all([&]() -> std::string& { return kept = text; });
  CHECK(kept.empty());
  CHECK(words.send({text, 6}, token) == CW_OK);
  CHECK(words.receive() == "a word");
  channel<std::unique_ptr<int>> full;
  auto box = std::make_unique<int>(1);
  CHECK(full.send_for(std::move(box), 0s) == CW_E_TIMEOUT);
  CHECK(full.send_until(box, std::chrono::steady_clock::now() - 1s) == CW_E_TIMEOUT);
  CHECK(box != nullptr);  // not sent, not moved
}

TEST_CASE("channel: deadlines that race with sends lose no item") {
  Runtime runtime;
  for_each_mix([](Kind first, Kind second) {
    constexpr int kItems = 500;
    channel<int> numbers;
    std::atomic<int> sent{0}, got{0};
    Party sender(first, [&] {
      while (sent < kItems) {
        int item = sent;
        if (numbers.send_for(item, 30us) == CW_OK) ++sent;  // about as long as the other side needs
      }
      numbers.close();
    });
    Party receiver(second, [&] {
      for (;;) {
        const auto item = numbers.receive_for(20us);
        if (item.has_value()) {
          CHECK(*item == got);
          ++got;
        } else if (item.error() == CW_E_CLOSED) {
          return;
        }
      }
    });
    sender.join();
    receiver.join();
    CHECK(sent == got);
  });
}

TEST_CASE("channel: a stop request ends the wait of a green thread, and its place in the queue") {
  Runtime runtime;
  OpenChannel numbers(0);
  int item = 0;
  std::atomic<cw_status> ended{CW_OK};
  auto waiter = causeway::spawn([&] { ended = numbers.receive(&item); });
  REQUIRE(numbers.waiting(1));
  waiter.request_stop();
  waiter.join();
  CHECK(ended == CW_E_CANCELLED);
  CHECK(numbers.inner->waiting() == 0);
  auto typed = causeway::spawn([] {
    channel<int> nobody_sends;
    return status_of([&] { nobody_sends.receive(); });
  });
  typed.request_stop();
  CHECK(typed.join() == CW_E_CANCELLED);
}

TEST_CASE("channel: sizes that cannot be are refused") {
  CHECK(status_of([] { channel<int> huge((size_t{1} << 31) + 1); }) == CW_E_INVALID);
  CHECK(status_of([] { channel<int> huge(SIZE_MAX); }) == CW_E_INVALID);
  constexpr cw_abi_item_ops nothing{0, 1, nullptr, nullptr, nullptr};
  CHECK(causeway::sync::Channel::create(nothing, 1).error().code == CW_E_INVALID);
  constexpr cw_abi_item_ops odd{8, 3, nullptr, nullptr, nullptr};
  CHECK(causeway::sync::Channel::create(odd, 1).error().code == CW_E_INVALID);
  // 2^62 bytes: in range, but more than any machine has.
  constexpr cw_abi_item_ops large{size_t{1} << 31, 8, nullptr, nullptr, nullptr};
  CHECK(causeway::sync::Channel::create(large, size_t{1} << 31).error().code == CW_E_NOMEM);
}

// Counts its living objects, and cannot be moved without a possible throw.
struct Counted {
  explicit Counted(int v) : value(v) { ++alive; }
  Counted(const Counted& other) : value(other.value) { ++alive; }
  Counted(Counted&& other) noexcept(false) : value(std::exchange(other.value, -1)) { ++alive; }
  ~Counted() { --alive; }
  int value;
  static inline std::atomic<int> alive{0};
};

TEST_CASE("channel: items of any kind are destroyed exactly once, also those left inside") {
  {
    channel<Counted> boxed(3);
    channel<std::shared_ptr<Counted>> shared(3);
    boxed.send(Counted(1));
    boxed.send(Counted(2));
    shared.send(std::make_shared<Counted>(3));
    CHECK(boxed.receive()->value == 1);
    Counted kept(4);
    CHECK(boxed.try_send(kept) == CW_OK);
    boxed.send(Counted(5));
    Counted refused(6);
    CHECK(boxed.try_send(refused) == CW_E_FULL);
    CHECK(refused.value == 6);
  }
  CHECK(Counted::alive == 0);
}

std::atomic<int> misaligned{0};

void copy_checked(void* to, void* from) {
  for (void* at : {to, from}) misaligned += reinterpret_cast<uintptr_t>(at) % 64 != 0 ? 1 : 0;
  std::memcpy(to, from, 128);
}

TEST_CASE("channel: wide and over-aligned items arrive whole, and the ring keeps their alignment") {
  constexpr cw_abi_item_ops ops{128, 64, copy_checked, copy_checked, nullptr};
  causeway::sync::Channel* wide = *causeway::sync::Channel::create(ops, 3);
  alignas(64) unsigned char in[128], out[128] = {};
  for (unsigned char i = 0; i < 128; ++i) in[i] = i;
  for (int round = 0; round < 5; ++round) {
    CHECK(wide->send(in, 0) == CW_OK);
    CHECK(wide->receive(out, 0) == CW_OK);
    CHECK(std::memcmp(in, out, 128) == 0);
  }
  CHECK(misaligned == 0);
  causeway::sync::Channel::destroy(wide);
}

TEST_CASE("channel: who receives the last item may destroy the channel at once") {
  Runtime runtime;
  for_each_mix([](Kind first, Kind second) {
    for (const size_t capacity : {size_t{0}, size_t{1}}) {
      for (int round = 0; round < 50; ++round) {
        auto numbers = std::make_unique<channel<int>>(capacity);
        channel<int>* raw = numbers.get();
        Party receiver(second, [&numbers] {
          numbers->receive();
          numbers.reset();
        });
        Party sender(first, [raw] { raw->send(1); });
      }
    }
  });
}

}  // namespace
}  // namespace sync_test
