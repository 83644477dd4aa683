// SPDX-License-Identifier: MIT
//
// Risk: a green thread sends and receives through the ring by a short way (Channel::send_at_once, receive_at_once), which plain threads never
// take. It must leave the channel to the long way as soon as somebody waits or the channel is closed.
#include "runtime/sync/channel.hpp"

#include "tests/cpp/sync/party.hpp"

namespace sync_test {
namespace {

constexpr cw_abi_item_ops kBytes{sizeof(int), alignof(int), nullptr, nullptr, nullptr};

// A channel of ints with room for one. Its calls come from green threads here.
struct Narrow {
  Narrow() : inner(*causeway::sync::Channel::create(kBytes, 1)) {}
  ~Narrow() { causeway::sync::Channel::destroy(inner); }
  cw_status send(int item) const { return inner->send(&item, CW_FOREVER, nullptr); }
  int receive() const {
    int item = -1;
    CHECK(inner->receive(&item, CW_FOREVER, nullptr) == CW_OK);
    return item;
  }
  causeway::sync::Channel* inner;
};

TEST_CASE("channel: a green thread that receives from a full ring lets a waiting sender in") {
  Runtime runtime;
  for (const Kind kind : {Kind::Green, Kind::Thread}) {
    const Narrow numbers;
    bool let_in = false;
    Party(Kind::Green, [&] {
      CHECK(numbers.send(0) == CW_OK);
      Party sender(kind, [&] { CHECK(numbers.send(1) == CW_OK); });
      REQUIRE(eventually([&] { return numbers.inner->waiting() == 1; }));
      CHECK(numbers.receive() == 0);
      let_in = eventually([&] { return numbers.inner->waiting() == 0; });
      CHECK(numbers.receive() == 1);
    }).join();
    CHECK(let_in);
  }
}

TEST_CASE("channel: a green thread cannot send into a closed channel that has room") {
  Runtime runtime;
  const Narrow numbers;
  Party(Kind::Green, [&] {
    CHECK(numbers.inner->close() == CW_OK);
    CHECK(numbers.send(0) == CW_E_CLOSED);
    int item = -1;
    CHECK(numbers.inner->receive(&item, CW_FOREVER, nullptr) == CW_E_CLOSED);
  }).join();
}

}  // namespace
}  // namespace sync_test
