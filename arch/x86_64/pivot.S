// SPDX-License-Identifier: MIT
//
// Pivot: a nested call on another stack, x86-64 System V.    Tested by tests/cpp/arch/pivot_test.cc, unwind_test.cc, tests/gdb/pivot.sh
//   void* cw_arch_pivot(void* stack_high /*rdi*/, void* (*fn)(void*) /*rsi*/, void* argument /*rdx*/)
// Saves      nothing but rsp and the frame pointer; everything else is fn's to keep, as in any call
// Stack      caller's: return address, rbp, return address to the outer frame
//            other's:  high-0x08 unused   high-0x10 the caller's rsp (saved_rsp below)   then fn's frames
// Frames     rbp keeps pointing at the outer frame's record while fn runs: a frame-pointer walk steps from fn's record there
// Unwind     two frames, see below; right at every instruction, because rsp changes once each way
// Unwinding  lands in the frame that changes stacks, which goes to the caller's stack, tells cw_arch_unwound_out or _in (arch.hpp), and goes on
// Hardening  endbr64 at entry; call and ret stay paired
//
// Why two frames. gdb takes a caller that lies below its callee for a broken stack, except next to a signal frame; so the frame
// that changes stacks is marked as one. But what a signal frame returns to is taken for an interrupted instruction: its address is
// looked up as it is, not one byte before, and a call at the end of a try block would miss its handler. So an ordinary frame
// stands between the signal frame and our caller. For the same reason a nop follows each call: a return address that is looked
// up as it is must still lie inside the function, on a row that tells the same as the call's.
#include "arch/x86_64/function.h"
#include "arch/landing.h"

// Where the unwinding of fn lands: goes to the caller's stack, tells \hook, and goes on.
        .macro  landing_pad hook
        // Unwinding. rsp: on the other stack, as after the call. rax: the exception.
        .cfi_escape 0x0f, 5, 0x77, 0x00, 0x06, 0x23, 0x08
        endbr64
        leaq    16(%rsp), %rsi
        movq    (%rsp), %rsp
        .cfi_def_cfa %rsp, 8
        // rsp: as on entry, on the caller's stack.
        pushq   %rax
        .cfi_def_cfa_offset 16
        movq    \hook(%rip), %rdx
        testq   %rdx, %rdx
        je      1f
        movq    %rax, %rdi
        call    *%rdx
1:      movq    (%rsp), %rdi
        call    _Unwind_Resume@PLT
        ud2
        .endm

CW_FUNCTION(cw_arch_pivot)
        .cfi_startproc
        endbr64
        pushq   %rbp
        .cfi_def_cfa_offset 16
        .cfi_offset %rbp, -16
        movq    %rsp, %rbp
        .cfi_def_cfa_register %rbp
        call    cw_arch_pivot_inner
        nop
        popq    %rbp
        .cfi_def_cfa %rsp, 8
        ret
        .cfi_endproc
CW_FUNCTION_END(cw_arch_pivot)

CW_FUNCTION(cw_arch_pivot_inner)
        .cfi_startproc
        .cfi_signal_frame
        CW_LANDS(.Linner)
        // rsp: return address to the outer frame. rdi: the other stack's end, to be rounded down to 16.
        andq    $-16, %rdi
        movq    %rsp, -16(%rdi)
        leaq    -16(%rdi), %rsp
        // CFA = saved_rsp + 8: DW_CFA_def_cfa_expression, 5 bytes: DW_OP_breg7 (rsp) +0, DW_OP_deref, DW_OP_plus_uconst 8.
        .cfi_remember_state
        .cfi_escape 0x0f, 5, 0x77, 0x00, 0x06, 0x23, 0x08
        movq    %rdx, %rdi
        // rsp: 16-aligned, on the other stack. rbp: the outer frame's record, on the caller's.
.Linner_call:
        call    *%rsi
.Linner_back:
        nop
        movq    (%rsp), %rsp
        .cfi_restore_state
        ret
.Linner_pad:
        landing_pad cw_arch_unwound_out
        .cfi_endproc
CW_FUNCTION_END(cw_arch_pivot_inner)
CW_LANDING_TABLE(.Linner, cw_arch_pivot_inner)

// For debuggers: a pointer, because a label inside a function would take the rest of its addresses from its name.
        .section .data.rel.ro.local, "aw", @progbits
        .p2align 3
        .globl  cw_arch_pivot_back
        .hidden cw_arch_pivot_back
        .type   cw_arch_pivot_back, @object
        .size   cw_arch_pivot_back, 8
cw_arch_pivot_back:
        .quad   .Linner_back

// cw_arch_pivot_inner with three arguments, which stay where they are: uint64_t cw_arch_pivot_words(a, b, c, stack_high /*rcx*/, fn /*r8*/)
CW_FUNCTION(cw_arch_pivot_words)
        .cfi_startproc
        .cfi_signal_frame
        CW_LANDS(.Lwords)
        movq    %rsp, -16(%rcx)
        leaq    -16(%rcx), %rsp
        .cfi_remember_state
        .cfi_escape 0x0f, 5, 0x77, 0x00, 0x06, 0x23, 0x08
.Lwords_call:
        call    *%r8
.Lwords_back:
        nop
        movq    (%rsp), %rsp
        .cfi_restore_state
        ret
.Lwords_pad:
        landing_pad cw_arch_unwound_in
        .cfi_endproc
CW_FUNCTION_END(cw_arch_pivot_words)
CW_LANDING_TABLE(.Lwords, cw_arch_pivot_words)

        CW_PERSONALITY

CW_OBJECT_NOTES
