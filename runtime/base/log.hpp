// SPDX-License-Identifier: MIT
//
// The one log slot. Lower rows say what happened; bridge/capi puts the sink behind it (the host's hook or spdlog).
//
// Nothing logs on a hot path, in a signal handler or while a scheduler lock is held: a sink may block or allocate.
#pragma once

#include <atomic>
#include <string_view>

namespace causeway::base {

enum class LogLevel : int { Trace = 0, Debug = 1, Info = 2, Warn = 3, Error = 4, Off = 6 };

using LogSink = void (*)(LogLevel level, std::string_view text) noexcept;

namespace detail {
// release/acquire: the sink's own state is set up before the pointer is published.
inline std::atomic<LogSink> log_sink{nullptr};
}  // namespace detail

namespace detail {
inline std::atomic<int> log_threshold{static_cast<int>(LogLevel::Warn)};
}  // namespace detail

// What the sink lets pass: whoever has to work for a text asks first. relaxed: a filter.
inline void set_log_threshold(int level) noexcept { detail::log_threshold.store(level, std::memory_order_relaxed); }
inline bool log_wanted(LogLevel level) noexcept { return static_cast<int>(level) >= detail::log_threshold.load(std::memory_order_relaxed); }

inline void set_log_sink(LogSink sink) noexcept { detail::log_sink.store(sink, std::memory_order_release); }

// Stack: any with a few KiB. Blocks: as the sink does. Signal-safe: no.
inline void log(LogLevel level, std::string_view text) noexcept {
  // acquire: pairs with set_log_sink().
  if (const LogSink sink = detail::log_sink.load(std::memory_order_acquire)) sink(level, text);
}

}  // namespace causeway::base
