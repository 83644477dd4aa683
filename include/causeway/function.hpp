// SPDX-License-Identifier: MIT
//
// causeway::function<R(A...)>: a C function whose address is found at run time, called like causeway::call.
//
//   causeway::function<double(double)> cosine{dlsym(library, "cos"), CW_LEAF};
//   double one = cosine(0.0);
//
// The type is the programmer's word: nothing can check it. For signatures that only the run time knows there is cw_function_create().
#ifndef CAUSEWAY_FUNCTION_HPP
#define CAUSEWAY_FUNCTION_HPP

#include <causeway/call.hpp>
#include <causeway/result.hpp>

#include <utility>

namespace causeway {

template <class Signature>
class function;

// A pointer and a kind; copies are as good as the original. The symbol must stay callable while calls are made.
template <class R, class... A>
class function<R(A...)> {
 public:
  using pointer = R (*)(A...);

  // kind is an enum cw_call_kind.
  // Throws error: CW_E_INVALID (symbol is null, as from a dlsym() that found nothing, or there is no such kind).
  explicit function(void* symbol, int kind = CW_QUICK) : function(reinterpret_cast<pointer>(symbol), kind) {}
  explicit function(pointer symbol, int kind = CW_QUICK) : symbol_(symbol), kind_(kind) {
    if (symbol == nullptr) detail::fail(CW_E_INVALID, "causeway::function: the symbol is null");
    if (kind < CW_LEAF || kind > CW_BLOCKING) detail::fail(CW_E_INVALID, "causeway::function: kind is CW_LEAF, CW_QUICK or CW_BLOCKING");
  }
  explicit function(std::nullptr_t, int kind = CW_QUICK) : function(pointer(nullptr), kind) {}

  static result<function> try_make(void* symbol, int kind = CW_QUICK) {
    try {
      return function(symbol, kind);
    } catch (const error& e) { return e.status(); }
  }

  // As call(), call_leaf() and call_blocking(): what it throws comes out.
  R operator()(A... args) const {
    if (kind_ == CW_LEAF) return call_leaf(symbol_, std::forward<A>(args)...);
    return detail::call_out(kind_, symbol_, std::forward<A>(args)...);
  }

  pointer get() const noexcept { return symbol_; }
  int kind() const noexcept { return kind_; }

 private:
  pointer symbol_;
  int kind_;
};

template <class R, class... A>
function(R (*)(A...)) -> function<R(A...)>;
template <class R, class... A>
function(R (*)(A...), int) -> function<R(A...)>;

}  // namespace causeway

#endif  // CAUSEWAY_FUNCTION_HPP
