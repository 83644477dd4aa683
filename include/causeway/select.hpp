// SPDX-License-Identifier: MIT
//
// select: waits at several channels at once, and does exactly one of its cases. Returns the number of that case, from 0.
//
//   const std::size_t which = causeway::select(
//       causeway::on_receive(jobs, [](std::optional<job> j) { if (j) j->run(); }),       // no job: the channel is closed and empty
//       causeway::on_send(results, next, [](bool sent) { ... }),                          // `next` is moved only if this case is chosen
//       causeway::after(1s, [] { ... }),                                                  // none of the others within a second
//       causeway::on_stop(token, [] { ... }));
//
// Which case: a stop that was requested before the call comes first. Of the sends and receives that can be done, one at random, each with
// the same chance; if none can, the first that can be. A closed channel can always be chosen. otherwise(f) is chosen instead of waiting:
// there was a moment when no case could be done; beside an otherwise() that takes part, an after() is never chosen. Of several after() the
// shortest counts; one of 0 or less, or until a point that is past, does not wait.
//
// The functions are called when the call has left all channels, by the calling green thread or thread; what they throw passes through.
//
//   - The same channel may occur in several cases, also for sending and receiving: a select does not meet itself.
//   - when(condition, case) takes part only if the condition holds; the numbers of the cases stay as they are. With no case left select
//     waits for ever.
//   - A stop request to the calling green thread ends the wait with error CW_E_CANCELLED, unless one of the cases is on_stop() with
//     its token: then with that case.
//   - The channels must live until select returns, except the chosen one if no other case names it (its partner may destroy it).
//   - Nothing is allocated, except boxes (channel.hpp). Up to 64 cases.
#ifndef CAUSEWAY_SELECT_HPP
#define CAUSEWAY_SELECT_HPP

#include <causeway/channel.hpp>
#include <causeway/error.hpp>
#include <causeway/this_green.hpp>
#include <causeway/timeout.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <tuple>
#include <type_traits>
#include <utility>

namespace causeway {
namespace detail {

enum class case_kind { receive, send, timer, stop, otherwise };

// What all cases have. F is held by value, as std::thread holds its function, and called as an lvalue.
template <case_kind Kind, class F>
struct case_base {
  static constexpr case_kind kind = Kind;
  static constexpr bool by_clock = false;
  F then;
  bool enabled = true;
  // What the case keeps in select's frame while it waits, and from there until its function is called.
  struct frame {
    frame(case_base&, cw_abi_stop_wait*) noexcept {}
  };
  struct kept {};
};

template <class T, class F>
struct receive_case : case_base<case_kind::receive, F> {
  channel<T>* from;

  struct frame {
    frame(receive_case&, cw_abi_stop_wait*) noexcept {}
    void* item() noexcept { return &slot; }
    item_slot<T> slot;
  };
  using kept = std::optional<T>;
  cw_abi_channel* place() const noexcept { return channel_access::get(*from); }
};

template <class T, class F>
struct send_case : case_base<case_kind::send, F> {
  channel<T>* to;
  T* item;                // the caller's, or `made`
  std::optional<T> made;  // from a value of another type, or one that may not be moved

  struct frame {
    frame(send_case& self, cw_abi_stop_wait*) : out(self.made.has_value() ? *self.made : *self.item) {}
    void* item() noexcept { return out.stored(); }
    outgoing<T> out;
  };
  cw_abi_channel* place() const noexcept { return channel_access::get(*to); }
};

template <class F>
struct timer_case : case_base<case_kind::timer, F> {
  std::uint64_t timeout_ns;
  // What is left of it when `passed_ns` of the call have passed.
  std::uint64_t left(std::uint64_t passed_ns) const noexcept {
    if (timeout_ns == CW_FOREVER) return CW_FOREVER;
    return passed_ns < timeout_ns ? timeout_ns - passed_ns : 0;
  }
};

template <class F, class Clock, class Duration>
struct clock_case : case_base<case_kind::timer, F> {
  std::chrono::time_point<Clock, Duration> when;
  static constexpr bool by_clock = true;
  std::uint64_t left(std::uint64_t) const { return timeout_until(when); }
};

// As stop_wait, for several tokens that end one wait. Not inlined for the reason given there.
class stop_link {
 public:
  [[gnu::noinline]] stop_link(const std::stop_token& token, cw_abi_stop_wait* wait) noexcept : callback_(token, end{wait}) {}
  [[gnu::noinline]] ~stop_link() {}  // NOLINT(modernize-use-equals-default): see above
  stop_link(const stop_link&) = delete;
  stop_link& operator=(const stop_link&) = delete;

