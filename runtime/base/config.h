/* SPDX-License-Identifier: MIT
 *
 * Facts about the compiler, the CPU and the build, tested once, as 0/1 values for #if under -Wundef; and the attributes we use.
 * Every row may include this file directly.
 */
#pragma once

/* --- Sanitizers: gcc defines a macro, clang answers __has_feature --- */
#if defined(__has_feature)
#define CW_HAS_FEATURE(name) __has_feature(name)
#else
#define CW_HAS_FEATURE(name) 0
#endif

#if defined(__SANITIZE_ADDRESS__) || CW_HAS_FEATURE(address_sanitizer)
#define CW_ASAN 1
#else
#define CW_ASAN 0
#endif

#if defined(__SANITIZE_THREAD__) || CW_HAS_FEATURE(thread_sanitizer)
#define CW_TSAN 1
#else
#define CW_TSAN 0
#endif

#undef CW_HAS_FEATURE

/* --- The CPU layer that was chosen: meson.build says so (option cpu), else it is the compiler's target --- */
#if defined(CW_CPU_PORTABLE)
#define CW_ARCH_PORTABLE 1
#define CW_ARCH_X86_64 0
#define CW_ARCH_AARCH64 0
#elif defined(CW_CPU_X86_64) || (!defined(CW_CPU_AARCH64) && defined(__x86_64__))
#define CW_ARCH_PORTABLE 0
#define CW_ARCH_X86_64 1
#define CW_ARCH_AARCH64 0
#elif defined(CW_CPU_AARCH64) || defined(__aarch64__)
#define CW_ARCH_PORTABLE 0
#define CW_ARCH_X86_64 0
#define CW_ARCH_AARCH64 1
#else
#define CW_ARCH_PORTABLE 1
#define CW_ARCH_X86_64 0
#define CW_ARCH_AARCH64 0
#endif

/* --- Checks that cost time: on in debug and sanitizer builds (meson.build) --- */
#if !defined(CW_DEBUG_CHECKS)
#define CW_DEBUG_CHECKS 0
#endif

/* --- Attributes --- */
#define CW_NOINLINE __attribute__((noinline))
#define CW_COLD __attribute__((cold, noinline))
#define CW_ALWAYS_INLINE inline __attribute__((always_inline))

/* A function that no compiler looks into: not inlined, not cloned, its result not reused from an earlier call, also under LTO. For reads of
 * thread-locals, whose address must never live across a switch. clang has no noipa: there the body starts with CW_OPAQUE_BODY(). */
#if defined(__clang__)
#define CW_OPAQUE __attribute__((noinline))
#else
#define CW_OPAQUE __attribute__((noipa))
#endif
#define CW_OPAQUE_BODY() __asm__ volatile("" ::: "memory")

/* Beside gnu::used, in [[]]: the linker keeps what nobody refers to. */
#if __has_attribute(retain)
#define CW_RETAIN gnu::retain
#else
#define CW_RETAIN
#endif
