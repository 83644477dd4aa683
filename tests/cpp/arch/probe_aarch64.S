// SPDX-License-Identifier: MIT
//
// Register probe of the CPU layer's tests, AArch64; probe.hpp declares what is here.
//   void* cw_test_probe(fn /*x0*/, a /*x1*/, b /*x2*/, c /*x3*/, const uint64_t* in /*x4*/, uint64_t* out /*x5*/)
// Fills x19-x29 and d8-d15 from in, calls fn(a, b, c), and stores what the registers hold then to out.
#include "arch/aarch64/function.h"

// Frame: x29 x30, x19-x28, d8-d15, out, and a word to keep sp aligned.
#define FRAME_BYTES 0xb0

CW_FUNCTION(cw_test_probe)
        .cfi_startproc
        CW_BTI_C
        sub     sp, sp, #FRAME_BYTES
        .cfi_def_cfa_offset FRAME_BYTES
        stp     x29, x30, [sp, #0x00]
        stp     x19, x20, [sp, #0x10]
        stp     x21, x22, [sp, #0x20]
        stp     x23, x24, [sp, #0x30]
        stp     x25, x26, [sp, #0x40]
        stp     x27, x28, [sp, #0x50]
        stp     d8, d9, [sp, #0x60]
        stp     d10, d11, [sp, #0x70]
        stp     d12, d13, [sp, #0x80]
        stp     d14, d15, [sp, #0x90]
        str     x5, [sp, #0xa0]
        .cfi_rel_offset x29, 0x00
        .cfi_rel_offset x30, 0x08
        .cfi_rel_offset x19, 0x10
        .cfi_rel_offset x20, 0x18
        .cfi_rel_offset x21, 0x20
        .cfi_rel_offset x22, 0x28
        .cfi_rel_offset x23, 0x30
        .cfi_rel_offset x24, 0x38
        .cfi_rel_offset x25, 0x40
        .cfi_rel_offset x26, 0x48
        .cfi_rel_offset x27, 0x50
        .cfi_rel_offset x28, 0x58
        .cfi_rel_offset b8, 0x60
        .cfi_rel_offset b9, 0x68
        .cfi_rel_offset b10, 0x70
        .cfi_rel_offset b11, 0x78
        .cfi_rel_offset b12, 0x80
        .cfi_rel_offset b13, 0x88
        .cfi_rel_offset b14, 0x90
        .cfi_rel_offset b15, 0x98
        ldp     x19, x20, [x4, #0x00]
        ldp     x21, x22, [x4, #0x10]
        ldp     x23, x24, [x4, #0x20]
        ldp     x25, x26, [x4, #0x30]
        ldp     x27, x28, [x4, #0x40]
        ldr     x29, [x4, #0x50]
        ldp     d8, d9, [x4, #0x58]
        ldp     d10, d11, [x4, #0x68]
        ldp     d12, d13, [x4, #0x78]
        ldp     d14, d15, [x4, #0x88]
        mov     x6, x0
        mov     x0, x1
        mov     x1, x2
        mov     x2, x3
        blr     x6
        ldr     x5, [sp, #0xa0]
        stp     x19, x20, [x5, #0x00]
        stp     x21, x22, [x5, #0x10]
        stp     x23, x24, [x5, #0x20]
        stp     x25, x26, [x5, #0x30]
        stp     x27, x28, [x5, #0x40]
        str     x29, [x5, #0x50]
        stp     d8, d9, [x5, #0x58]
        stp     d10, d11, [x5, #0x68]
        stp     d12, d13, [x5, #0x78]
        stp     d14, d15, [x5, #0x88]
        ldp     x29, x30, [sp, #0x00]
        ldp     x19, x20, [sp, #0x10]
        ldp     x21, x22, [sp, #0x20]
        ldp     x23, x24, [sp, #0x30]
        ldp     x25, x26, [sp, #0x40]
        ldp     x27, x28, [sp, #0x50]
        ldp     d8, d9, [sp, #0x60]
        ldp     d10, d11, [sp, #0x70]
        ldp     d12, d13, [sp, #0x80]
        ldp     d14, d15, [sp, #0x90]
        add     sp, sp, #FRAME_BYTES
        .cfi_def_cfa_offset 0
        .cfi_restore x29
        .cfi_restore x30
        ret
        .cfi_endproc
CW_FUNCTION_END(cw_test_probe)

CW_FUNCTION(cw_test_read_fp_control)
        .cfi_startproc
        CW_BTI_C
        mrs     x1, fpcr
        stp     x1, xzr, [x0]
        ret
        .cfi_endproc
CW_FUNCTION_END(cw_test_read_fp_control)

CW_FUNCTION(cw_test_write_fp_control)
        .cfi_startproc
        CW_BTI_C
        ldr     x1, [x0]
        msr     fpcr, x1
        ret
        .cfi_endproc
CW_FUNCTION_END(cw_test_write_fp_control)

        .section .rodata
        .globl  cw_test_probe_words, cw_test_fp_controls
        .hidden cw_test_probe_words, cw_test_fp_controls
        .p2align 3
cw_test_probe_words:
        .quad   19
        .p2align 4  // what compilers take for granted of an array
cw_test_fp_controls:
        // fpcr, nothing: as a process starts
        .quad   0x00000000, 0
        // towards zero, flush to zero
        .quad   0x01c00000, 0
        // downwards
        .quad   0x00800000, 0
        // upwards
        .quad   0x00400000, 0

CW_OBJECT_NOTES
