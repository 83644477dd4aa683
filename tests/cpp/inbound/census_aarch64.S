// SPDX-License-Identifier: MIT
//
// What census.hpp needs of the CPU, AArch64: a system call whose address is known, so that a filter lets it pass.
//   long cw_test_trusted_syscall(long number /*x0*/, long a /*x1*/, b /*x2*/, c /*x3*/, d /*x4*/, e /*x5*/, f /*x6*/)
#include "arch/aarch64/function.h"

CW_FUNCTION(cw_test_trusted_syscall)
        .cfi_startproc
        CW_BTI_C
        mov     x8, x0
        mov     x0, x1
        mov     x1, x2
        mov     x2, x3
        mov     x3, x4
        mov     x4, x5
        mov     x5, x6
        svc     #0
        .globl  cw_test_trusted_return
        .hidden cw_test_trusted_return
cw_test_trusted_return:
        ret
        .cfi_endproc
CW_FUNCTION_END(cw_test_trusted_syscall)

CW_OBJECT_NOTES
