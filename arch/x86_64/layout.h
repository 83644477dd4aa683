/* SPDX-License-Identifier: MIT */
/*
 * Offsets that the assembly of this folder shares with x86_64.hpp, which checks each against its struct.
 * Plain #defines: the assembler's preprocessor reads this file too.
 */
#pragma once

/* The frame that cw_arch_switch leaves at the saved sp (struct SwitchFrame). */
#define CW_X86_64_FRAME_MXCSR 0x00
#define CW_X86_64_FRAME_X87CW 0x04
#define CW_X86_64_FRAME_R15 0x08
#define CW_X86_64_FRAME_R14 0x10
#define CW_X86_64_FRAME_R13 0x18
#define CW_X86_64_FRAME_R12 0x20
#define CW_X86_64_FRAME_RBX 0x28
#define CW_X86_64_FRAME_RBP 0x30
#define CW_X86_64_FRAME_PC 0x38
#define CW_X86_64_FRAME_BYTES 0x40

/* struct Registers. */
#define CW_X86_64_REGISTERS_SP 0x00
#define CW_X86_64_REGISTERS_FP 0x08
#define CW_X86_64_REGISTERS_PC 0x10
#define CW_X86_64_REGISTERS_RBX 0x18
#define CW_X86_64_REGISTERS_R12 0x20
#define CW_X86_64_REGISTERS_R13 0x28
#define CW_X86_64_REGISTERS_R14 0x30
#define CW_X86_64_REGISTERS_R15 0x38

// The control words that the psABI defines for the start of a process: round to nearest, all exceptions masked, x87 with 64-bit
// significands.
#define CW_X86_64_INITIAL_MXCSR 0x1f80
#define CW_X86_64_INITIAL_X87CW 0x037f

