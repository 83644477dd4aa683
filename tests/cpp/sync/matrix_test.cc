// SPDX-License-Identifier: MIT
//
// Every meeting point, with every kind of waiter and every kind of waker: green threads, green threads locked to their OS thread, plain
// threads, and the main thread, whose stack and thread record are not like those of others.
//
// Risks: a pair that works by luck because the waiter never slept (so the waker acts only when the object says that somebody waits); a wait that
// its deadline or stop token does not end, or that leaves something behind in the object.
#include <functional>
#include <limits>
#include <stop_token>

#include "tests/cpp/sync/points.hpp"

namespace sync_test {
namespace {

// What is there can be left there for somebody who comes later; not so in a channel without room.
template <class Point>
constexpr bool kMeets = std::is_same_v<Point, ChannelReceivePoint> || std::is_same_v<Point, ChannelSendPoint>;
// The wait has a predicate, which decides in the end.
template <class Point>
constexpr bool kPredicate = std::is_same_v<Point, ConditionPoint<false>> || std::is_same_v<Point, ConditionPoint<true>>;

constexpr Kind kKinds[] = {Kind::Green, Kind::Thread, Kind::LockedGreen, Kind::Main};

// What a party does is passed by its type's name alone: there are hundreds of pairs of them, and compiling each apart took a minute.
using Step = std::function<void()>;
template <class Point>
using Act = std::function<void(Point&)>;
template <class Point>
using Wait = std::function<bool(Point&)>;

// Runs both on parties of their kinds; the main thread takes part if one of them is it.
void run_both(Kind first_kind, const Step& first, Kind second_kind, const Step& second) {
  if (first_kind == Kind::Main) {
    Party other(second_kind, second);
    first();
  } else {
    Party other(first_kind, first);
    Party another(second_kind, second);
  }
}

// wait: how the waiter waits, true when it went as it must. act: what the other party does when the waiter sleeps.
template <class Point>
void meet(Kind waiter, Kind waker, const Wait<Point>& wait, const Act<Point>& act) {
  CAPTURE(name(waiter));
  CAPTURE(name(waker));
  Point point;
  std::atomic<bool> prepared{false};
  run_both(
      waiter,
      [&] {
        CHECK(eventually([&] { return prepared.load(); }));
        CHECK(wait(point));
      },
      waker,
      [&] {
        point.prepare();
        prepared = true;
        CHECK(eventually([&] { return point.waiting() != 0; }));
        act(point);
      });
  CHECK(point.waiting() == 0);
}

void for_each_pair(const std::function<void(Kind waiter, Kind waker)>& body) {
  for (const Kind waiter : kKinds)
    for (const Kind waker : kKinds)
      if (waiter != Kind::Main || waker != Kind::Main) body(waiter, waker);
}

TEST_CASE_TEMPLATE("matrix: every waker wakes every waiter", Point, SYNC_TEST_POINTS) {
  Runtime runtime;
  CAPTURE(Point::kName);
  for_each_pair([](Kind waiter, Kind waker) {
    const auto wake = [](Point& point) { point.wake(); };
    meet<Point>(waiter, waker, [](Point& point) { return point.wait(Plain{}); }, wake);
    meet<Point>(waiter, waker, [](Point& point) { return point.wait(For{}, kLimit); }, wake);
    meet<Point>(waiter, waker, [](Point& point) { return point.wait(Until{}, std::chrono::system_clock::now() + kLimit); }, wake);
    const std::stop_source never;
    meet<Point>(waiter, waker, [&](Point& point) { return point.wait(Stop{never.get_token()}); }, wake);
  });
}

TEST_CASE_TEMPLATE("matrix: everybody's stop request ends everybody's wait with that token", Point, SYNC_TEST_POINTS) {
  Runtime runtime;
  CAPTURE(Point::kName);
  for_each_pair([](Kind waiter, Kind waker) {
    for (int form = 0; form < 3; ++form) {
      CAPTURE(form);
      std::stop_source source;
      const auto wait = [&](Point& point) {
        const std::stop_token token = source.get_token();
        if (form == 0) return !point.wait(Stop{token});
        if (form == 1) return !point.wait(For{}, kLimit, token);
        return !point.wait(Until{}, std::chrono::steady_clock::now() + kLimit, token);
      };
      const auto begin = std::chrono::steady_clock::now();
      meet<Point>(waiter, waker, wait, [&](Point& point) {
        source.request_stop();
        CHECK(eventually([&] { return point.waiting() == 0; }));
        // What the waiter did not get: nobody is owed anything. Not with a predicate, which the waiter may be about to look at once more.
        if constexpr (!kMeets<Point> && !kPredicate<Point>) point.wake();
      });
      CHECK(std::chrono::steady_clock::now() - begin < kLimit);  // it was the stop that ended it
    }
  });
}

TEST_CASE_TEMPLATE("matrix: a deadline ends everybody's wait, and not before its time", Point, SYNC_TEST_POINTS) {
  Runtime runtime;
  CAPTURE(Point::kName);
  for_each_pair([](Kind waiter, Kind waker) {
    if (waiter == waker) return;  // the waker only holds what the waiter wants
    Point point;
    std::atomic<bool> prepared{false}, done{false};
    run_both(
        waiter,
        [&] {
          CHECK(eventually([&] { return prepared.load(); }));
          const auto begin = std::chrono::steady_clock::now();
          CHECK_FALSE(point.wait(For{}, 3ms));
          CHECK(std::chrono::steady_clock::now() - begin >= 3ms);
          const auto when = std::chrono::steady_clock::now() + 3ms;
          CHECK_FALSE(point.wait(Until{}, when));
          CHECK(std::chrono::steady_clock::now() >= when);
          CHECK(point.waiting() == 0);
          done = true;
        },
        waker,
        [&] {
          point.prepare();
          prepared = true;
          CHECK(eventually([&] { return done.load(); }));
          if constexpr (!kMeets<Point>) point.wake();
        });
  });
}

// A wait with one limit, with and without a token.
template <class Point>
struct Limited {
  Wait<Point> wait;
  std::function<bool(Point&, std::stop_token)> wait_or_stop;
};

// Limits that are past, or that do not fit into 64 bits of nanoseconds.
template <class Point>
void with_limits(bool huge, const std::function<void(const Limited<Point>&)>& body) {
  const auto check = [&](auto form, auto limit) {
    body({[=](Point& point) { return point.wait(form, limit); },
          [=](Point& point, const std::stop_token& token) { return point.wait(form, limit, token); }});
  };
  using namespace std::chrono;
  using days = duration<int64_t, std::ratio<86400>>;
  if (huge) {
    check(For{}, hours::max());
    check(For{}, nanoseconds::max());
    check(For{}, duration<double>(1e300));
    check(Until{}, steady_clock::time_point::max());
    check(Until{}, system_clock::time_point::max());
    check(Until{}, time_point<system_clock, days>::max());
  } else {
    check(For{}, nanoseconds(0));
    check(For{}, nanoseconds(-1));
    check(For{}, hours::min());
    check(For{}, duration<double>(-1e300));
    check(For{}, duration<double>(std::numeric_limits<double>::quiet_NaN()));
    check(Until{}, steady_clock::time_point::min());
    check(Until{}, steady_clock::time_point{});
    check(Until{}, system_clock::time_point{});
    check(Until{}, time_point<system_clock, days>::min());
  }
}

TEST_CASE_TEMPLATE("matrix: a deadline that is past takes what is there, and does not wait for what is not", Point, SYNC_TEST_POINTS) {
  Runtime runtime;
  CAPTURE(Point::kName);
  for (const Kind kind : kKinds) {
    if (kind == Kind::Main) continue;
    CAPTURE(name(kind));
    with_limits<Point>(false, [&](const Limited<Point>& limited) {
      std::stop_source stopped;
      stopped.request_stop();
      Point nothing, something, with_token;
      std::atomic<bool> prepared{false}, done{false};
      Party holder(Kind::Thread, [&] {
        for (Point* point : {&nothing, &something, &with_token}) point->prepare();
        if constexpr (!kMeets<Point>) {
          something.wake();
          with_token.wake();
        }
        prepared = true;
        CHECK(eventually([&] { return done.load(); }));
        if constexpr (!kMeets<Point>) nothing.wake();
      });
      Party waiter(kind, [&] {
        CHECK(eventually([&] { return prepared.load(); }));
        CHECK_FALSE(limited.wait(nothing));
        CHECK_FALSE(limited.wait_or_stop(nothing, stopped.get_token()));
        CHECK(nothing.waiting() == 0);
        if constexpr (std::is_same_v<Point, JoinPoint>)
          for (Point* point : {&something, &with_token})
            CHECK(eventually([&] { return (point->green.load()->life & causeway::sched::G::kDone) != 0; }));
        if constexpr (!kMeets<Point>) {
          CHECK(limited.wait(something));
          CHECK(limited.wait_or_stop(with_token, stopped.get_token()));  // a stop does not take away what is there
        }
        done = true;
      });
    });
  }
}

TEST_CASE_TEMPLATE("matrix: a limit beyond all times waits until it is woken", Point, SYNC_TEST_POINTS) {
  Runtime runtime;
  CAPTURE(Point::kName);
  for (const Kind kind : {Kind::Green, Kind::Thread})
    with_limits<Point>(
        true, [&](const Limited<Point>& limited) { meet<Point>(kind, Kind::Thread, limited.wait, [](Point& point) { point.wake(); }); });
}

// A wake-up that one waiter has taken is gone.
template <class Point>
constexpr bool kTakesAway =
    std::is_same_v<Point, EventPoint<false>> || std::is_same_v<Point, SemaphorePoint> || std::is_same_v<Point, JoinPoint>;

TEST_CASE_TEMPLATE("matrix: of a deadline, a stop request and a wake-up of one moment each counts once or is still there", Point,
                   SYNC_TEST_POINTS) {
  Runtime runtime;
  CAPTURE(Point::kName);
  for (const Kind kind : {Kind::Green, Kind::Thread})
    for (int round = 0; round < 30; ++round) {
      Point point;
      std::stop_source source;
      std::atomic<bool> prepared{false}, ended{false};
      bool met = false, through = false;
      Party holder(Kind::Green, [&] {
        point.prepare();
        prepared = true;
        CHECK(eventually([&] { return ended || point.waiting() != 0; }));
        if constexpr (std::is_same_v<Point, ChannelSendPoint>) met = point.channel.try_receive().has_value();
        else if constexpr (std::is_same_v<Point, ChannelReceivePoint>) met = point.channel.try_send(point.item) == CW_OK;
        else point.wake();
      });
      Party stopper(Kind::Thread, [&] {
        CHECK(eventually([&] { return ended || (prepared && point.waiting() != 0); }));
        source.request_stop();
      });
      Party waiter(kind, [&] {
        CHECK(eventually([&] { return prepared.load(); }));
        // Some of the deadlines come first, some of the stops, some of the wake-ups.
        through = point.wait(For{}, std::chrono::microseconds(round % 3 == 0 ? 50 : 5000), source.get_token());
        ended = true;
      });
      waiter.join();
      holder.join();
      stopper.join();
      CHECK(point.waiting() == 0);
      if constexpr (kMeets<Point>) {
        CHECK(met == through);
      } else {
        const bool there = !through || !kTakesAway<Point>;
        Party late(kind, [&] { CHECK(point.wait(For{}, there ? std::chrono::milliseconds(kLimit) : 0ms) == there); });
      }
    }
}

}  // namespace
}  // namespace sync_test
