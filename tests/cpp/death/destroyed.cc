// SPDX-License-Identifier: MIT
//
// Meeting points that are destroyed while somebody waits in them: a named report at once, not memory that somebody writes to later. Static
// ones are destroyed at exit, when that is nobody's mistake.
#include <signal.h>

#include <cstdlib>
#include <memory>
#include <mutex>
#include <shared_mutex>

#include "runtime/sync/sync.hpp"
#include "tests/cpp/death/death.hpp"
#include "tests/cpp/waiting.hpp"

namespace {

// Destroys a Point in which a green thread waits. The object's state is all that it consists of.
template <class Point, class Inner, class Wait, class... Args>
void destroy_in_use(size_t (*waiting)(Inner&), Wait wait, Args... args) {
  static_assert(sizeof(Point) == sizeof(Inner));
  auto point = std::make_unique<Point>(args...);
  causeway::go([&wait, raw = point.get()] { wait(*raw); });
  if (!waiting::eventually([&] { return waiting(reinterpret_cast<Inner&>(*point)) != 0; })) std::_Exit(97);
  causeway::spawn([&] { point.reset(); }).join();  // on a stack whose bounds the report knows
}

// The same for what does not tell who waits in it: all green threads but this one do.
template <class Point, class Wait>
void destroy_while_parked(Point* point, uint64_t waiters, Wait wait) {
  for (uint64_t i = 0; i < waiters; ++i) causeway::go([&wait, point] { wait(*point); });
  if (!waiting::eventually([&] { return causeway::stats().greens_parked == waiters; })) std::_Exit(97);
  causeway::spawn([&] { delete point; }).join();
}

void mutex() {
  destroy_while_parked(new causeway::mutex, 2, [](causeway::mutex& mutex) {
    mutex.lock();
    causeway::this_green::sleep_for(std::chrono::hours(1));
  });
}

void wait_group() {
  auto* group = new causeway::wait_group;
  group->add();
  destroy_while_parked(group, 1, [](causeway::wait_group& waited) { waited.wait(); });
}

void channel() {
  destroy_while_parked(new causeway::channel<int>, 1, [](causeway::channel<int>& from) { static_cast<void>(from.receive()); });
}

void channel_in_select() {
  destroy_while_parked(new causeway::channel<int>, 1, [](causeway::channel<int>& from) {
    causeway::select(causeway::on_receive(from, [](std::optional<int>) {}), causeway::after(std::chrono::hours(1), [] {}));
  });
}

void event() {
  destroy_in_use<causeway::event>(causeway::sync::event_waiting, [](causeway::event& event) { event.wait(); });
}

void semaphore() {
  destroy_in_use<causeway::semaphore>(causeway::sync::semaphore_waiting, [](causeway::semaphore& semaphore) { semaphore.acquire(); }, 0);
}

void condition_variable() {
  destroy_in_use<causeway::condition_variable>(causeway::sync::condition_waiting, [](causeway::condition_variable& condition) {
    causeway::mutex mutex;
    std::unique_lock lock(mutex);
    condition.wait(lock);
  });
}

void shared_mutex() {
  destroy_in_use<causeway::shared_mutex>(causeway::sync::shared_mutex_waiting, [](causeway::shared_mutex& mutex) {
    mutex.lock_shared();
    causeway::go([&] { mutex.lock(); });
    causeway::this_green::sleep_for(std::chrono::hours(1));
  });
}

void static_at_exit() {
  static causeway::event never;
  causeway::go([] { never.wait(); });
  if (!waiting::eventually([] { return causeway::sync::event_waiting(reinterpret_cast<cw_abi_event&>(never)) == 1; })) std::_Exit(97);
  std::exit(0);
}

death::Expected report(const char* what) {
  return {.signal = SIGABRT, .printed = {"causeway: fatal: invariant: ", what, " was destroyed while somebody waits in it", "#0 "}};
}

}  // namespace

const std::vector<death::Case>& death::destroyed_cases() {
  static const std::vector<Case> cases = {
      {"event_destroyed_in_use", event, report("event")},
      {"semaphore_destroyed_in_use", semaphore, report("semaphore")},
      {"condition_variable_destroyed_in_use", condition_variable, report("condition_variable")},
      {"shared_mutex_destroyed_in_use", shared_mutex, report("shared_mutex")},
      {"mutex_destroyed_in_use", mutex, report("mutex")},
      {"wait_group_destroyed_in_use", wait_group, report("wait_group")},
      {"channel_destroyed_in_use", channel, report("a channel")},
      {"channel_destroyed_under_a_select", channel_in_select, report("a channel")},
      {"static_event_at_exit_is_quiet", static_at_exit, {.not_printed = {"fatal"}}},
  };
  return cases;
}
