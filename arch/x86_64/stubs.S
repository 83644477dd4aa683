// SPDX-License-Identifier: MIT
//
// The table of stubs, x86-64 System V.    Tested by tests/cpp/closure
//   stub i     puts the address of data block i into r10, the static chain of the ABI, and jumps to the address in the block's first word
// Leaves     every other register, the stack and the flags: to the function that it jumps to it is as if C had called that
// Hardening  endbr64 at each stub
//
// Whole pages that hold nothing else, and all that a stub does is relative to its own address: mapped once more elsewhere, with data at the same
// distance, they are another table.
#include "arch/stubs.h"
#include "arch/x86_64/function.h"

        .section .text.cw_stubs, "ax", @progbits
        .p2align 12
        .globl  cw_arch_stubs
        .hidden cw_arch_stubs
        .type   cw_arch_stubs, @function
cw_arch_stubs:
        .cfi_startproc
        .set    block, 0
        .rept   CW_ARCH_STUBS
        endbr64
        leaq    cw_arch_stub_data + block(%rip), %r10
        jmp     *(%r10)
        .p2align 4, 0xcc
        .set    block, block + CW_ARCH_STUB_DATA_BYTES
        .endr
        .cfi_endproc
        .p2align 12, 0xcc
        .size   cw_arch_stubs, . - cw_arch_stubs

        .section .bss.cw_stub_data, "aw", @nobits
        .p2align 12
        .globl  cw_arch_stub_data
        .hidden cw_arch_stub_data
        .type   cw_arch_stub_data, @object
        .size   cw_arch_stub_data, CW_ARCH_STUBS * CW_ARCH_STUB_DATA_BYTES
cw_arch_stub_data:
        .zero   CW_ARCH_STUBS * CW_ARCH_STUB_DATA_BYTES

CW_OBJECT_NOTES
