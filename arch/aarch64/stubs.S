// SPDX-License-Identifier: MIT
//
// The table of stubs, AArch64 (AAPCS64).    Tested by tests/cpp/closure
//   stub i     puts the address of data block i into x18, the static chain of compilers on Linux, and jumps to the address in the block's first word
// Changes    x16 and x18; leaves every other register and the stack: to the function that it jumps to it is as if C had called that
// Hardening  bti c at each stub; the jump by x16 may land on a bti c
//
// Whole pages that hold nothing else, and all that a stub does is relative to its own page: mapped once more elsewhere, with data at the same
// distance, they are another table.
#include "arch/aarch64/function.h"
#include "arch/stubs.h"

        .section .text.cw_stubs, "ax", %progbits
        .p2align 12
        .globl  cw_arch_stubs
        .hidden cw_arch_stubs
        .type   cw_arch_stubs, %function
cw_arch_stubs:
        .cfi_startproc
        .set    block, 0
        .rept   CW_ARCH_STUBS
        CW_BTI_C
        adrp    x18, cw_arch_stub_data + block
        add     x18, x18, :lo12:cw_arch_stub_data + block
        ldr     x16, [x18]
        br      x16
        .p2align 5
        .set    block, block + CW_ARCH_STUB_DATA_BYTES
        .endr
        .cfi_endproc
        .p2align 12
        .size   cw_arch_stubs, . - cw_arch_stubs

        .section .bss.cw_stub_data, "aw", %nobits
        .p2align 12
        .globl  cw_arch_stub_data
        .hidden cw_arch_stub_data
        .type   cw_arch_stub_data, %object
        .size   cw_arch_stub_data, CW_ARCH_STUBS * CW_ARCH_STUB_DATA_BYTES
cw_arch_stub_data:
        .zero   CW_ARCH_STUBS * CW_ARCH_STUB_DATA_BYTES

CW_OBJECT_NOTES
