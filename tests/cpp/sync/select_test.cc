// SPDX-License-Identifier: MIT
//
// Risks: two cases done by one call, or an item moved though its case was not chosen; a waiter left in the queue of a channel that was not
// chosen (the next one there meets a dead stack); a case that is chosen too seldom; two selects that wait for each other's locks; a
// select that meets itself; a stop request or a deadline that is lost because some other end came at the same time.
#include "runtime/sync/select.hpp"

#include <array>
#include <atomic>
#include <memory>
#include <new>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <vector>

#include "tests/cpp/sync/party.hpp"

namespace sync_test {
namespace {

using causeway::after;
using causeway::channel;
using causeway::on_receive;
using causeway::on_send;
using causeway::on_stop;
using causeway::otherwise;
using causeway::select;
using causeway::when;

#if CW_TSAN || CW_ASAN
constexpr int kRounds = 50'000;  // the sanitizers are there for the code, not for its statistics
#else
constexpr int kRounds = 1'000'000;
#endif

template <class T>
size_t waiting(const channel<T>& c) {
  return reinterpret_cast<causeway::sync::Channel*>(causeway::detail::channel_access::get(c))->waiting();
}

template <class T>
bool comes_to_wait(const channel<T>& c, size_t n = 1) {
  return eventually([&] { return waiting(c) == n; });
}

constexpr auto nothing = [] {};
constexpr auto ignore = [](const auto&) {};

// How far four counts are from equal shares: chi-square with 3 degrees of freedom (1 for two). Fair counts exceed 60 once in 10^12 runs.
double unfairness(const std::vector<int>& counts) {
  double total = 0, sum = 0;
  for (const int count : counts) total += count;
  const double expected = total / static_cast<double>(counts.size());
  for (const int count : counts) sum += (count - expected) * (count - expected) / expected;
  return sum;
}
constexpr double kUnfair = 60;

// Channels 0 to 3, of which the ones in `ready` always hold an item; how often each was chosen.
std::vector<int> shares(const std::vector<size_t>& ready, int rounds) {
  std::array<channel<int>, 4> c = {channel<int>(1), channel<int>(1), channel<int>(1), channel<int>(1)};
  for (const size_t i : ready) c[i].send(1);
  std::array<int, 4> counts{};
  for (int round = 0; round < rounds; ++round) {
    const size_t which = select(on_receive(c[0], ignore), on_receive(c[1], ignore), on_receive(c[2], ignore), on_receive(c[3], ignore));
    ++counts[which];
    c[which].send(1);
  }
  std::vector<int> chosen;
  for (const size_t i : ready) chosen.push_back(counts[i]);
  return chosen;
}

TEST_CASE("select: of four cases that are always ready each is chosen equally often, over a million rounds") {
  Runtime runtime;
  causeway::spawn([] { CHECK(unfairness(shares({0, 1, 2, 3}, kRounds)) < kUnfair); }).join();
}

TEST_CASE("select: the choice is as fair on plain threads") {
  for (int i = 0; i < 3; ++i) std::thread([] { CHECK(unfairness(shares({0, 1, 2, 3}, kRounds / 10)) < kUnfair); }).join();
}

TEST_CASE("select: cases that are not ready give nothing of their share to a neighbour") {
  // Going round from a random case would give the ready one behind an idle one twice its share.
  for (const auto& ready : {std::vector<size_t>{0, 1}, std::vector<size_t>{0, 3}, std::vector<size_t>{1, 2, 3}})
    CHECK(unfairness(shares(ready, kRounds / 10)) < kUnfair);
}

TEST_CASE("select: who waits first is served first, whichever of its channels the item comes through") {
  Runtime runtime;
  constexpr size_t kWaiters = 4;
  constexpr int kBatches = 50;
  channel<int> left, right;
  std::stop_source over;
  std::array<std::atomic<int>, kWaiters> got{};
  std::vector<Party> parties;
  for (size_t i = 0; i < kWaiters; ++i) {
    parties.emplace_back(i % 2 == 0 ? Kind::Green : Kind::Thread, [&, i] {
      const auto count = [&](std::optional<int>) { ++got[i]; };
      while (select(on_receive(left, count), on_receive(right, count), on_stop(over.get_token(), nothing)) != 2) {}
    });
  }
  int wrong = 0;
  for (int batch = 1; batch <= kBatches; ++batch) {
    REQUIRE(comes_to_wait(left, kWaiters));
    REQUIRE(comes_to_wait(right, kWaiters));
    for (size_t i = 0; i < kWaiters; ++i) REQUIRE((i % 2 == 0 ? left : right).send(batch));
    for (const auto& count : got) wrong += eventually([&] { return count == batch; }) ? 0 : 1;
  }
  CHECK(wrong == 0);
  over.request_stop();
}

// Counts how often its value moves.
struct Traveller {
  explicit Traveller(int v) : value(v) {}
  Traveller(Traveller&& other) noexcept : value(std::exchange(other.value, -1)), moves(other.moves + 1) { ++total; }
  int value;
  int moves = 0;
  static inline std::atomic<int> total{0};
};

TEST_CASE("select: an item is moved only if its case is chosen") {
  Runtime runtime;
  channel<Traveller> full(0), ready(1);
  Traveller a(1), b(2);
  bool b_sent = false;
  Traveller::total = 0;
  CHECK(select(on_send(full, a, ignore), on_send(ready, b, [&](bool sent) { b_sent = sent; })) == 1);
  CHECK(b_sent);
  CHECK(b.value == -1);
  CHECK(a.value == 1);
  CHECK(Traveller::total == 1);  // into the ring
  CHECK(select(on_send(full, a, ignore), on_send(ready, std::move(a), ignore), after(1ms, nothing)) == 2);
  CHECK(a.value == 1);  // NOLINT(bugprone-use-after-move): it must not have been moved
  CHECK(Traveller::total == 1);
  CHECK(waiting(full) == 0);
  CHECK(waiting(ready) == 0);
  int got = 0;
  CHECK(select(on_send(full, a, ignore), on_receive(ready, [&](std::optional<Traveller> t) { got = t->value; })) == 1);
  CHECK(got == 2);
  CHECK(a.value == 1);
  // A value of another type, or a const one, is converted or copied when the case is made.
  channel<std::string> words(2);
  const std::string kept = "kept";
  CHECK(select(on_send(words, "literal", ignore)) == 0);
  CHECK(select(on_send(words, kept, nothing)) == 0);
  CHECK(words.receive() == "literal");
  CHECK(words.receive() == "kept");
}

// Cannot be moved without a possible throw: travels in a box. Copyable or not.
template <bool Copyable>
struct Heavy {
  explicit Heavy(int v) : value(v) { ++alive; }
  Heavy(const Heavy& other)
    requires Copyable
      : value(other.value) {
    ++alive;
  }
  Heavy(Heavy&& other) noexcept(false) : value(std::exchange(other.value, -1)) { ++alive; }
  ~Heavy() { --alive; }
  int value;
  static inline std::atomic<int> alive{0};
};

template <bool Copyable>
void boxed_items() {
  using Item = Heavy<Copyable>;
  {
    channel<Item> full(0), ready(1);
    Item a(1), b(2);
    int a_seen = 0;
    CHECK(select(on_send(full, a, ignore), on_send(ready, b, [&](bool) { a_seen = a.value; })) == 1);
    CHECK(a_seen == 1);  // it is back before the function is called
    CHECK(a.value == 1);
    CHECK(select(on_send(full, a, ignore), on_send(full, b, ignore), otherwise(nothing)) == 2);
    int got = 0;
    CHECK(select(on_send(full, a, ignore), on_receive(ready, [&](std::optional<Item> item) { got = item->value; })) == 1);
    CHECK(got == 2);
    ready.send(Item(3));
    CHECK(status_of([&] {
            select(on_receive(ready, [](const std::optional<Item>&) { throw causeway::error(CW_E_STATE); }), on_send(full, a, ignore));
          }) == CW_E_STATE);
    CHECK(a.value == 1);
    ready.send(Item(4));  // stays inside
  }
  CHECK(Item::alive == 0);
}

TEST_CASE("select: items in boxes go back when they were not sent, and none leaks") {
  boxed_items<true>();
  boxed_items<false>();
}

TEST_CASE("select: it waits at all its channels, and leaves all of them, in every mix of parties") {
  Runtime runtime;
  for_each_mix([](Kind first, Kind second) {
    channel<int> a, b, c(2), back;
    for (int round = 0; round < 30; ++round) {
      size_t which = 9;
      int got = 0;
      Party waiter(first, [&] {
        which = select(on_receive(a, [&](std::optional<int> v) { got = *v; }), on_receive(b, [&](std::optional<int> v) { got = *v; }),
                       on_receive(c, [&](std::optional<int> v) { got = *v; }));
      });
      if (round % 2 == 0) REQUIRE(comes_to_wait(b));
      Party sender(second, [&] { (round % 3 == 0 ? a : round % 3 == 1 ? b : c).send(round); });
      waiter.join();
      sender.join();
      CHECK(which == static_cast<size_t>(round % 3));
      CHECK(got == round);
      CHECK(waiting(a) + waiting(b) + waiting(c) == 0);
    }
  });
}

TEST_CASE("select: sends and receives in one call, and another select as partner: each item arrives once") {
  Runtime runtime;
  for_each_mix([](Kind first, Kind second) {
    // Both sides offer both directions at both channels; a round is one meeting, so both must count the same.
    constexpr int kMeetings = 2000;
    channel<int> x, y;
    std::array<std::array<int, 4>, 2> done{};
    std::array<long, 2> sent{}, received{};
    const auto meet = [&](size_t self) {
      for (int i = 0; i < kMeetings; ++i) {
        int v = i + 1, w = i + 1;
        const auto take = [&](std::optional<int> got) { received[self] += *got; };
        const auto gone = [&](bool) { sent[self] += i + 1; };
        const size_t which = self == 0 ? select(on_send(x, v, gone), on_receive(y, take), on_send(y, w, gone), on_receive(x, take))
                                       : select(on_receive(x, take), on_send(y, v, gone), on_receive(y, take), on_send(x, w, gone));
        ++done[self][which];
      }
    };
    Party a(first, [&] { meet(0); });
    Party b(second, [&] { meet(1); });
    a.join();
    b.join();
    CHECK(done[0] == done[1]);  // case k of one side meets case k of the other
    CHECK(sent[0] == received[1]);
    CHECK(sent[1] == received[0]);
    CHECK(waiting(x) + waiting(y) == 0);
  });
}

TEST_CASE("select: it does not meet itself") {
  Runtime runtime;
  for_each_mix([](Kind first, Kind) {
    channel<int> c;
    int out = 7, got = 0;
    bool sent = false;
    const auto both = [&] {
      return select(on_receive(c, [&](std::optional<int> v) { got = *v; }), on_send(c, out, [&](bool) { sent = true; }),
                    on_receive(c, [&](std::optional<int> v) { got = *v; }));
    };
    CHECK(select(on_receive(c, ignore), on_send(c, out, ignore), otherwise(nothing)) == 2);
    size_t which = 9;
    {
      Party waiter(first, [&] { which = both(); });
      REQUIRE(comes_to_wait(c, 3));
      CHECK(c.send(5));
    }
    CHECK((which == 0 || which == 2));
    CHECK(got == 5);
    CHECK_FALSE(sent);
    CHECK(waiting(c) == 0);
    {
      Party waiter(first, [&] { which = both(); });
      REQUIRE(comes_to_wait(c, 3));
      CHECK(c.receive() == 7);
    }
    CHECK(which == 1);
    CHECK(sent);
    CHECK(waiting(c) == 0);
  });
}

TEST_CASE("select: a closed channel is chosen, and says so") {
  Runtime runtime;
  for_each_mix([](Kind first, Kind) {
    channel<std::string> open, closed(1);
    std::string word = "word";
    closed.send("inside");
    closed.close();
    std::optional<std::string> got;
    CHECK(select(on_receive(open, ignore), on_receive(closed, [&](std::optional<std::string> v) { got = std::move(v); })) == 1);
    CHECK(got == "inside");
    CHECK(select(on_receive(open, ignore), on_receive(closed, [&](std::optional<std::string> v) { got = std::move(v); })) == 1);
    CHECK_FALSE(got.has_value());
    bool sent = true;
    CHECK(select(on_send(open, word, ignore), on_send(closed, word, [&](bool s) { sent = s; })) == 1);
    CHECK_FALSE(sent);
    CHECK(word == "word");
    CHECK(status_of([&] { select(on_send(closed, word, nothing)); }) == CW_E_CLOSED);
    CHECK(word == "word");

    // While it waits, at both ends.
    channel<std::string> late;
    size_t which = 9;
    {
      Party waiter(first, [&] {
        which = select(on_receive(open, ignore), on_receive(late, [&](const std::optional<std::string>& v) { sent = v.has_value(); }));
      });
      REQUIRE(comes_to_wait(late));
      late.close();
    }
    CHECK(which == 1);
    CHECK_FALSE(sent);
    channel<std::string> late_send;
    {
      Party waiter(first, [&] {
        which = select(on_send(late_send, word, [&](bool s) { sent = s; }), on_send(open, word, ignore), on_send(late_send, word, ignore));
      });
      REQUIRE(comes_to_wait(late_send, 2));
      late_send.close();
    }
    CHECK((which == 0 || which == 2));
    CHECK(word == "word");
    CHECK(waiting(open) == 0);
    CHECK(waiting(late_send) == 0);
  });
}

TEST_CASE("select: after waits that long, the shortest counts, and nobody is left in a queue") {
  Runtime runtime;
  for_each_mix([](Kind first, Kind) {
    Party waiter(first, [&] {
      channel<int> never, ready(1);
      const auto begin = std::chrono::steady_clock::now();
      CHECK(select(on_receive(never, ignore), after(1h, nothing), after(20ms, nothing), after(20ms, nothing)) == 2);
      CHECK(select(after(10ms, nothing), after(std::chrono::hours::max(), nothing)) == 0);
      CHECK(std::chrono::steady_clock::now() - begin >= 30ms);
      CHECK(select(after(0s, nothing), on_receive(never, ignore)) == 0);
      CHECK(select(on_receive(never, ignore), after(-1h, nothing), after(0s, nothing)) == 1);
      CHECK(select(on_receive(never, ignore), after(1ns, nothing)) == 1);
      CHECK(select(on_receive(never, ignore), after(1.5e-3s, nothing)) == 1);
      ready.send(1);
      CHECK(select(after(-1s, nothing), on_receive(ready, ignore)) == 1);  // what can be done comes first
      ready.send(1);
      CHECK(select(on_receive(ready, ignore), after(std::chrono::hours::max(), nothing)) == 0);
      CHECK(select(when(false, after(0s, nothing)), after(1ms, nothing)) == 1);
      CHECK(waiting(never) == 0);
      int item = 1;
      CHECK(never.try_send(item) == CW_E_FULL);  // nobody of before is still there to take it
    });
  });
}

TEST_CASE("select: otherwise does not wait, and a condition takes a case out") {
  channel<int> never, ready(1);
  CHECK(select(otherwise(nothing)) == 0);
  CHECK(select(on_receive(never, ignore), otherwise(nothing)) == 1);
  ready.send(1);
  CHECK(select(otherwise(nothing), on_receive(ready, ignore)) == 1);
  ready.send(2);
  CHECK(select(when(false, on_receive(ready, ignore)), otherwise(nothing)) == 1);
  CHECK(select(when(true, on_receive(ready, ignore)), otherwise(nothing)) == 0);
  CHECK(select(when(true, otherwise(nothing)), after(1h, nothing)) == 0);
  CHECK(select(when(false, otherwise(nothing)), when(true, when(false, after(0s, nothing))), after(1ms, nothing)) == 2);
  std::stop_source source;
  source.request_stop();
  CHECK(select(when(false, on_stop(source.get_token(), nothing)), otherwise(nothing)) == 1);
  CHECK(select(otherwise(nothing), on_stop(source.get_token(), nothing)) == 1);
  channel<int> gone = std::move(ready);
  CHECK(select(on_receive(ready, ignore), otherwise(nothing)) == 1);  // NOLINT(bugprone-use-after-move): a channel that is none
}

TEST_CASE("select: all five kinds of cases in one call; beside otherwise no after is chosen") {
  Runtime runtime;
  for_each_mix([](Kind first, Kind) {
    Party(first, [] {
      channel<int> in, out;
      std::stop_source source;
      const std::stop_token token = source.get_token();
      int v = 5, ran = 0, got = 0;
      const auto f = [&] { ++ran; };
      const auto take = [&](std::optional<int> item) { got = *item; };
      CHECK(select(on_receive(in, take), on_send(out, v, f), after(0ms, f), on_stop(token, f), otherwise(f)) == 4);
      CHECK(select(on_receive(in, take), on_send(out, v, f), after(1s, f), on_stop(token, f), otherwise(f)) == 4);
      CHECK(select(otherwise(f), on_receive(in, take), after(0ms, f)) == 0);
      CHECK(select(after(-1s, f), otherwise(f), after(1h, f)) == 1);
      CHECK(select(after(std::chrono::system_clock::time_point(), f), otherwise(f)) == 1);
      CHECK(select(after(1ms, f), when(false, otherwise(f))) == 0);
      CHECK(ran == 6);
      channel<int> ready(1);
      ready.send(9);
      CHECK(select(on_receive(ready, take), on_send(out, v, f), after(0ms, f), on_stop(token, f), otherwise(f)) == 0);
      CHECK(got == 9);
      source.request_stop();
      CHECK(select(on_receive(in, take), on_send(out, v, f), after(0ms, f), on_stop(token, f), otherwise(f)) == 3);
    });
  });
}

// Shows half of what the steady clock has counted: a wait by the steady clock comes back too early.
struct SlowClock {
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<SlowClock>;
  static time_point now() { return time_point(std::chrono::steady_clock::now().time_since_epoch() / 2); }
};

// Is 10 ms later each time that it is looked at, and only then.
struct StepClock {
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<StepClock>;
  static inline time_point shown;  // one party at a time
  static time_point now() { return shown += 10ms; }
};

TEST_CASE("select: after a point in time goes by its clock, and the shortest counts") {
  Runtime runtime;
  for_each_mix([](Kind first, Kind second) {
    channel<int> never;
    Party(first, [&] {
      using Steady = std::chrono::steady_clock;
      using System = std::chrono::system_clock;
      const auto end = SlowClock::now() + 20ms;
      CHECK(select(on_receive(never, ignore), after(end, nothing)) == 1);
      CHECK(SlowClock::now() >= end);
      CHECK(waiting(never) == 0);
      CHECK(select(after(Steady::now() + 1h, nothing), after(2ms, nothing), after(System::now() + 1h, nothing)) == 1);
      CHECK(select(after(1h, nothing), after(Steady::now() + 2ms, nothing), after(Steady::time_point::max(), nothing)) == 1);
      CHECK(select(after(1h, nothing), after(System::time_point::min(), nothing)) == 1);
      // A duration counts on while the one by the clock begins anew.
      StepClock::shown = {};
      CHECK(select(after(60ms, nothing), after(StepClock::time_point(50ms), nothing)) == 0);
      CHECK(select(when(false, after(Steady::time_point(), nothing)), after(1ms, nothing)) == 1);
    });
    size_t which = 9;
    {
      Party waiter(first, [&] { which = select(after(SlowClock::now() + 1h, nothing), on_receive(never, ignore)); });
      REQUIRE(comes_to_wait(never));
      Party sender(second, [&] { never.send(1); });
    }
    CHECK(which == 1);
    std::stop_source source;
    {
      Party waiter(first, [&] {
        which = select(after(SlowClock::now() + 1h, nothing), on_receive(never, ignore), on_stop(source.get_token(), nothing));
      });
      REQUIRE(comes_to_wait(never));
      source.request_stop();
    }
    CHECK(which == 2);
  });
}

TEST_CASE("select: a stop through any of the tokens ends the wait with that case") {
  Runtime runtime;
  for_each_mix([](Kind first, Kind second) {
    channel<int> never, ready(1);
    std::stop_source one, two;
    size_t which = 9;
    for (int round = 0; round < 20; ++round) {
      two = std::stop_source();
      Party waiter(first, [&] {
        which = select(on_stop(one.get_token(), nothing), on_receive(never, ignore), on_stop(two.get_token(), nothing), after(1h, nothing),
                       on_stop(std::stop_token(), nothing));
      });
      if (round % 2 == 0) REQUIRE(comes_to_wait(never));
      Party stopper(second, [&] { two.request_stop(); });
      waiter.join();
      CHECK(which == 2);
      CHECK(waiting(never) == 0);
    }
    // One that was requested before comes before everything.
    ready.send(1);
    CHECK(select(on_receive(ready, ignore), on_stop(two.get_token(), nothing), after(0s, nothing)) == 1);
    CHECK(ready.receive() == 1);
    // Tokens alone.
    Party waiter(first, [&] { which = select(on_stop(one.get_token(), nothing)); });
    Party stopper(second, [&] { one.request_stop(); });
    waiter.join();
    CHECK(which == 0);
  });
}

TEST_CASE("select: the green thread's own stop request ends the wait, as on_stop if its token is there, else as an error") {
  Runtime runtime;
  for (int round = 0; round < 50; ++round) {
    channel<int> never;
    auto bare = causeway::spawn([&] {
      std::stop_source other;
      return status_of([&] { select(on_receive(never, ignore), on_stop(other.get_token(), nothing)); });
    });
    auto covered = causeway::spawn([&](const std::stop_token& token) {
      return select(on_receive(never, ignore), when(false, on_stop(token, nothing)), on_stop(token, nothing));
    });
    auto timed = causeway::spawn([&] { return status_of([&] { select(after(1h, nothing)); }); });
    if (round % 2 == 0) REQUIRE(comes_to_wait(never, 2));
    bare.request_stop();
    covered.request_stop();
    timed.request_stop();
    CHECK(bare.join() == CW_E_CANCELLED);
    CHECK(covered.join() == 2);
    CHECK(timed.join() == CW_E_CANCELLED);
    CHECK(waiting(never) == 0);
  }
}

TEST_CASE("select: what the function throws passes through, and leaves nothing behind") {
  Runtime runtime;
  for_each_mix([](Kind first, Kind) {
    channel<int> a, b;
    bool caught = false;
    {
      Party waiter(first, [&] {
        try {
          select(on_receive(a, ignore), on_receive(b, [](std::optional<int>) { throw std::runtime_error("mine"); }));
        } catch (const std::runtime_error& e) { caught = e.what() == std::string("mine"); }
      });
      REQUIRE(comes_to_wait(a));
      CHECK(b.send(1));
    }
    CHECK(caught);
    CHECK(waiting(a) + waiting(b) == 0);
  });
}

TEST_CASE("select: the function runs after the call has left its channels: it may use, close and end them") {
  Runtime runtime;
  channel<int> other;
  auto own = std::make_unique<channel<int>>(1);
  own->send(1);
  std::stop_source source;
  const auto end = [&](std::optional<int>) {
    CHECK(waiting(other) == 0);
    own.reset();
    source.request_stop();  // no callback of the call is left to run
    CHECK(select(on_receive(other, ignore), otherwise(nothing)) == 1);
  };
  CHECK(select(on_receive(*own, end), on_receive(other, ignore), on_stop(source.get_token(), nothing)) == 0);
}

TEST_CASE("select: who takes the last item from a select may destroy that channel at once") {
  Runtime runtime;
  for_each_mix([](Kind first, Kind second) {
    for (int round = 0; round < 50; ++round) {
      channel<int> never;
      auto last = std::make_unique<channel<int>>();
      channel<int>* raw = last.get();
      Party receiver(second, [&last] {
        last->receive();
        last.reset();
      });
      Party sender(first, [raw, &never] { CHECK(select(on_receive(never, ignore), on_send(*raw, 1, ignore)) == 1); });
    }
  });
}

template <size_t... I>
size_t select_over(std::array<channel<int>, sizeof...(I)>& all, int& got, std::index_sequence<I...>) {
  return select(on_receive(all[I], [&](std::optional<int> v) { got = *v; })...);
}

TEST_CASE("select: 64 cases") {
  Runtime runtime;
  constexpr size_t kMany = CW_ABI_MAX_CASES;
  for_each_mix([](Kind first, Kind) {
    std::array<channel<int>, kMany> all;
    for (size_t i = 0; i < kMany; i += 9) {
      int got = 0;
      size_t which = kMany;
      Party waiter(first, [&] { which = select_over(all, got, std::make_index_sequence<kMany>{}); });
      REQUIRE(comes_to_wait(all[i]));
      CHECK(all[i].send(static_cast<int>(i) + 1));
      waiter.join();
      CHECK(which == i);
      CHECK(got == static_cast<int>(i) + 1);
      for (auto& c : all) CHECK(waiting(c) == 0);
    }
  });
  std::array<cw_abi_select_case, kMany + 1> table{};
  size_t chosen = 0;
  CHECK(cw_abi_select(table.data(), table.size(), 0, &chosen, nullptr) == CW_E_LIMIT);
  CHECK(cw_abi_select(table.data(), 0, 0, &chosen, nullptr) == CW_E_TIMEOUT);
}

TEST_CASE("select: deadlines, sends and closes that race lose no item") {
  Runtime runtime;
  for_each_mix([](Kind first, Kind second) {
    constexpr int kItems = 500;
    channel<int> a, b(1);
    int sent = 0, got = 0;
    Party sender(first, [&] {
      while (sent < kItems) {
        int item = sent;
        select(on_send(a, item, [&](bool) { ++sent; }), on_send(b, item, [&](bool) { ++sent; }), after(30us, nothing));
      }
      a.close();
      b.close();
    });
    Party receiver(second, [&] {
      bool a_open = true, b_open = true;
      while (a_open || b_open) {
        select(when(a_open, on_receive(a,
                                       [&](std::optional<int> v) {
                                         a_open = v.has_value();
                                         got += a_open ? 1 : 0;
                                       })),
               when(b_open, on_receive(b,
                                       [&](std::optional<int> v) {
                                         b_open = v.has_value();
                                         got += b_open ? 1 : 0;
                                       })),
               after(20us, nothing));
      }
    });
    sender.join();
    receiver.join();
    CHECK(sent == kItems);
    CHECK(got == kItems);
  });
}

}  // namespace
}  // namespace sync_test