 private:
  struct end {
    cw_abi_stop_wait* wait;
    void operator()() const noexcept { cw_abi_stop_wait_request(wait); }
  };
  std::stop_callback<end> callback_;
};

template <class F>
struct stop_case : case_base<case_kind::stop, F> {
  std::stop_token token;

  struct frame {
    frame(stop_case& self, cw_abi_stop_wait* wait) noexcept : link(self.enabled ? self.token : std::stop_token(), wait) {}
    stop_link link;
  };
};

template <class F>
struct otherwise_case : case_base<case_kind::otherwise, F> {};

template <class C>
concept select_case = requires(C& c) {
  { C::kind } -> std::convertible_to<case_kind>;
  { c.enabled } -> std::convertible_to<bool>;
};

template <std::size_t I, class Case>
struct select_frame;
template <class Numbers, class... Cases>
struct select_frames;
template <class... Cases>
class selection;

}  // namespace detail

// f(std::optional<T>): nothing if the channel is closed and empty.
template <class T, class F>
auto on_receive(channel<T>& from, F f) {
  static_assert(std::is_invocable_v<F&, std::optional<T>>, "the function of on_receive() takes a std::optional of the channel's type");
  return detail::receive_case<T, F>{{std::move(f)}, &from};
}

// f(bool): false if the channel is closed; then the item is still the caller's. Or f(): then a closed channel throws error CW_E_CLOSED.
// item: a T, which select moves only if this case is chosen; what is no T, or const, is converted or copied at once.
template <class T, class V, class F>
auto on_send(channel<T>& to, V&& item, F f) {
  static_assert(std::is_invocable_v<F&, bool> || std::is_invocable_v<F&>, "the function of on_send() takes a bool, or nothing");
  if constexpr (std::is_same_v<std::remove_reference_t<V>, T>) {
    return detail::send_case<T, F>{{std::move(f)}, &to, std::addressof(item), std::nullopt};
  } else {
    return detail::send_case<T, F>{{std::move(f)}, &to, nullptr, std::optional<T>(std::in_place, std::forward<V>(item))};
  }
}

// f(): no other case within d, which counts from the call of select.
template <class Rep, class Period, class F>
auto after(const std::chrono::duration<Rep, Period>& d, F f) {
  static_assert(std::is_invocable_v<F&>, "the function of after() takes nothing");
  return detail::timer_case<F>{{std::move(f)}, detail::timeout_ns(d)};
}

// f(): no other case until the clock shows `when`, also if it is set meanwhile.
template <class Clock, class Duration, class F>
auto after(const std::chrono::time_point<Clock, Duration>& when, F f) {
  static_assert(std::is_invocable_v<F&>, "the function of after() takes nothing");
  return detail::clock_case<F, Clock, Duration>{{std::move(f)}, when};
}

// f(): a stop was requested through the token.
template <class F>
auto on_stop(std::stop_token token, F f) {
  static_assert(std::is_invocable_v<F&>, "the function of on_stop() takes nothing");
  return detail::stop_case<F>{{std::move(f)}, std::move(token)};
}

// f(): no other case can be done now.
template <class F>
auto otherwise(F f) {
  static_assert(std::is_invocable_v<F&>, "the function of otherwise() takes nothing");
  return detail::otherwise_case<F>{{std::move(f)}};
}

// The case if the condition holds; otherwise it takes no part.
template <detail::select_case Case>
auto when(bool condition, Case c) {
  c.enabled = c.enabled && condition;
  return c;
}

// See above. Throws error: CW_E_CANCELLED; CW_E_CLOSED (on_send); CW_E_ASYNC (a signal handler that interrupted the library). And
// what the chosen function throws.
template <class... Cases>
  requires(sizeof...(Cases) > 0 && (detail::select_case<std::remove_cvref_t<Cases>> && ...))
std::size_t select(Cases&&... cases) {
  return detail::selection<std::remove_cvref_t<Cases>...>(cases...).run();
}

// --- the interface ends here ----------------------------------------------------------------------------------

// The frames of all cases, in one object that is made and ended at once.
template <std::size_t I, class Case>
struct detail::select_frame {
  select_frame(Case& c, cw_abi_stop_wait* wait) : frame(c, wait) {}
  typename Case::frame frame;
};

template <std::size_t... I, class... Cases>
struct detail::select_frames<std::index_sequence<I...>, Cases...> : select_frame<I, Cases>... {
  select_frames(const std::tuple<Cases&...>& cases, cw_abi_stop_wait* wait) : select_frame<I, Cases>(std::get<I>(cases), wait)... {}
  template <std::size_t At>
  auto& get() noexcept {
    using Case = std::remove_reference_t<std::tuple_element_t<At, std::tuple<Cases&...>>>;
    return static_cast<select_frame<At, Case>&>(*this).frame;
  }
};

template <class... Cases>
class detail::selection {
  static constexpr std::size_t n = sizeof...(Cases);
  static constexpr bool stops = ((Cases::kind == case_kind::stop) || ...);
  static constexpr bool by_clock = (Cases::by_clock || ...);  // the end of some after() is told by a clock, not by us
  static_assert(n <= CW_ABI_MAX_CASES, "select takes up to 64 cases");
  static_assert((std::size_t{Cases::kind == case_kind::otherwise} + ...) <= 1, "one otherwise() is enough");

