// SPDX-License-Identifier: MIT
//
// Check mode `world`: what is not async-signal-safe stops the process when the function of a stop calls it. Inside world only.
//
// While a stop lasts, the linker's tables (GOT) of all loaded modules name functions of ours in place of malloc and its like. They end the process if
// the caller is the thread that stopped the world, and go on to the real ones for everybody else: C code runs on during a stop.
//
//   INV-TRAP1  The tables are changed and put back by who has the turn, under the loader's lock, before the first M is asked to stop and after the
//              last one goes on. A module that is unloaded meanwhile takes its table with it; one that is loaded meanwhile is not watched.
//
// Not chosen: breakpoints in the functions (all threads would run into them), interposed functions of our own (a library that brings a malloc is no
// guest), a sandbox of system calls (malloc makes few).
#pragma once

namespace causeway::world::trap {

// Blocks:      on the loader's lock
// Signal-safe: no
void set() noexcept;
void take_back() noexcept;

}  // namespace causeway::world::trap
