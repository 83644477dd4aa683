/* SPDX-License-Identifier: MIT */
#ifndef TESTS_C_MODULE_LIBRARY_H
#define TESTS_C_MODULE_LIBRARY_H

/* What a module that uses the library offers. Those that answer a number of calls answer -1 when one failed. */
struct module_functions {
  int (*begin)(void);          /* cw_runtime_start */
  int (*end)(void);            /* cw_runtime_stop */
  int (*call_in)(void);        /* 1: a call in on this thread */
  int (*run_greens)(void);     /* 8: green threads that ended */
  int (*stop_the_world)(void); /* 1: beside a green thread that computes */
  int (*call_other)(int (*fn)(void));
  int (*no_start)(void); /* from here a call does not start a runtime by itself */
  const char *(*last_error)(void);
  int (*status_of_enter)(void);
};

const struct module_functions *module_functions(void);
typedef const struct module_functions *module_entry(void);

#endif
