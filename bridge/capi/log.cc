// SPDX-License-Identifier: MIT
//
// spdlog is included in this file only: it costs seconds to compile. Its logger is made at the first line that goes to stderr and never
// destroyed, since a line may come from a destructor in exit().
#include "bridge/capi/log.hpp"

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <atomic>
#include <memory>
#include <new>

#include "causeway/causeway.h"
#include "runtime/base/base.hpp"

namespace causeway::capi {

namespace {

struct Log {
  std::atomic<int> level{CW_LOG_WARN};
  base::Lock lock{base::LockRank::Log};  // one line at a time; cw_log_set() waits for it
  // --- guarded by lock ---
  cw_log_fn fn = nullptr;
  void* arg = nullptr;
  spdlog::logger* logger = nullptr;
};
constinit Log state;
CW_STATIC_LOCK(state.lock);

spdlog::logger* make_logger() noexcept {
  try {
    auto logger = std::make_unique<spdlog::logger>("causeway", std::make_shared<spdlog::sinks::stderr_sink_st>());
    logger->set_level(spdlog::level::trace);  // the level is ours
    logger->set_pattern("%Y-%m-%d %H:%M:%S.%e %n %l: %v");
    return logger.release();
  } catch (...) { return nullptr; }
}

void sink(base::LogLevel level, std::string_view text) noexcept {
  // relaxed: a filter.
  if (static_cast<int>(level) < state.level.load(std::memory_order_relaxed)) return;
  base::LockGuard guard(state.lock);
  if (state.fn != nullptr) {
    state.fn(static_cast<int>(level), text.data(), text.size(), state.arg);
    return;
  }
  if (state.logger == nullptr) state.logger = make_logger();
  if (state.logger == nullptr) return;
  state.logger->log(static_cast<spdlog::level::level_enum>(level), spdlog::string_view_t(text.data(), text.size()));
}

}  // namespace

void start_log(int level) noexcept {
  state.level.store(level, std::memory_order_relaxed);
  base::set_log_threshold(level);
  base::set_log_sink(&sink);
}

}  // namespace causeway::capi

extern "C" cw_status cw_log_set(cw_log_fn fn, void* arg) {
  causeway::base::LockGuard guard(causeway::capi::state.lock);
  causeway::capi::state.fn = fn;
  causeway::capi::state.arg = arg;
  return CW_OK;
}
