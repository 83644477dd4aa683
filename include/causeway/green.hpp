// SPDX-License-Identifier: MIT
//
// Green threads: go(f) and forget, or spawn(f) and join the task.
//
//   auto rows = causeway::spawn([&] { return query(db); });      // runs now; R is what the closure returns
//   causeway::go({.name = "ticker"}, [](std::stop_token stop) { while (!stop.stop_requested()) tick(); });
//   use(rows.join());                                            // rethrows what the closure threw
#ifndef CAUSEWAY_GREEN_HPP
#define CAUSEWAY_GREEN_HPP

#include <causeway/closure.hpp>
#include <causeway/result.hpp>
#include <causeway/stop_wait.hpp>
#include <causeway/this_green.hpp>
#include <causeway/timeout.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <stop_token>
#include <string>
#include <type_traits>
#include <utility>

namespace causeway {

// The fields, meanings and defaults of cw_spawn_options.
struct spawn_options {
  std::string name{};
  std::size_t stack_size = 0;
  bool locked = false;

  // For the C functions. The result points into *this.
  cw_spawn_options to_c() const noexcept {
    cw_spawn_options c;
    cw_spawn_options_init(&c);
    c.name = name.empty() ? nullptr : name.c_str();
    c.stack_size = stack_size;
    c.locked = locked ? 1 : 0;
    return c;
  }
};

// A green thread that somebody waits for. Movable; not for use by two threads at one time. The destructor is that of
// std::jthread: it requests a stop and waits (a task destroyed by its own green thread is detached).
template <class R>
class [[nodiscard]] task {
 public:
  // What the joins that may fail give: a reference comes as std::reference_wrapper.
  using joined = result<std::conditional_t<std::is_reference_v<R>, std::reference_wrapper<std::remove_reference_t<R>>, R>>;

  task() noexcept = default;
  explicit task(cw_abi_green* green) noexcept : green_(green) {}  // takes over the reference; for spawn()
  task(task&& other) noexcept : green_(std::exchange(other.green_, nullptr)) {}
  task& operator=(task&& other) noexcept {
    if (this != &other) {
      end();
      green_ = std::exchange(other.green_, nullptr);
    }
    return *this;
  }
  ~task() { end(); }

  // There is something to join.
  bool joinable() const noexcept { return green_ != nullptr; }

  // Waits for the end and gives the result, or rethrows what the closure threw. Once.
  // Throws error: CW_E_STATE (joined or detached before, or of oneself), CW_E_CANCELLED (the waiting green thread was asked to
  // stop; the task may be joined again).
  R join() {
    void* payload = nullptr;
    int outcome = 0;
    if (const cw_status status = wait(CW_FOREVER, &payload, &outcome, nullptr); status != CW_OK) detail::fail(status, why(status));
    return take(payload, outcome);
  }

  // The same with a deadline, a stop token or both; CW_E_TIMEOUT, CW_E_CANCELLED or CW_E_STATE instead of a throw, and the task may be joined
  // again after the first two. What the closure threw is rethrown.
  template <class Rep, class Period>
  joined try_join_for(const std::chrono::duration<Rep, Period>& d) {
    return try_join(detail::within(d), nullptr);
  }
  template <class Rep, class Period>
  joined try_join_for(const std::chrono::duration<Rep, Period>& d, const std::stop_token& stop) {
    detail::stop_wait wait(stop);
    return try_join(detail::within(d), wait.get());
  }
  template <class Clock, class Duration>
  joined try_join_until(const std::chrono::time_point<Clock, Duration>& when) {
    return try_join(detail::until(when), nullptr);
  }
  template <class Clock, class Duration>
  joined try_join_until(const std::chrono::time_point<Clock, Duration>& when, const std::stop_token& stop) {
    detail::stop_wait wait(stop);
    return try_join(detail::until(when), wait.get());
  }
  joined join(const std::stop_token& stop) {
    detail::stop_wait wait(stop);
    return try_join(detail::forever, wait.get());
  }

  // Lets it run on alone; what it throws from now on is lost with its result.
  // Throws error: CW_E_STATE (joined or detached before).
  void detach() {
    if (green_ == nullptr) detail::fail(CW_E_STATE, why(CW_E_STATE));
    cw_abi_task_release(std::exchange(green_, nullptr));
  }

