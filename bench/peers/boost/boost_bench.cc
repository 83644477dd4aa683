// SPDX-License-Identifier: MIT
//
// Boost.Fiber in the rows that it can answer. Built by bench/run with the system's compiler and package.
//
// one-p: the default round-robin scheduler of one thread. all-p: its work_stealing scheduler on as many threads as there are
// CPUs, in its default form (threads that find nothing keep looking). Stacks are Boost's default. Everything runs in fibers of
// the main thread, as our rows run in green threads.
#include "bench/common/bench.hpp"

#include <barrier>
#include <thread>

#include <boost/fiber/algo/work_stealing.hpp>
#include <boost/fiber/all.hpp>

namespace {

using boost::fibers::fiber;

// Two fibers that do nothing but yield; one round is one yield.
void yield(std::uint64_t rounds) {
  const auto body = [half = rounds / 2] {
    for (std::uint64_t i = 0; i < half; ++i) { boost::this_fiber::yield(); }
  };
  fiber first(body);
  fiber second(body);
  first.join();
  second.join();
}

// One round: a value goes to the other fiber and comes back, over two unbuffered channels.
void ping_pong(std::uint64_t rounds) {
  boost::fibers::unbuffered_channel<std::uint64_t> there;
  boost::fibers::unbuffered_channel<std::uint64_t> back;
  fiber echo([&] {
    std::uint64_t value = 0;
    while (there.pop(value) == boost::fibers::channel_op_status::success) { back.push(value); }
  });
  fiber player([&] {
    for (std::uint64_t i = 0; i < rounds; ++i) {
      std::uint64_t value = 0;
      there.push(i);
      back.pop(value);
      if (value != i) { std::abort(); }
    }
    there.close();
  });
  player.join();
  echo.join();
}

constexpr std::uint64_t kBatch = 1000;

// One round: one fiber started and joined, in batches of 1000, by a fiber.
void spawn_join(std::uint64_t rounds) {
  fiber parent([rounds] {
    std::vector<fiber> children;
    children.reserve(kBatch);
    for (std::uint64_t done = 0; done < rounds; done += kBatch) {
      for (std::uint64_t i = 0; i < kBatch; ++i) {
        children.emplace_back([] { asm volatile(""); });
      }
      for (fiber& child : children) { child.join(); }
      children.clear();
    }
  });
  parent.join();
}

double measure(const bench::Run& run) {
  if (run.subject == "yield") { return bench::ns_per_round(run, yield, 2); }
  if (run.subject == "ping-pong") { return bench::ns_per_round(run, ping_pong); }
  if (run.subject == "spawn-join") { return bench::ns_per_round(run, spawn_join, kBatch); }
  bench::unknown_row(run);
}

// Runs the row with `processors` threads that all serve fibers.
double measure_on_all(const bench::Run& run) {
  std::barrier<> registered(run.processors);
  boost::fibers::mutex mutex;
  boost::fibers::condition_variable_any ended;
  bool over = false;
  std::vector<std::jthread> threads;
  for (unsigned i = 1; i < run.processors; ++i) {
    threads.emplace_back([&] {
      boost::fibers::use_scheduling_algorithm<boost::fibers::algo::work_stealing>(run.processors);
      registered.arrive_and_wait();
      std::unique_lock lock(mutex);
      ended.wait(lock, [&] { return over; });
    });
  }
  boost::fibers::use_scheduling_algorithm<boost::fibers::algo::work_stealing>(run.processors);
  registered.arrive_and_wait();
  const double ns = measure(run);
  {
    const std::unique_lock lock(mutex);
    over = true;
  }
  ended.notify_all();
  return ns;
}

}  // namespace

int main(int argc, char** argv) {
  const bench::Run run = bench::parse(argc, argv);
  const double ns = run.processors == 1 ? measure(run) : measure_on_all(run);
  bench::print(run, "boost.fiber", ns, 0, {{"loop_ns", bench::loop_ns()}});
  return 0;
}
