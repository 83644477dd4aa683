// SPDX-License-Identifier: MIT
//
// What census.hpp needs of the CPU, x86-64: a system call whose address is known, so that a filter lets it pass.
//   long cw_test_trusted_syscall(long number /*rdi*/, long a /*rsi*/, b /*rdx*/, c /*rcx*/, d /*r8*/, e /*r9*/, f /*on the stack*/)
#include "arch/x86_64/function.h"

CW_FUNCTION(cw_test_trusted_syscall)
        .cfi_startproc
        endbr64
        movq    %rdi, %rax
        movq    %rsi, %rdi
        movq    %rdx, %rsi
        movq    %rcx, %rdx
        movq    %r8, %r10
        movq    %r9, %r8
        movq    8(%rsp), %r9
        syscall
        .globl  cw_test_trusted_return
        .hidden cw_test_trusted_return
cw_test_trusted_return:
        ret
        .cfi_endproc
CW_FUNCTION_END(cw_test_trusted_syscall)

CW_OBJECT_NOTES