 public:
  explicit selection(Cases&... cases) noexcept : cases_(cases...) {}

  std::size_t run() {
    std::tuple<typename Cases::kept...> kept;
    std::size_t chosen = stopped();
    cw_status status = CW_OK;
    if (chosen == n) status = wait(chosen, kept);
    if (chosen == n) fail(status, why(status));
    each([&](auto at, auto& c) {
      if (at == chosen) call(c, std::get<at>(kept), status);
    });
    return chosen;
  }

 private:
  template <std::size_t I>
  using number = std::integral_constant<std::size_t, I>;

  // body(number, case) for each case.
  template <class Body>
  void each(Body body) {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      (body(number<I>{}, std::get<I>(cases_)), ...);
    }(std::index_sequence_for<Cases...>{});
  }

  // The first case of on_stop() for which it holds, or n.
  template <class Condition>
  std::size_t first_stop(Condition condition) {
    std::size_t found = n;
    each([&]<class Case>(std::size_t at, Case& c) {
      if constexpr (Case::kind == case_kind::stop) {
        if (found == n && c.enabled && condition(c.token)) found = at;
      }
    });
    return found;
  }
  std::size_t stopped() {
    return first_stop([](const std::stop_token& token) { return token.stop_requested(); });
  }

  // The wait was ended by a stop request: whose? n: the green thread's own, and none of the cases is for it.
  std::size_t cancelled() {
    if constexpr (!stops) return n;
    if (const std::size_t found = stopped(); found != n) return found;
    // A request to the green thread ends its wait, and shortly after that its token shows it.
    cw_abi_green* self = cw_abi_current();
    if (self == nullptr) return n;
    const std::stop_token own = stop_token_of(self);
    return first_stop([&](const std::stop_token& token) { return token == own; });
  }

