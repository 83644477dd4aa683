// SPDX-License-Identifier: MIT
//
// Rows call-out/run-time-*: a call whose signature is known at run time only, on a green thread, beside ffi_call of the same function in the same
// process.
//
// Isolated: the handle's lookup, the arguments, the crossing. Baseline: ffi_call on the green thread's own stack, with no crossing. Both store the
// result where the next call finds an argument.
#include <ffi.h>

#include "bench/causeway/rows.hpp"

struct cw_bench_pair {
  double a;
  long b;
};
extern "C" {
int cw_bench_ints(int a, int b, int c);
double cw_bench_floats(double a, double b, double c);
cw_bench_pair cw_bench_struct(cw_bench_pair pair, int more);
long cw_bench_stack(long a, long b, long c, long d, long e, long f, long g, long h, long i, long j);
}

namespace bench {
namespace {

using Code = void (*)();

struct Case {
  const char* signature;
  Code code;
  ffi_type* result;
  ffi_type** types;
  unsigned n;
  void** args;
  void* into;
};

cw_function function;
ffi_cif cif;
Case current;

void ours(std::uint64_t rounds) {
  for (std::uint64_t i = 0; i < rounds; ++i) cw_function_call(function, current.into, current.args);
}
void libffi(std::uint64_t rounds) {
  for (std::uint64_t i = 0; i < rounds; ++i) ffi_call(&cif, current.code, current.into, current.args);
}

template <class F>
Code code_of(F* f) {
  return reinterpret_cast<Code>(f);
}

void measure(const Run& run, const Case& chosen) {
  causeway::runtime runtime{options_of(run)};
  current = chosen;
  double ns = 0;
  double ffi_ns = 0;
  if (ffi_prep_cif(&cif, FFI_DEFAULT_ABI, chosen.n, chosen.result, chosen.types) != FFI_OK ||
      cw_function_create(chosen.signature, chosen.code, CW_QUICK, &function) != CW_OK) {
    std::fprintf(stderr, "%s\n", cw_last_error());
    std::exit(1);
  }
  on_green([&] {
    ns = ns_per_round(run, ours, 1);
    ffi_ns = ns_per_round(run, libffi, 1);
  });
  cw_function_close(function);
  print(run, "causeway", ns, 0, {{"ffi_ns", ffi_ns}, {"loop_ns", loop_ns()}});
}

}  // namespace

void call_out_run_time_row(const Run& run) {
  alignas(16) unsigned char into[32]{};
  if (run.variant == "run-time-ints") {
    int b = 1;
    ffi_type* types[] = {&ffi_type_sint32, &ffi_type_sint32, &ffi_type_sint32};
    void* args[] = {into, &b, &b};  // int as libffi leaves it, widened: its low half is the next argument
    measure(run, {"i32(i32, i32, i32)", code_of(cw_bench_ints), &ffi_type_sint32, types, 3, args, into});
  } else if (run.variant == "run-time-floats") {
    double b = 1;
    ffi_type* types[] = {&ffi_type_double, &ffi_type_double, &ffi_type_double};
    void* args[] = {into, &b, &b};
    measure(run, {"f64(f64, f64, f64)", code_of(cw_bench_floats), &ffi_type_double, types, 3, args, into});
  } else if (run.variant == "run-time-struct") {
    int more = 1;
    ffi_type* members[] = {&ffi_type_double, &ffi_type_sint64, nullptr};
    ffi_type pair{0, 0, FFI_TYPE_STRUCT, members};
    ffi_type* types[] = {&pair, &ffi_type_sint32};
    void* args[] = {into, &more};
    measure(run, {"{f64, i64}({f64, i64}, i32)", code_of(cw_bench_struct), &pair, types, 2, args, into});
  } else if (run.variant == "run-time-stack") {
    long b = 1;
    ffi_type* types[10];
    void* args[10];
    for (int i = 0; i < 10; ++i) types[i] = &ffi_type_sint64, args[i] = i == 0 ? static_cast<void*>(into) : &b;
    measure(run, {"i64(i64,i64,i64,i64,i64,i64,i64,i64,i64,i64)", code_of(cw_bench_stack), &ffi_type_sint64, types, 10, args, into});
  } else {
    unknown_row(run);
  }
}

}  // namespace bench
