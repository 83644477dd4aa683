// SPDX-License-Identifier: MIT
//
// The other file of planted_tls.cc: holds the thread-local that only link-time optimisation brings next to the switch.
int& planted_counter();
static thread_local int far_counter;

int& planted_counter() { return far_counter; }
