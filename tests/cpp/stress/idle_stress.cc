// SPDX-License-Identifier: MIT
//
// An idle runtime: sleeping and waiting green threads, one far timer, and nothing to do. It must not wake the machine.
//
// Measured is how often our threads went to sleep (voluntary switches in /proc), not time: a loaded machine does not change it. The limit is
// proportional: a thread that polls, however slowly, goes to sleep at least ten times a second; ours all together at most twice.
#include <dirent.h>

#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "tests/cpp/stress/stress.hpp"

namespace {

using namespace stress;

// Voluntary switches of each thread of ours, by thread id.
std::map<std::string, long> switches_of_ours() {
  std::map<std::string, long> all;
  DIR* tasks = opendir("/proc/self/task");
  require(tasks != nullptr, "no /proc/self/task");
  while (const dirent* entry = readdir(tasks)) {
    if (entry->d_name[0] == '.') continue;
    std::ifstream status("/proc/self/task/" + std::string(entry->d_name) + "/status");
    std::string line;
    bool ours = false;
    while (std::getline(status, line)) {
      if (line.starts_with("Name:")) ours = line.find("causeway") != std::string::npos;
      if (ours && line.starts_with("voluntary_ctxt_switches:")) all[entry->d_name] = std::stol(line.substr(line.find(':') + 1));
    }
  }
  closedir(tasks);
  return all;
}

long sum_of_rises(const std::map<std::string, long>& before, const std::map<std::string, long>& after) {
  long sum = 0;
  for (const auto& [tid, count] : after) {
    const auto old = before.find(tid);
    sum += count - (old != before.end() ? old->second : 0);
  }
  return sum;
}

}  // namespace

int main(int argc, char** argv) {
  static_cast<void>(seed_of(argc, argv));  // nothing random here
  const Watchdog watchdog;
  const auto window = long_mode() ? 10s : 2s;
  for (const unsigned processors : {1u, 4u}) {
    causeway::options options;
    options.processors = processors;
    causeway::runtime runtime(options);
    causeway::channel<int> never;
    for (int i = 0; i < 50; ++i) causeway::go([&] { static_cast<void>(never.receive()); });
    for (int i = 0; i < 50; ++i) causeway::go([] { causeway::this_green::sleep_for(1h); });
    const auto limit = Clock::now() + 20s;
    while (causeway::stats().greens_parked != 100) {
      require(Clock::now() < limit, "they do not park");
      std::this_thread::yield();
    }
    // What ran in the burst goes to sleep within some ticks of the monitor; surplus workers end after 5 s, which costs one switch each.
    std::this_thread::sleep_for(300ms);
    const auto before = switches_of_ours();
    require(!before.empty(), "no thread of ours is found by its name");
    std::this_thread::sleep_for(window);
    const long rises = sum_of_rises(before, switches_of_ours());
    const long most = 2 * static_cast<long>(window.count()) + static_cast<long>(before.size());
    std::printf("%u processors: %zu threads of ours slept %ld times in %lld s (limit %ld)\n", processors, before.size(), rises,
                static_cast<long long>(window.count()), most);
    std::fflush(stdout);
    require(rises <= most, "the idle runtime wakes up");
    require(runtime.stop(20s) == CW_OK, "stop:", cw_last_error());
  }
  return 0;
}
