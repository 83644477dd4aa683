/* SPDX-License-Identifier: MIT
 *
 * The static chain register: how a code pointer that the library makes tells the function that it leads to which one it is. Nobody includes this but the
 * library and its templates. C11, and valid C++.
 *
 * A stub (arch/) puts an address into the register that the ABI has for this (r10 on x86-64, x18 on AArch64) and jumps to a function, whose first act is
 * CW_CHAIN_READ. Nothing may have used the register before: so such a function is CW_CHAIN_FUNCTION, which keeps every instrumentation away, reads the
 * register and calls or jumps to another one, and no more. It has no local of more than the usual alignment: a compiler that must align the stack by itself
 * may take r10 for that.
 */
#ifndef CAUSEWAY_CHAIN_H
#define CAUSEWAY_CHAIN_H

#if defined(__x86_64__)
#define CW_CHAIN 1
#define CW_CHAIN_READ(to) __asm__ volatile("movq %%r10, %0" : "=r"(to) : : "r10", "memory")
#elif defined(__aarch64__)
#define CW_CHAIN 1
#define CW_CHAIN_READ(to) __asm__ volatile("mov %0, x18" : "=r"(to) : : "x18", "memory")
#else
#define CW_CHAIN 0
#define CW_CHAIN_READ(to) (to) = 0
#endif

#if defined(__clang__)
#define CW_CHAIN_FUNCTION                                                                                                                 \
  __attribute__((noinline, no_instrument_function, no_stack_protector, no_profile_instrument_function, disable_sanitizer_instrumentation, \
                 no_sanitize("address", "thread", "undefined", "function", "coverage")))
#else
#define CW_CHAIN_FUNCTION                                                                                                 \
  __attribute__((noipa, no_instrument_function, no_stack_protector, no_profile_instrument_function, no_sanitize_coverage, \
                 no_sanitize("address,thread,undefined")))
#endif

#endif /* CAUSEWAY_CHAIN_H */
