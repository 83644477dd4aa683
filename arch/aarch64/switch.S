// SPDX-License-Identifier: MIT
//
// Stack switch and first entry, AArch64 (AAPCS64).    Tested by tests/cpp/arch/switch_test.cc, registers_test.cc,
//                                                     fp_control_test.cc, unwind_test.cc
//   void* cw_arch_switch(void** save_sp /*x0*/, void* load_sp /*x1*/, void* value /*x2*/)
// Saves      x19-x30, d8-d15 (the low halves of v8-v15, which is all that a callee keeps), fpcr
// Leaves     caller-saved registers, fpsr sticky flags, signal mask, tpidr_el0: the caller's business
// Stack      sp+0x00 fpcr  +0x10 d8 … d15  +0x50 x19 … x28  +0xa0 x29  +0xa8 x30; sp is 16-aligned (layout.h)
// Unwind     right at every instruction: after the frame is down sp changes once, and until then the old stack holds all
// Hardening  bti c at entry; a resumed context is reached by ret, which needs no landing mark; return addresses are not signed
//
// The ABI knows no red zone: sp goes down before anything is written.
#include "arch/aarch64/function.h"
#include "arch/aarch64/layout.h"

CW_FUNCTION(cw_arch_switch)
        .cfi_startproc
        CW_BTI_C
        sub     sp, sp, #CW_AARCH64_FRAME_BYTES
        .cfi_def_cfa_offset CW_AARCH64_FRAME_BYTES
        // sp: the frame to be. x30: our return address.
        mrs     x3, fpcr
        str     x3, [sp, #CW_AARCH64_FRAME_FPCR]
        stp     d8, d9, [sp, #CW_AARCH64_FRAME_D8]
        stp     d10, d11, [sp, #CW_AARCH64_FRAME_D10]
        stp     d12, d13, [sp, #CW_AARCH64_FRAME_D12]
        stp     d14, d15, [sp, #CW_AARCH64_FRAME_D14]
        stp     x19, x20, [sp, #CW_AARCH64_FRAME_X19]
        stp     x21, x22, [sp, #CW_AARCH64_FRAME_X21]
        stp     x23, x24, [sp, #CW_AARCH64_FRAME_X23]
        stp     x25, x26, [sp, #CW_AARCH64_FRAME_X25]
        stp     x27, x28, [sp, #CW_AARCH64_FRAME_X27]
        stp     x29, x30, [sp, #CW_AARCH64_FRAME_FP]
        // From here to the change of sp the registers are the other context's; ours are in the frame. Offsets count from the
        // CFA, the end of the frame: slot - 0xb0.
        .cfi_offset b8, -0xa0
        .cfi_offset b9, -0x98
        .cfi_offset b10, -0x90
        .cfi_offset b11, -0x88
        .cfi_offset b12, -0x80
        .cfi_offset b13, -0x78
        .cfi_offset b14, -0x70
        .cfi_offset b15, -0x68
        .cfi_offset x19, -0x60
        .cfi_offset x20, -0x58
        .cfi_offset x21, -0x50
        .cfi_offset x22, -0x48
        .cfi_offset x23, -0x40
        .cfi_offset x24, -0x38
        .cfi_offset x25, -0x30
        .cfi_offset x26, -0x28
        .cfi_offset x27, -0x20
        .cfi_offset x28, -0x18
        .cfi_offset x29, -0x10
        .cfi_offset x30, -0x08
        mov     x4, sp
        // Not yet a hand-out (INV-AR1): we still run on this stack.
        str     x4, [x0]
        ldr     x5, [x1, #CW_AARCH64_FRAME_FPCR]
        ldp     d8, d9, [x1, #CW_AARCH64_FRAME_D8]
        ldp     d10, d11, [x1, #CW_AARCH64_FRAME_D10]
        ldp     d12, d13, [x1, #CW_AARCH64_FRAME_D12]
        ldp     d14, d15, [x1, #CW_AARCH64_FRAME_D14]
        ldp     x19, x20, [x1, #CW_AARCH64_FRAME_X19]
        ldp     x21, x22, [x1, #CW_AARCH64_FRAME_X21]
        ldp     x23, x24, [x1, #CW_AARCH64_FRAME_X23]
        ldp     x25, x26, [x1, #CW_AARCH64_FRAME_X25]
        ldp     x27, x28, [x1, #CW_AARCH64_FRAME_X27]
        ldp     x29, x30, [x1, #CW_AARCH64_FRAME_FP]
        // Writing fpcr may drain the pipeline; nearly all contexts have the same value.
        cmp     x3, x5
        b.ne    .Lload_fpcr
.Lfpcr_done:
        mov     x0, x2
        add     sp, x1, #CW_AARCH64_FRAME_BYTES
        // sp: as before the other context's call. x30: its return address; all its registers are loaded.
        .cfi_remember_state
        .cfi_def_cfa_offset 0
        .cfi_restore b8
        .cfi_restore b9
        .cfi_restore b10
        .cfi_restore b11
        .cfi_restore b12
        .cfi_restore b13
        .cfi_restore b14
        .cfi_restore b15
        .cfi_restore x19
        .cfi_restore x20
        .cfi_restore x21
        .cfi_restore x22
        .cfi_restore x23
        .cfi_restore x24
        .cfi_restore x25
        .cfi_restore x26
        .cfi_restore x27
        .cfi_restore x28
        .cfi_restore x29
        .cfi_restore x30
        ret
        .cfi_restore_state
.Lload_fpcr:
        msr     fpcr, x5
        b       .Lfpcr_done
        .cfi_endproc
CW_FUNCTION_END(cw_arch_switch)

// First frame of a context. Not called: the first switch returns to cw_arch_start_here (prepare() wrote its address).
// State      sp = stack top, 16-aligned; x29 = 0; x19 = entry; x0 = value of the switch
// Unwind     the return address is undefined: the walk ends here
CW_FUNCTION(cw_arch_start)
        .cfi_startproc
        .cfi_undefined x30
        // A walker that meets the return address looks up the byte before it, which must be ours.
        nop
        .globl  cw_arch_start_here
        .hidden cw_arch_start_here
cw_arch_start_here:
        blr     x19
        brk     #1
        .cfi_endproc
CW_FUNCTION_END(cw_arch_start)

CW_OBJECT_NOTES
