// SPDX-License-Identifier: MIT
//
// Register probe of the CPU layer's tests, x86-64; probe.hpp declares what is here.
//   void* cw_test_probe(fn /*rdi*/, a /*rsi*/, b /*rdx*/, c /*rcx*/, const uint64_t* in /*r8*/, uint64_t* out /*r9*/)
// Fills rbx rbp r12 r13 r14 r15 from in, calls fn(a, b, c), and stores what the registers hold then to out.
#include "arch/x86_64/function.h"

CW_FUNCTION(cw_test_probe)
        .cfi_startproc
        endbr64
        pushq   %rbp
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %rbp, 0
        pushq   %rbx
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %rbx, 0
        pushq   %r12
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r12, 0
        pushq   %r13
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r13, 0
        pushq   %r14
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r14, 0
        pushq   %r15
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r15, 0
        // Seven words below the return address: rsp is 16-aligned.
        pushq   %r9
        .cfi_adjust_cfa_offset 8
        movq    0x00(%r8), %rbx
        movq    0x08(%r8), %rbp
        movq    0x10(%r8), %r12
        movq    0x18(%r8), %r13
        movq    0x20(%r8), %r14
        movq    0x28(%r8), %r15
        movq    %rdi, %r10
        movq    %rsi, %rdi
        movq    %rdx, %rsi
        movq    %rcx, %rdx
        call    *%r10
        popq    %r9
        .cfi_adjust_cfa_offset -8
        movq    %rbx, 0x00(%r9)
        movq    %rbp, 0x08(%r9)
        movq    %r12, 0x10(%r9)
        movq    %r13, 0x18(%r9)
        movq    %r14, 0x20(%r9)
        movq    %r15, 0x28(%r9)
        popq    %r15
        .cfi_adjust_cfa_offset -8
        .cfi_restore %r15
        popq    %r14
        .cfi_adjust_cfa_offset -8
        .cfi_restore %r14
        popq    %r13
        .cfi_adjust_cfa_offset -8
        .cfi_restore %r13
        popq    %r12
        .cfi_adjust_cfa_offset -8
        .cfi_restore %r12
        popq    %rbx
        .cfi_adjust_cfa_offset -8
        .cfi_restore %rbx
        popq    %rbp
        .cfi_adjust_cfa_offset -8
        .cfi_restore %rbp
        ret
        .cfi_endproc
CW_FUNCTION_END(cw_test_probe)

CW_FUNCTION(cw_test_read_fp_control)
        .cfi_startproc
        endbr64
        movq    $0, (%rdi)
        movq    $0, 8(%rdi)
        stmxcsr (%rdi)
        // Control bits only: the six sticky flags belong to nobody.
        andl    $0xffc0, (%rdi)
        fnstcw  8(%rdi)
        ret
        .cfi_endproc
CW_FUNCTION_END(cw_test_read_fp_control)

CW_FUNCTION(cw_test_write_fp_control)
        .cfi_startproc
        endbr64
        ldmxcsr (%rdi)
        fldcw   8(%rdi)
        ret
        .cfi_endproc
CW_FUNCTION_END(cw_test_write_fp_control)

        .section .rodata
        .globl  cw_test_probe_words, cw_test_fp_controls
        .hidden cw_test_probe_words, cw_test_fp_controls
        .p2align 3
cw_test_probe_words:
        .quad   6
        .p2align 4  // what compilers take for granted of an array
cw_test_fp_controls:
        // mxcsr, x87: as a process starts
        .quad   0x1f80, 0x037f
        // towards zero, flush to zero, denormals are zero; towards zero
        .quad   0xffc0, 0x0f7f
        // downwards, all else as at the start, so that only one bit tells it from the first; 53-bit significands
        .quad   0x3f80, 0x027f
        // as at the start; upwards: only the second word differs
        .quad   0x1f80, 0x0b7f

CW_OBJECT_NOTES
