// SPDX-License-Identifier: MIT
//
// causeway::error: what the C++ functions throw. A std::system_error in the category "causeway", whose values are cw_status.
//
//   try { worker.join(); } catch (const causeway::error& e) { if (e.code() == CW_E_CANCELLED) return; }
#ifndef CAUSEWAY_ERROR_HPP
#define CAUSEWAY_ERROR_HPP

#include <causeway/abi.h>

#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>

namespace causeway {

// The category of all errors of the library. Categories compare by address, and two shared objects may each hold one, so
// compare codes with `e.code() == CW_E_...` or e.status() rather than categories.
class error_category_type final : public std::error_category {
 public:
  const char* name() const noexcept override { return "causeway"; }
  std::string message(int value) const override { return cw_status_text(static_cast<cw_status>(value)); }
  bool equivalent(const std::error_code& code, int value) const noexcept override {
    return code.value() == value && std::string_view(code.category().name()) == "causeway";
  }
};

inline const std::error_category& error_category() noexcept {
  static const error_category_type category;
  return category;
}

class error : public std::system_error {
 public:
  // With the text of the call that failed last on this green thread or thread.
  explicit error(cw_status status) : error(status, cw_last_error()) {}
  error(cw_status status, const std::string& text)
      : std::system_error(static_cast<int>(status), error_category(), text.empty() ? cw_status_name(status) : text) {}

  cw_status status() const noexcept { return static_cast<cw_status>(code().value()); }
};

namespace detail {

[[noreturn, gnu::cold, gnu::noinline]] inline void fail(cw_status status) { throw error(status); }

// For what the header itself finds wrong: the text is also left for cw_last_error().
[[noreturn, gnu::cold, gnu::noinline]] inline void fail(cw_status status, const char* text) {
  cw_abi_set_last_error(status, text);
  throw error(status, text);
}

inline void check(cw_status status) {
  if (status != CW_OK) [[unlikely]]
    fail(status);
}

}  // namespace detail
}  // namespace causeway

// A cw_status is an error code of the category above: `std::error_code c = CW_E_TIMEOUT;`.
template <>
struct std::is_error_code_enum<cw_status> : std::true_type {};

// In the namespace of cw_status, where std::error_code looks for it.
inline std::error_code make_error_code(cw_status status) noexcept { return {static_cast<int>(status), causeway::error_category()}; }

#endif  // CAUSEWAY_ERROR_HPP
