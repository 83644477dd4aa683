// SPDX-License-Identifier: MIT
//
// Stack switch and first entry, x86-64 System V (psABI 1.0).    Tested by tests/cpp/arch/switch_test.cc, registers_test.cc,
//                                                                fp_control_test.cc, unwind_test.cc
//   void* cw_arch_switch(void** save_sp /*rdi*/, void* load_sp /*rsi*/, void* value /*rdx*/)
// Saves      rbx rbp r12-r15, x87 control word; mxcsr when that word is not the one of a process start (see below)
// Leaves     caller-saved registers, x87 status, signal mask, fs base: the caller's business
// Stack      rsp+0x00 mxcsr|x87cw  +0x08 r15 … +0x30 rbp  +0x38 return address; rsp is 16-aligned (layout.h)
// Unwind     right at every instruction: rsp changes once, and until then the old stack holds every register
// Hardening  endbr64 at entry; a resumed context is reached by ret, which needs none; shadow stacks: refused at build time
//
// The return address is the one that the call pushed and the frame is popped by ret, so the return predictor stays balanced.
// The frame is written below rsp before rsp moves: 56 bytes, inside the 128 bytes that signal handlers keep clear of.
#include "arch/x86_64/function.h"
#include "arch/x86_64/layout.h"

// From the return address, which is the last slot of the frame, down to its first.
#define BELOW_RETURN_ADDRESS CW_X86_64_FRAME_PC

CW_FUNCTION(cw_arch_switch)
        .cfi_startproc
        endbr64
        // rsp: our return address. rcx: the frame to be.
        leaq    -BELOW_RETURN_ADDRESS(%rsp), %rcx
        fnstcw  CW_X86_64_FRAME_X87CW(%rcx)
        movq    %r15, CW_X86_64_FRAME_R15(%rcx)
        movq    %r14, CW_X86_64_FRAME_R14(%rcx)
        movq    %r13, CW_X86_64_FRAME_R13(%rcx)
        movq    %r12, CW_X86_64_FRAME_R12(%rcx)
        movq    %rbx, CW_X86_64_FRAME_RBX(%rcx)
        movq    %rbp, CW_X86_64_FRAME_RBP(%rcx)
        // From here to the change of rsp the registers are the other context's; ours are in the frame. CFA = rsp + 8.
        .cfi_offset %rbp, -0x10
        .cfi_offset %rbx, -0x18
        .cfi_offset %r12, -0x20
        .cfi_offset %r13, -0x28
        .cfi_offset %r14, -0x30
        .cfi_offset %r15, -0x38
        // Not yet a hand-out (INV-AR1): we still run on this stack and read the frame below.
        movq    %rcx, (%rdi)
        movq    CW_X86_64_FRAME_R15(%rsi), %r15
        movq    CW_X86_64_FRAME_R14(%rsi), %r14
        movq    CW_X86_64_FRAME_R13(%rsi), %r13
        movq    CW_X86_64_FRAME_R12(%rsi), %r12
        movq    CW_X86_64_FRAME_RBX(%rsi), %rbx
        movq    CW_X86_64_FRAME_RBP(%rsi), %rbp
        // The x87 word stands for both: <fenv.h> changes the two together, and reading mxcsr costs twice the rest of the switch
        // (arch/README.md). A context with the initial x87 word has the initial mxcsr, and its frame's mxcsr field means nothing.
        cmpw    $CW_X86_64_INITIAL_X87CW, CW_X86_64_FRAME_X87CW(%rcx)
        jne     .Lcontrol
        cmpw    $CW_X86_64_INITIAL_X87CW, CW_X86_64_FRAME_X87CW(%rsi)
        jne     .Lcontrol
.Lcontrol_done:
        movq    %rdx, %rax
        leaq    BELOW_RETURN_ADDRESS(%rsi), %rsp
        // rsp: the other context's return address; all its registers are loaded.
        .cfi_remember_state
        .cfi_restore %rbp
        .cfi_restore %rbx
        .cfi_restore %r12
        .cfi_restore %r13
        .cfi_restore %r14
        .cfi_restore %r15
        ret
        .cfi_restore_state
.Lcontrol:
        // rcx: our frame, rsi: the other's. One of the two is special.
        stmxcsr CW_X86_64_FRAME_MXCSR(%rcx)
        fldcw   CW_X86_64_FRAME_X87CW(%rsi)
        cmpw    $CW_X86_64_INITIAL_X87CW, CW_X86_64_FRAME_X87CW(%rsi)
        je      .Linitial
        ldmxcsr CW_X86_64_FRAME_MXCSR(%rsi)
        jmp     .Lcontrol_done
.Linitial:
        ldmxcsr .Linitial_mxcsr(%rip)
        jmp     .Lcontrol_done
        .cfi_endproc
CW_FUNCTION_END(cw_arch_switch)

        .section .rodata.cst4, "aM", @progbits, 4
        .p2align 2
.Linitial_mxcsr:
        .long   CW_X86_64_INITIAL_MXCSR
        .text

// First frame of a context. Not called: the first switch returns to cw_arch_start_here (prepare() wrote its address).
// State      rsp = stack top, 16-aligned; rbp = 0; rbx = entry; rax = value of the switch
// Unwind     rip undefined: the walk ends here
CW_FUNCTION(cw_arch_start)
        .cfi_startproc
        .cfi_undefined %rip
        // A walker that meets the return address looks up the byte before it, which must be ours.
        nop
        .globl  cw_arch_start_here
        .hidden cw_arch_start_here
cw_arch_start_here:
        movq    %rax, %rdi
        call    *%rbx
        ud2
        .cfi_endproc
CW_FUNCTION_END(cw_arch_start)

CW_OBJECT_NOTES
