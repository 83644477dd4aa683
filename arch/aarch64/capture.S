// SPDX-License-Identifier: MIT
//
// Register capture, AArch64 (AAPCS64).    Tested by tests/cpp/arch/capture_test.cc
//   void cw_arch_capture(Registers* out /*x0*/)
// Stores     x19-x28, d8-d15, sp, x29, our return address (x30)
// Leaves     every register but x1
// Hardening  bti c at entry
#include "arch/aarch64/function.h"
#include "arch/aarch64/layout.h"

CW_FUNCTION(cw_arch_capture)
        .cfi_startproc
        CW_BTI_C
        mov     x1, sp
        stp     x1, x29, [x0, #CW_AARCH64_REGISTERS_SP]
        str     x30, [x0, #CW_AARCH64_REGISTERS_PC]
        stp     x19, x20, [x0, #CW_AARCH64_REGISTERS_X19]
        stp     x21, x22, [x0, #CW_AARCH64_REGISTERS_X21]
        stp     x23, x24, [x0, #CW_AARCH64_REGISTERS_X23]
        stp     x25, x26, [x0, #CW_AARCH64_REGISTERS_X25]
        stp     x27, x28, [x0, #CW_AARCH64_REGISTERS_X27]
        stp     d8, d9, [x0, #CW_AARCH64_REGISTERS_D8]
        stp     d10, d11, [x0, #CW_AARCH64_REGISTERS_D10]
        stp     d12, d13, [x0, #CW_AARCH64_REGISTERS_D12]
        stp     d14, d15, [x0, #CW_AARCH64_REGISTERS_D14]
        ret
        .cfi_endproc
CW_FUNCTION_END(cw_arch_capture)

CW_OBJECT_NOTES