  // Asks it to stop: its token says so, and its waits end with CW_E_CANCELLED. False without anybody to ask.
  bool request_stop() noexcept { return green_ != nullptr && cw_abi_request_stop(green_) == CW_OK; }

  // As this_green::id() in there; 0 after join or detach.
  std::uint64_t id() const noexcept { return green_ != nullptr ? cw_abi_green_id(green_) : 0; }

 private:
  // Drops the reference, and with it the result, on every way out of take().
  struct Reference {
    cw_abi_green* green;
    ~Reference() { cw_abi_task_release(green); }
  };

  static const char* why(cw_status status) noexcept {
    switch (status) {
      case CW_E_STATE: return "join: the task was joined, detached or moved away before, or would wait for itself";
      case CW_E_CANCELLED: return "join: the waiting green thread was asked to stop";
      default: return cw_status_text(status);
    }
  }

  cw_status wait(std::uint64_t timeout_ns, void** payload, int* outcome, cw_abi_stop_wait* stop) {
    return green_ != nullptr ? cw_abi_task_join(green_, timeout_ns, payload, outcome, stop) : CW_E_STATE;
  }

  template <class Limit>
  joined try_join(Limit limit, cw_abi_stop_wait* stop) {
    void* payload = nullptr;
    int outcome = 0;
    const cw_status status = limit([&](std::uint64_t timeout_ns) { return wait(timeout_ns, &payload, &outcome, stop); });
    if (status != CW_OK) return status;
    if constexpr (std::is_void_v<R>) return take(payload, outcome), result<void>();
    else return joined(std::in_place, take(payload, outcome));
  }

  R take(void* payload, int outcome) {
    const Reference reference{std::exchange(green_, nullptr)};
    if (outcome == detail::outcome_exception) std::rethrow_exception(std::move(detail::exception_at(payload)));
    if constexpr (std::is_reference_v<R>) return static_cast<R>(*detail::result_at<R>(payload));
    else if constexpr (!std::is_void_v<R>) return std::move(detail::result_at<R>(payload));
  }

  void end() noexcept {
    if (green_ == nullptr) return;
    cw_abi_request_stop(green_);
    cw_abi_task_settle(green_);  // CW_E_STATE, of oneself: nothing to wait for
    cw_abi_task_release(std::exchange(green_, nullptr));
  }

  cw_abi_green* green_ = nullptr;
};

// Runs f on a new green thread and gives the task to join. f may take a std::stop_token. Starts the runtime if none runs.
// Ownership: f is moved or copied; what it refers to must live until it has run.
// Throws error: as cw_green_spawn().
template <class F>
  requires detail::green_function<std::decay_t<F>>
auto spawn(F&& f) {
  cw_abi_green* green = nullptr;
  detail::spawn_closure(detail::task_ops<std::decay_t<F>>, std::forward<F>(f), nullptr, 0, &green);
  return task<detail::closure_result<std::decay_t<F>>>(green);
}

template <class F>
  requires detail::green_function<std::decay_t<F>>
auto spawn(const spawn_options& options, F&& f) {
  const cw_spawn_options c = options.to_c();
  cw_abi_green* green = nullptr;
  detail::spawn_closure(detail::task_ops<std::decay_t<F>>, std::forward<F>(f), &c, 0, &green);
  return task<detail::closure_result<std::decay_t<F>>>(green);
}

// The same, with nobody to join it. An exception that leaves f goes to the handler of cw_error_handler_set(), or ends the process;
// an error with CW_E_CANCELLED ends it quietly.
template <class F>
  requires detail::green_function<std::decay_t<F>>
void go(F&& f) {
  detail::spawn_closure(detail::detached_ops<std::decay_t<F>>, std::forward<F>(f), nullptr, 1, nullptr);
}

template <class F>
  requires detail::green_function<std::decay_t<F>>
void go(const spawn_options& options, F&& f) {
  const cw_spawn_options c = options.to_c();
  detail::spawn_closure(detail::detached_ops<std::decay_t<F>>, std::forward<F>(f), &c, 1, nullptr);
}

}  // namespace causeway

#endif  // CAUSEWAY_GREEN_HPP
