// SPDX-License-Identifier: MIT
//
// Register capture, x86-64 System V.    Tested by tests/cpp/arch/capture_test.cc
//   void cw_arch_capture(Registers* out /*rdi*/)
// Stores     callee-saved registers, rsp as after our return, rbp, our return address
// Leaves     every register but rax
// Hardening  endbr64 at entry
#include "arch/x86_64/function.h"
#include "arch/x86_64/layout.h"

CW_FUNCTION(cw_arch_capture)
        .cfi_startproc
        endbr64
        leaq    8(%rsp), %rax
        movq    %rax, CW_X86_64_REGISTERS_SP(%rdi)
        movq    %rbp, CW_X86_64_REGISTERS_FP(%rdi)
        movq    (%rsp), %rax
        movq    %rax, CW_X86_64_REGISTERS_PC(%rdi)
        movq    %rbx, CW_X86_64_REGISTERS_RBX(%rdi)
        movq    %r12, CW_X86_64_REGISTERS_R12(%rdi)
        movq    %r13, CW_X86_64_REGISTERS_R13(%rdi)
        movq    %r14, CW_X86_64_REGISTERS_R14(%rdi)
        movq    %r15, CW_X86_64_REGISTERS_R15(%rdi)
        ret
        .cfi_endproc
CW_FUNCTION_END(cw_arch_capture)

CW_OBJECT_NOTES
