// SPDX-License-Identifier: MIT
//
// Planted for tests/symbols/tls.pl: functions that read a thread-local next to a switch, in the two ways that happen by accident.
// planted_near() does it in its own source. planted_far() calls a harmless looking function of another file, which only
// link-time optimisation inlines into it. planted_clean() has a switch and no read: the check must let it pass.
extern "C" [[gnu::visibility("hidden")]] void* cw_arch_switch(void** save_sp, void* load_sp, void* value);
int& planted_counter();

extern "C" {
[[gnu::visibility("default")]] void planted_near(void** save_sp, void* load_sp);
[[gnu::visibility("default")]] void planted_far(void** save_sp, void* load_sp);
[[gnu::visibility("default")]] void planted_clean(void** save_sp, void* load_sp);
}

#ifndef PLANTED_CLEAN_ONLY
static thread_local int near_counter;

void planted_near(void** save_sp, void* load_sp) {
  near_counter++;
  cw_arch_switch(save_sp, load_sp, nullptr);
  near_counter++;
}

void planted_far(void** save_sp, void* load_sp) {
  planted_counter()++;
  cw_arch_switch(save_sp, load_sp, nullptr);
  planted_counter()++;
}
#endif

void planted_clean(void** save_sp, void* load_sp) { cw_arch_switch(save_sp, load_sp, load_sp); }
