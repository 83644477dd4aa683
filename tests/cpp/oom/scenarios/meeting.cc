// SPDX-License-Identifier: MIT
//
// Meeting points between green threads and the plain thread of the runner. What waits is always somebody who can be asked to stop.
#include <atomic>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <stop_token>
#include <string>

#include "tests/cpp/oom/scenario.hpp"

namespace {

using causeway::spawn;
using oom::must;

void channel_with_room() {
  causeway::channel<int> channel(4);
  auto sender = spawn([&] {
    for (int i = 1; i <= 10; ++i) channel.send(i);
    channel.close();
  });
  auto receiver = spawn([&] {
    int sum = 0;
    while (auto item = channel.receive()) sum += *item;
    return sum;
  });
  must(receiver.join() == 55, "all items arrive");
  sender.join();
}

void channel_of_strings() {
  causeway::channel<std::string> channel(0);
  auto sender = spawn([&] {
    for (int i = 0; i < 5; ++i) channel.send(std::string(static_cast<size_t>(100 + i), 'c'));
  });
  auto receiver = spawn([&] {
    size_t size = 0;
    for (int i = 0; i < 5; ++i) size += channel.receive()->size();
    return size;
  });
  // One of them may have thrown for want of memory: then the other waits, and its destructor asks it to stop.
  sender.join();
  must(receiver.join() == 510, "all strings arrive whole");
}

void event_and_timeout() {
  causeway::event event, never;
  auto waiter = spawn([&] {
    event.wait();
    return never.wait_for(std::chrono::microseconds(100));
  });
  event.set();
  must(!waiter.join(), "nobody set it");
}

void mutex_contended() {
  causeway::mutex mutex;
  int sum = 0;
  {
    std::vector<causeway::task<void>> tasks;
    tasks.reserve(4);
    for (int i = 0; i < 4; ++i)
      tasks.push_back(spawn([&] {
        for (int k = 0; k < 5; ++k) {
          const std::lock_guard guard(mutex);
          ++sum;
          causeway::this_green::yield();
        }
      }));
    for (auto& task : tasks) task.join();
  }
  must(sum == 20, "each had its turns");
}

void wait_group() {
  causeway::wait_group group;
  group.add(3);
  std::vector<causeway::task<void>> tasks;
  tasks.reserve(3);
  for (int i = 0; i < 3; ++i) tasks.push_back(spawn([&] { group.done(); }));
  group.wait();
  for (auto& task : tasks) task.join();
}

void shared_mutex() {
  causeway::shared_mutex mutex;
  int value = 0;
  {
    std::vector<causeway::task<void>> tasks;
    tasks.reserve(6);
    for (int i = 0; i < 6; ++i)
      tasks.push_back(spawn([&, i] {
        for (int k = 0; k < 5; ++k) {
          if (i % 3 == 0) {
            const std::lock_guard alone(mutex);
            ++value;
            causeway::this_green::yield();
          } else {
            const std::shared_lock together(mutex);
            causeway::this_green::yield();
          }
        }
      }));
    for (auto& task : tasks) task.join();
  }
  must(value == 10, "each had its turns");
}

void condition_variable() {
  causeway::mutex mutex;
  causeway::condition_variable changed;
  int turn = 0;
  // Each may have been refused: who waits is asked to stop by its task's destructor.
  auto party = [&](int mine) {
    return spawn([&, mine] {
      for (int i = 0; i < 5; ++i) {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return turn % 2 == mine; });
        ++turn;
        changed.notify_all();
      }
    });
  };
  auto even = party(0);
  auto odd = party(1);
  even.join();
  odd.join();
  must(turn == 10, "they took turns");
}

void semaphore() {
  causeway::semaphore permits(2);
  std::atomic<int> inside{0}, done{0};
  {
    std::vector<causeway::task<void>> tasks;
    tasks.reserve(5);
    for (int i = 0; i < 5; ++i)
      tasks.push_back(spawn([&] {
        permits.acquire();
        must(++inside <= 2, "two at a time");
        causeway::this_green::yield();
        --inside;
        permits.release();
        ++done;
      }));
    for (auto& task : tasks) task.join();
  }
  must(done == 5, "each had its turn");
}

void once() {
  causeway::once once;
  std::atomic<int> made{0};
  std::vector<causeway::task<void>> tasks;
  tasks.reserve(4);
  for (int i = 0; i < 4; ++i)
    tasks.push_back(spawn([&] {
      once.call([&] {
        causeway::this_green::yield();
        ++made;
      });
    }));
  for (auto& task : tasks) task.join();
  must(made == 1, "it was made once");
}

void select_two_channels() {
  causeway::channel<std::string> texts(1);
  causeway::channel<int> numbers(0);
  auto sender = spawn([&] {
    for (int i = 0; i < 4; ++i) {
      causeway::select(causeway::on_send(texts, std::string(100, 's'), [](bool) {}), causeway::on_send(numbers, i, [](bool) {}));
    }
  });
  auto receiver = spawn([&] {
    int n = 0;
    for (int i = 0; i < 4; ++i) {
      causeway::select(causeway::on_receive(texts, [&](std::optional<std::string> text) { n += text && text->size() == 100; }),
                       causeway::on_receive(numbers, [&](std::optional<int> number) { n += number.has_value(); }));
    }
    return n;
  });
  sender.join();
  must(receiver.join() == 4, "all items arrive");
}

void stop_tokens() {
  causeway::channel<int> channel(0);
  causeway::event event;
  std::stop_source source;
  if (!source.stop_possible()) throw std::bad_alloc();
  auto waiter = spawn([&] { return event.wait(source.get_token()); });
  auto receiver = spawn([&] {
    int item = 0;
    auto got = channel.receive(source.get_token());
    if (got) item = *got;
    return item;
  });
  source.request_stop();
  must(!waiter.join(), "the token ends the wait");
  must(receiver.join() == 0, "the token ends the receive");
}

void timers() {
  std::vector<causeway::task<void>> tasks;
  tasks.reserve(10);
  for (int i = 0; i < 10; ++i) tasks.push_back(spawn([i] { causeway::this_green::sleep_for(std::chrono::microseconds(50 * i)); }));
  for (auto& task : tasks) task.join();
}

}  // namespace

const std::vector<oom::Scenario>& oom::meeting_scenarios() {
  static const std::vector<Scenario> list = {
      {"channel", channel_with_room},  {"channel-of-strings", channel_of_strings},
      {"event", event_and_timeout},    {"mutex", mutex_contended},
      {"wait-group", wait_group},      {"timers", timers},
      {"shared-mutex", shared_mutex},  {"condition-variable", condition_variable},
      {"semaphore", semaphore},        {"once", once},
      {"select", select_two_channels}, {"stop-tokens", stop_tokens},
  };
  return list;
}
