/* SPDX-License-Identifier: MIT
 *
 * A host of scripts in fifty words: each line of the script names a C function, its signature and its arguments, and none of them was known when this
 * program was compiled. A line `sort` hands qsort() a function pointer that was made at run time too; C calls it back, and it runs as managed code.
 *
 *   cos f64(f64) 0
 *   strlen size(ptr) hello
 */
#include <causeway/causeway.h>

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ARGS = 8, MAX_LINE = 256 };

static const char script[] =
    "cos f64(f64) 0\n"
    "pow f64(f64, f64) 2 10\n"
    "abs i32(i32) -7\n"
    "strlen size(ptr) hello\n"
    "pow f64(f64, f64) 1 2 3\n"
    "no_such_function i32()\n"
    "cos f46(f64) 0\n"
    "sort up 5 3 9 1\n"
    "sort down 5 3 9 1\n";

union value {
  int32_t i32;
  int64_t i64;
  double f64;
  const char *ptr;
};

/* Reads one word as a value of the type at *types, and moves on to the next type. 0: that is none that this host knows. */
static int read_value(const char **types, char *word, union value *out) {
  const char *type = *types + strspn(*types, " ,(");
  *types = type + strcspn(type, ",)");
  if (strncmp(type, "i32", 3) == 0) out->i32 = (int32_t)strtol(word, NULL, 10);
  else if (strncmp(type, "i64", 3) == 0 || strncmp(type, "size", 4) == 0) out->i64 = strtol(word, NULL, 10);
  else if (strncmp(type, "f64", 3) == 0) out->f64 = strtod(word, NULL);
  else if (strncmp(type, "ptr", 3) == 0) out->ptr = word;
  else return 0;
  return 1;
}

static void print_result(const char *signature, const union value *result) {
  if (strncmp(signature, "f64", 3) == 0) printf("%g\n", result->f64);
  else if (strncmp(signature, "i32", 3) == 0) printf("%d\n", result->i32);
  else printf("%lld\n", (long long)result->i64);
}

/* name, signature up to its ')', and the words behind it. */
static void call_line(const char *name, char *rest) {
  char *end = strchr(rest, ')');
  const char *signature = rest, *types = strchr(rest, '(');
  union value values[MAX_ARGS], result = {0};
  void *args[MAX_ARGS];
  char *words, *word;
  cw_function function;
  int n = 0;
  void (*symbol)(void);
  *(void **)&symbol = dlsym(RTLD_DEFAULT, name);
  if (symbol == NULL || end == NULL || types == NULL) {
    printf("%s: no such function\n", name);
    return;
  }
  words = end + 1;
  if (*words != '\0') *words++ = '\0';
  if (cw_function_create(signature, symbol, CW_QUICK, &function) != CW_OK) {
    printf("%s: %.45s\n", name, cw_last_error());
    return;
  }
  for (word = strtok(words, " "); word != NULL && n < MAX_ARGS; word = strtok(NULL, " "), ++n) {
    if (!read_value(&types, word, &values[n])) break;
    args[n] = &values[n];
  }
  printf("%s = ", name);
  if (word != NULL) printf("too many arguments\n");
  else if (cw_function_call(function, &result, args) == CW_OK) print_result(signature, &result);
  else printf("%s\n", cw_last_error());
  cw_function_close(function);
}

/* The body of the function pointer that qsort() gets: `user` is the script's word. Runs on a green thread: it might park or call C. */
static void compare(void *result, void **args, void *user) {
  const int *a = *(const int **)args[0], *b = *(const int **)args[1];
  const int order = (*a > *b) - (*a < *b);
  *(int32_t *)result = strcmp(user, "down") == 0 ? -order : order;
}

static void sort_line(char *rest) {
  int numbers[MAX_ARGS], i, n = 0;
  char *direction = strtok(rest, " "), *word;
  cw_callback callback;
  void (*code)(void);
  while (n < MAX_ARGS && (word = strtok(NULL, " ")) != NULL) numbers[n++] = atoi(word);
  if (cw_callback_create("i32(ptr, ptr)", compare, direction, NULL, &callback) != CW_OK || cw_callback_code(callback, &code) != CW_OK) {
    printf("sort: %s\n", cw_last_error());
    return;
  }
  qsort(numbers, (size_t)n, sizeof numbers[0], (int (*)(const void *, const void *))code);
  cw_callback_close(callback);
  printf("sort %s =", direction);
  for (i = 0; i < n; ++i) printf(" %d", numbers[i]);
  printf("\n");
}

static void run(void *text) {
  char line[MAX_LINE];
  const char *at = text;
  while (*at != '\0') {
    size_t length = strcspn(at, "\n");
    char *rest;
    snprintf(line, sizeof line, "%.*s", (int)length, at);
    at += length + (at[length] == '\n');
    rest = line + strcspn(line, " ");
    if (*rest != '\0') *rest++ = '\0';
    if (strcmp(line, "sort") == 0) sort_line(rest);
    else call_line(line, rest);
  }
}

int main(void) {
  cw_green green;
  if (cw_runtime_start(NULL) != CW_OK || cw_green_spawn(run, (void *)script, NULL, &green) != CW_OK) return 1;
  cw_green_join(green, CW_FOREVER);
  return cw_runtime_stop(CW_FOREVER) == CW_OK ? 0 : 1;
}
