// SPDX-License-Identifier: MIT
//
// Rows call-in/run-time-*: a call of a code pointer whose signature is known at run time only, by a thread of a host, beside one of a closure of libffi with the
// same body, in the same process. Isolated: the stub, the crossing. Both go through libffi's entry for closures.
//
// Rows call-out/run-time-*: a call whose signature is known at run time only, on a green thread, beside ffi_call of the same function in the same
// process.
//
// Isolated: the handle's lookup, the arguments, the crossing. Baseline: ffi_call on the green thread's own stack, with no crossing. Both store the
// result where the next call finds an argument.
#include <ffi.h>

#include "bench/causeway/rows.hpp"
#include "bench/common/calls.hpp"

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

// --- calls in ---

void int_body(void* result, void** args, void*) { *static_cast<int*>(result) = *static_cast<int*>(args[0]) + 1; }
void float_body(void* result, void** args, void*) {
  *static_cast<double*>(result) = *static_cast<double*>(args[0]) + *static_cast<double*>(args[1]);
}
void struct_body(void* result, void** args, void*) {
  const auto& pair = *static_cast<cw_bench_pair*>(args[0]);
  *static_cast<cw_bench_pair*>(result) = {pair.a, pair.b + *static_cast<int*>(args[1])};
}
// As libffi wants it: an int result fills an ffi_arg.
void raw_int(ffi_cif*, void* result, void** args, void*) {
  *static_cast<ffi_arg*>(result) = static_cast<ffi_arg>(*static_cast<int*>(args[0]) + 1);
}
void raw_float(ffi_cif*, void* result, void** args, void*) { float_body(result, args, nullptr); }
void raw_struct(ffi_cif*, void* result, void** args, void*) { struct_body(result, args, nullptr); }

template <class Type>
using Closed = Type* volatile;

void int_rounds(Code code, std::uint64_t rounds) { call_rounds(reinterpret_cast<Target>(code), rounds); }
void float_rounds(Code code, std::uint64_t rounds) {
  Closed<double(double, double)> p = reinterpret_cast<double (*)(double, double)>(code);
  double s = 0;
  for (std::uint64_t i = 0; i < rounds; ++i) s = p(s, 1.0);
  must_have_counted(static_cast<int>(static_cast<std::uint64_t>(s)), rounds);
}
void struct_rounds(Code code, std::uint64_t rounds) {
  Closed<cw_bench_pair(cw_bench_pair, int)> p = reinterpret_cast<cw_bench_pair (*)(cw_bench_pair, int)>(code);
  cw_bench_pair s{0, 0};
  for (std::uint64_t i = 0; i < rounds; ++i) s = p(s, 1);
  must_have_counted(static_cast<int>(s.b), rounds);
}

struct CaseIn {
  const char* signature;
  cw_callback_body body;
  void (*raw)(ffi_cif*, void*, void**, void*);
  ffi_type* result;
  ffi_type** types;
  unsigned n;
  void (*rounds)(Code, std::uint64_t);
};

void measure_in(const Run& run, const CaseIn& chosen) {
  causeway::runtime runtime{options_of(run)};
  cw_callback callback = 0;
  Code code = nullptr;
  void* raw_code = nullptr;
  auto* closure = static_cast<ffi_closure*>(ffi_closure_alloc(sizeof(ffi_closure), &raw_code));
  if (closure == nullptr || ffi_prep_cif(&cif, FFI_DEFAULT_ABI, chosen.n, chosen.result, chosen.types) != FFI_OK ||
      ffi_prep_closure_loc(closure, &cif, chosen.raw, nullptr, raw_code) != FFI_OK ||
      cw_callback_create(chosen.signature, chosen.body, nullptr, nullptr, &callback) != CW_OK ||
      cw_callback_code(callback, &code) != CW_OK) {
    std::fprintf(stderr, "%s\n", cw_last_error());
    std::exit(1);
  }
  double ns = 0;
  double ffi_ns = 0;
  std::thread([&] {
    ns = ns_per_round(run, [&](std::uint64_t rounds) { chosen.rounds(code, rounds); });
    ffi_ns = ns_per_round(run, [&](std::uint64_t rounds) { chosen.rounds(reinterpret_cast<Code>(raw_code), rounds); });
  }).join();
  cw_callback_close(callback);
  ffi_closure_free(closure);
  print(run, "causeway", ns, 0, {{"ffi_ns", ffi_ns}, {"loop_ns", loop_ns()}});
}

}  // namespace

void call_in_run_time_row(const Run& run) {
  ffi_type* members[] = {&ffi_type_double, &ffi_type_sint64, nullptr};
  ffi_type pair{0, 0, FFI_TYPE_STRUCT, members};
  ffi_type* ints[] = {&ffi_type_sint32};
  ffi_type* floats[] = {&ffi_type_double, &ffi_type_double};
  ffi_type* structs[] = {&pair, &ffi_type_sint32};
  if (run.variant == "run-time-ints") measure_in(run, {"i32(i32)", int_body, raw_int, &ffi_type_sint32, ints, 1, int_rounds});
  else if (run.variant == "run-time-floats")
    measure_in(run, {"f64(f64, f64)", float_body, raw_float, &ffi_type_double, floats, 2, float_rounds});
  else if (run.variant == "run-time-struct")
    measure_in(run, {"{f64, i64}({f64, i64}, i32)", struct_body, raw_struct, &pair, structs, 2, struct_rounds});
  else unknown_row(run);
}

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
