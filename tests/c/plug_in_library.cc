// SPDX-License-Identifier: MIT
//
// A plug-in that is unloaded with callbacks that its host holds still: for plug_in.c.
#include <causeway/causeway.hpp>

#include <cstring>
#include <optional>

namespace {

// A plug-in whose registrations live until its end: some are closed by their owner before, some by its static destructors.
struct PlugIn {
  causeway::owner reader{"reader"}, writer{"writer"};
  std::optional<causeway::callback<int(int)>> on_row, on_write;
};
std::optional<PlugIn> plug_in;

}  // namespace

extern "C" {

[[gnu::visibility("default")]] int plug_in_begin(int (*body)(int), cw_log_fn log, int (**on_row)(int), int (**on_write)(int));
[[gnu::visibility("default")]] int plug_in_is_busy();
[[gnu::visibility("default")]] int plug_in_close();
[[gnu::visibility("default")]] int plug_in_end();

int plug_in_begin(int (*body)(int), cw_log_fn log, int (**on_row)(int), int (**on_write)(int)) {
  if (cw_runtime_start(nullptr) != CW_OK || cw_log_set(log, nullptr) != CW_OK) return 1;
  plug_in.emplace();
  const auto calls_body = [body](int x) { return causeway::call(body, x); };
  plug_in->on_row.emplace(calls_body, causeway::on_exception::return_value(-7),
                          causeway::callback_options{.name = "on_row", .owned_by = &plug_in->reader});
  plug_in->on_write.emplace(calls_body, causeway::on_exception::return_value(-8),
                            causeway::callback_options{.name = "on_write", .owned_by = &plug_in->writer});
  *on_row = plug_in->on_row->code();
  *on_write = plug_in->on_write->code();
  return 0;
}

// Closed, and not at its end: somebody is inside, and is named.
int plug_in_is_busy() {
  return cw_owner_close(plug_in->reader.raw(), 1'000'000) == CW_E_TIMEOUT && std::strstr(cw_last_error(), "on_row") != nullptr ? 1 : 0;
}

int plug_in_close() {
  plug_in->reader.close();
  return 0;
}

int plug_in_end() { return static_cast<int>(cw_runtime_stop(CW_FOREVER)); }
}
