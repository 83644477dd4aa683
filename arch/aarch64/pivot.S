// SPDX-License-Identifier: MIT
//
// Pivot: a nested call on another stack, AArch64 (AAPCS64).    Tested by tests/cpp/arch/pivot_test.cc, unwind_test.cc
//   void* cw_arch_pivot(void* stack_high /*x0*/, void* (*fn)(void*) /*x1*/, void* argument /*x2*/)
// Saves      nothing but sp, the frame pointer and the return addresses; everything else is fn's to keep, as in any call
// Stack      caller's: x29 x30 of the outer frame
//            other's:  high-0x08 return address to the outer frame   high-0x10 the caller's sp (saved_sp)   then fn's frames
// Frames     x29 keeps pointing at the outer frame's record while fn runs: a frame-pointer walk steps from fn's record there
// Unwind     two frames, for the reasons that arch/x86_64/pivot.S gives; a nop after each call
// Unwinding  as on x86_64: lands in the frame that changes stacks, goes to the caller's stack, tells cw_arch_unwound_out or _in, and goes on
// Hardening  bti c at entry; return addresses are not signed
#include "arch/aarch64/function.h"
#include "arch/landing.h"

// Where the unwinding of fn lands: goes to the caller's stack, tells \hook, and goes on.
        .macro  landing_pad hook
        // Unwinding. sp: on the other stack, as after the call. x0: the exception.
        .cfi_escape 0x0f, 3, 0x8f, 0x00, 0x06
        .cfi_escape 0x10, 30, 2, 0x8f, 0x08
        hint    #36
        add     x1, sp, #16
        ldp     x3, x30, [sp]
        mov     sp, x3
        .cfi_def_cfa sp, 0
        .cfi_restore x30
        // sp, x30: as on entry, on the caller's stack.
        stp     x0, x30, [sp, #-16]!
        .cfi_def_cfa_offset 16
        .cfi_offset x30, -8
        adrp    x3, \hook
        ldr     x3, [x3, :lo12:\hook]
        cbz     x3, 1f
        blr     x3
1:      ldr     x0, [sp]
        bl      _Unwind_Resume
        brk     #1
        .endm

CW_FUNCTION(cw_arch_pivot)
        .cfi_startproc
        CW_BTI_C
        stp     x29, x30, [sp, #-16]!
        .cfi_def_cfa_offset 16
        .cfi_offset x29, -16
        .cfi_offset x30, -8
        mov     x29, sp
        .cfi_def_cfa_register x29
        bl      cw_arch_pivot_inner
        nop
        .cfi_def_cfa_register sp
        ldp     x29, x30, [sp], #16
        .cfi_restore x29
        .cfi_restore x30
        .cfi_def_cfa_offset 0
        ret
        .cfi_endproc
CW_FUNCTION_END(cw_arch_pivot)

CW_FUNCTION(cw_arch_pivot_inner)
        .cfi_startproc
        .cfi_signal_frame
        CW_LANDS(.Linner)
        // sp: the outer frame's. x30: return address to it. x0: the other stack's end, to be rounded down to 16.
        and     x0, x0, #-16
        mov     x3, sp
        stp     x3, x30, [x0, #-16]!
        mov     sp, x0
        // CFA = saved_sp: DW_CFA_def_cfa_expression, 3 bytes: DW_OP_breg31 (sp) +0, DW_OP_deref.
        // x30 is at sp+8: DW_CFA_expression of register 30, 2 bytes: DW_OP_breg31 +8.
        .cfi_remember_state
        .cfi_escape 0x0f, 3, 0x8f, 0x00, 0x06
        .cfi_escape 0x10, 30, 2, 0x8f, 0x08
        mov     x0, x2
        // sp: 16-aligned, on the other stack. x29: the outer frame's record, on the caller's.
.Linner_call:
        blr     x1
.Linner_back:
        nop
        ldp     x3, x30, [sp]
        mov     sp, x3
        .cfi_restore_state
        ret
.Linner_pad:
        landing_pad cw_arch_unwound_out
        .cfi_endproc
CW_FUNCTION_END(cw_arch_pivot_inner)
CW_LANDING_TABLE(.Linner, cw_arch_pivot_inner)

// For debuggers: a pointer, because a label inside a function would take the rest of its addresses from its name.
        .section .data.rel.ro.local, "aw", %progbits
        .p2align 3
        .globl  cw_arch_pivot_back
        .hidden cw_arch_pivot_back
        .type   cw_arch_pivot_back, %object
        .size   cw_arch_pivot_back, 8
cw_arch_pivot_back:
        .quad   .Linner_back

// cw_arch_pivot_inner with three arguments, which stay where they are: uint64_t cw_arch_pivot_words(a, b, c, stack_high /*x3*/, fn /*x4*/)
CW_FUNCTION(cw_arch_pivot_words)
        .cfi_startproc
        .cfi_signal_frame
        CW_LANDS(.Lwords)
        mov     x5, sp
        stp     x5, x30, [x3, #-16]!
        mov     sp, x3
        .cfi_remember_state
        .cfi_escape 0x0f, 3, 0x8f, 0x00, 0x06
        .cfi_escape 0x10, 30, 2, 0x8f, 0x08
.Lwords_call:
        blr     x4
.Lwords_back:
        nop
        ldp     x3, x30, [sp]
        mov     sp, x3
        .cfi_restore_state
        ret
.Lwords_pad:
        landing_pad cw_arch_unwound_in
        .cfi_endproc
CW_FUNCTION_END(cw_arch_pivot_words)
CW_LANDING_TABLE(.Lwords, cw_arch_pivot_words)

        CW_PERSONALITY

CW_OBJECT_NOTES
