/* SPDX-License-Identifier: MIT
 *
 * Functions and callbacks with signatures as text, by a C program: a green thread calls qsort, which calls back, and snprintf.
 *
 * Risk: what C++ tests do not see: the header's types in C, names that are not exported, a call in below a call out with both known at run time only. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

static int calls;

/* May do what managed code may: here it lets others run. */
static void compare(void *result, void **args, void *user) {
  const int *a = *(const int **)args[0];
  const int *b = *(const int **)args[1];
  if (++*(int *)user % 4 == 0) cw_green_yield();
  *(int *)result = (*a > *b) - (*a < *b);
}

static void on_green(void *arg) {
  (void)arg;
  cw_callback callback;
  cw_callback_options options;
  void (*code)(void);
  CHECK_STATUS(cw_callback_options_init(&options), CW_OK);
  options.name = "compare";
  CHECK_STATUS(cw_callback_create("i32(ptr, ptr)", compare, &calls, &options, &callback), CW_OK);
  CHECK_STATUS(cw_callback_code(callback, &code), CW_OK);

  int numbers[] = {5, 3, 9, 1, 7, 2, 8, 6, 4, 0};
  cw_function sort;
  CHECK_STATUS(cw_function_create("void(ptr, size, size, ptr)", (void (*)(void))qsort, CW_QUICK, &sort), CW_OK);
  int *at = numbers;
  size_t n = sizeof numbers / sizeof numbers[0];
  size_t each = sizeof numbers[0];
  void *args[] = {&at, &n, &each, &code};
  CHECK_STATUS(cw_function_call(sort, NULL, args), CW_OK);
  for (int i = 0; i < 10; ++i) CHECK(numbers[i] == i);
  CHECK(calls >= 9);
  CHECK_STATUS(cw_function_close(sort), CW_OK);
  CHECK_STATUS(cw_callback_close_and_wait(callback, LONG_TIME), CW_OK);

  char text[32];
  char *to = text;
  size_t room = sizeof text;
  const char *format = "%s %d %.2f";
  const char *word = "pi";
  int number = 3;
  double real = 3.25;
  int written = 0;
  cw_function print;
  CHECK_STATUS(cw_function_create("int(ptr, size, ptr, ...)", (void (*)(void))snprintf, CW_LEAF, &print), CW_OK);
  void *given[] = {&to, &room, &format, &word, &number, &real};
  CHECK_STATUS(cw_function_call_variadic(print, "ptr, int, double", &written, given), CW_OK);
  CHECK(written == 9);
  CHECK(strcmp(text, "pi 3 3.25") == 0);
  CHECK_STATUS(cw_function_call_variadic(print, "ptr, int, float", &written, given), CW_E_SIGNATURE);
  CHECK(strstr(cw_last_error(), "column 11") != NULL);
  CHECK_STATUS(cw_function_close(print), CW_OK);
}

int main(void) {
  cw_green green;
  CHECK_STATUS(cw_runtime_start(NULL), CW_OK);
  CHECK_STATUS(cw_green_spawn(on_green, NULL, NULL, &green), CW_OK);
  CHECK_STATUS(cw_green_join(green, LONG_TIME), CW_OK);
  CHECK_STATUS(cw_runtime_stop(LONG_TIME), CW_OK);
  return checks_result();
}
