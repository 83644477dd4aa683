// SPDX-License-Identifier: MIT
//
// causeway::runtime: one reference to the runtime, as an object. Optional where an implicit start is good enough.
//
//   int main() {
//     causeway::runtime rt{causeway::options{.processors = 4}};
//     causeway::spawn([] { work(); }).join();
//   }
#ifndef CAUSEWAY_RUNTIME_HPP
#define CAUSEWAY_RUNTIME_HPP

#include <causeway/error.hpp>
#include <causeway/timeout.hpp>

#include <sys/types.h>
#include <unistd.h>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include <cstdio>
#include <exception>
#include <string>

namespace causeway {

// The fields, meanings and defaults of cw_options.
struct options {
  std::uint32_t processors = 0;
  std::size_t stack_size = 64 * 1024;
  std::size_t guard_size = 0;
  std::size_t system_stack_size = 8 * 1024 * 1024;
  std::uint32_t max_threads = 10'000;
  std::uint64_t max_foreign = 0;
  std::uint64_t max_green = 0;
  std::uint32_t max_depth = 10'000;
  std::uint32_t max_hogs = 0;
  std::uint32_t post_capacity = 65'536;
  int stack_policy = CW_STACK_ACCEPT;
  int barrier = CW_BARRIER_AUTO;
  std::uint64_t start_wait_ns = 10'000'000'000;
  bool implicit_start = true;
  std::uint64_t stop_timeout_ns = 10'000'000'000;
  bool guard_handler = true;
  bool crash_reports = false;
  int signal = 0;
  int log_level = CW_LOG_WARN;
  std::string check{};

  // For the C functions. The result points into *this.
  cw_options to_c() const noexcept {
    cw_options c;
    cw_options_init(&c);
    c.processors = processors;
    c.stack_size = stack_size;
    c.guard_size = guard_size;
    c.system_stack_size = system_stack_size;
    c.max_threads = max_threads;
    c.max_foreign = max_foreign;
    c.max_green = max_green;
    c.max_depth = max_depth;
    c.max_hogs = max_hogs;
    c.post_capacity = post_capacity;
    c.stack_policy = stack_policy;
    c.barrier = barrier;
    c.start_wait_ns = start_wait_ns;
    c.implicit_start = implicit_start ? 1 : 0;
    c.stop_timeout_ns = stop_timeout_ns;
    c.guard_handler = guard_handler ? 1 : 0;
    c.crash_reports = crash_reports ? 1 : 0;
    c.signal = signal;
    c.log_level = log_level;
    c.check = check.c_str();
    return c;
  }
};

// Sets what an implicit start uses from now on. Throws error.
inline void set_default_options(const options& o) {
  const cw_options c = o.to_c();
  detail::check(cw_options_set_default(&c));
}

class runtime {
 public:
  // Starts the runtime, or takes one more reference to the running one. Throws error: see cw_runtime_start().
  runtime() : runtime(nullptr, options{}.stop_timeout_ns) {}
  explicit runtime(const options& o) : stop_timeout_ns_(o.stop_timeout_ns) {
    const cw_options c = o.to_c();
    detail::check(cw_runtime_start(&c));
  }
  runtime(const runtime&) = delete;
  runtime& operator=(const runtime&) = delete;

  // Gives the reference back. When it is the last one and the time is up first, prints who is left and terminates: the green
  // threads that still run may use what the caller is about to destroy. stop() answers instead.
  ~runtime() {
    if (!holds_ || process_ != ::getpid() || cw_runtime_stop(stop_timeout_ns_) == CW_OK) return;
    std::fprintf(stderr, "causeway: the runtime did not stop: %s\n", cw_last_error());
    std::terminate();
  }

  // Gives the reference back before the destructor does; afterwards that does nothing.
  // Answers CW_E_BUSY when the time was up (cw_last_error() names who is left); it may be called again.
  template <class Rep, class Period>
  cw_status stop(std::chrono::duration<Rep, Period> d) {
    if (!holds_) return cw_abi_set_last_error(CW_E_STATE, "this runtime object was stopped already");
    const cw_status status = cw_runtime_stop(detail::timeout_ns(d));
    if (status == CW_OK) holds_ = false;
    return status;
  }

 private:
  runtime(const cw_options* c, std::uint64_t stop_timeout_ns) : stop_timeout_ns_(stop_timeout_ns) { detail::check(cw_runtime_start(c)); }

  std::uint64_t stop_timeout_ns_;
  bool holds_ = true;
  ::pid_t process_ = ::getpid();  // a child of fork() holds no reference
};

// The counters of the runtime. Throws error.
inline cw_stats stats() {
  cw_stats s;
  detail::check(cw_stats_init(&s));
  detail::check(cw_runtime_stats(&s));
  return s;
}

}  // namespace causeway

#endif  // CAUSEWAY_RUNTIME_HPP