  // How long to wait when `passed_ns` of the call have passed, and which case is chosen then.
  std::uint64_t limit(std::size_t& timer, std::uint64_t passed_ns) {
    std::uint64_t timeout_ns = CW_FOREVER;
    timer = n;
    each([&]<class Case>(std::size_t at, const Case& c) {
      if constexpr (Case::kind == case_kind::timer) {
        if (!c.enabled) return;
        const std::uint64_t left = c.left(passed_ns);
        if (timer != n && timeout_ns <= left) return;
        timeout_ns = left;
        timer = at;
      } else if constexpr (Case::kind == case_kind::otherwise) {
        if (!c.enabled) return;
        timeout_ns = 0;
        timer = at;
      }
    });
    return timeout_ns;
  }

  // Waits, and takes what was received. The frames end here, before the function is called: what was not sent is the caller's again, and
  // no token knows this call any more.
  cw_status wait(std::size_t& chosen, std::tuple<typename Cases::kept...>& kept) {
    cw_abi_stop_wait stop{};  // before the frames, whose callbacks refer to it
    select_frames<std::index_sequence_for<Cases...>, Cases...> frames(cases_, &stop);
    cw_abi_select_case table[n];
    each([&]<class Case>(auto at, Case& c) {
      cw_abi_select_case& entry = table[at];
      entry.channel = nullptr;
      entry.item = nullptr;
      entry.direction = Case::kind == case_kind::send ? CW_ABI_SELECT_SEND : CW_ABI_SELECT_RECEIVE;
      entry.reserved = 0;
      if constexpr (Case::kind == case_kind::send || Case::kind == case_kind::receive) {
        if (!c.enabled) return;
        entry.channel = c.place();
        entry.item = frames.template get<at>().item();
      }
    });
    const cw_status status = wait(table, stops ? &stop : nullptr, chosen);
    if (status == CW_E_CANCELLED) chosen = cancelled();
    if (status == CW_OK) {
      each([&]<class Case>(auto at, Case&) {
        if (at != chosen) return;
        if constexpr (Case::kind == case_kind::receive) {
          auto& out = std::get<at>(kept);
          take_out(frames.template get<at>().slot, [&](auto&& item) { out.emplace(std::forward<decltype(item)>(item)); });
        } else if constexpr (Case::kind == case_kind::send) {
          frames.template get<at>().out.sent();
        }
      });
    }
    return status;
  }

  bool is_by_clock(std::size_t which) {
    bool answer = false;
    each([&]<class Case>(std::size_t at, const Case&) { answer = answer || (at == which && Case::by_clock); });
    return answer;
  }

  // The wait itself. One that ended by time begins anew until the clock of that case shows its end, which may have been set.
  cw_status wait(cw_abi_select_case* table, cw_abi_stop_wait* stop, std::size_t& chosen) {
    const auto begin = by_clock ? std::chrono::steady_clock::now() : std::chrono::steady_clock::time_point();
    std::size_t timer = n;
    std::uint64_t timeout_ns = limit(timer, 0);
    for (;;) {
      const cw_status status = cw_abi_select(table, n, timeout_ns, &chosen, stop);
      if (status != CW_E_TIMEOUT) return status;
      if (!by_clock || timeout_ns == 0 || !is_by_clock(timer)) return chosen = timer, status;
      timeout_ns = limit(timer, detail::timeout_ns(std::chrono::steady_clock::now() - begin));
    }
  }

  template <class Case>
  static void call(Case& c, [[maybe_unused]] typename Case::kept& kept, [[maybe_unused]] cw_status status) {
    if constexpr (Case::kind == case_kind::receive) {
      c.then(std::move(kept));
    } else if constexpr (Case::kind == case_kind::send && std::is_invocable_v<decltype((c.then)), bool>) {
      c.then(status == CW_OK);
    } else {
      if (Case::kind == case_kind::send && status != CW_OK)
        fail(CW_E_CLOSED, "select: the channel of an on_send() is closed, and its function does not take a bool");
      c.then();
    }
  }

  static const char* why(cw_status status) noexcept {
    return status == CW_E_CANCELLED ? "select: the waiting green thread was asked to stop" : cw_status_text(status);
  }

  std::tuple<Cases&...> cases_;
};

}  // namespace causeway

#endif  // CAUSEWAY_SELECT_HPP
