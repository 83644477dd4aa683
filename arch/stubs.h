/* SPDX-License-Identifier: MIT */
/*
 * The table of stubs: code pointers that lead to data of their own. Shared by assembly and C++; arch.hpp has the contract.
 *
 * On a CPU without a table (only arch/portable on other machines than these two) there are none.
 */
#pragma once

#define CW_ARCH_STUB_DATA_BYTES 192
#if defined(__x86_64__)
#define CW_ARCH_STUBS 256
#define CW_ARCH_STUB_BYTES 16
#elif defined(__aarch64__)
#define CW_ARCH_STUBS 256
#define CW_ARCH_STUB_BYTES 32
#else
#define CW_ARCH_STUBS 0
#define CW_ARCH_STUB_BYTES 16
#endif
