// SPDX-License-Identifier: MIT
//
// Row closure/create-close: a callback with state is made, its code pointer taken, and closed, without a call. Beside it, in the same run, what libffi
// takes for its own closure: ffi_closure_alloc, ffi_prep_closure_loc, ffi_closure_free (ffi_ns), of the same signature.
#include <ffi.h>

#include "bench/causeway/rows.hpp"

namespace bench {
namespace {

void make_ours(std::uint64_t rounds) {
  for (std::uint64_t i = 0; i < rounds; ++i) {
    const causeway::callback<int(int)> cb{[i](int value) { return value + static_cast<int>(i); }};
    asm volatile("" : : "r"(cb.code()));
  }
}

void ffi_target(ffi_cif*, void* result, void** args, void*) { *static_cast<ffi_arg*>(result) = *static_cast<unsigned*>(args[0]) + 1; }

void make_ffi(std::uint64_t rounds) {
  ffi_cif cif;
  ffi_type* types[] = {&ffi_type_sint32};
  if (ffi_prep_cif(&cif, FFI_DEFAULT_ABI, 1, &ffi_type_sint32, types) != FFI_OK) { std::abort(); }
  for (std::uint64_t i = 0; i < rounds; ++i) {
    void* code = nullptr;
    auto* closure = static_cast<ffi_closure*>(ffi_closure_alloc(sizeof(ffi_closure), &code));
    if (closure == nullptr || ffi_prep_closure_loc(closure, &cif, &ffi_target, nullptr, code) != FFI_OK) { std::abort(); }
    asm volatile("" : : "r"(code));
    ffi_closure_free(closure);
  }
}

}  // namespace

void closure_row(const Run& run) {
  causeway::runtime runtime{options_of(run)};
  const double ffi = ns_per_round(run, make_ffi);
  print(run, "causeway", ns_per_round(run, make_ours), 0, {{"ffi_ns", ffi}, {"loop_ns", loop_ns()}});
}

}  // namespace bench
