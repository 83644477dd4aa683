/* SPDX-License-Identifier: MIT
 *
 * The checks of this example, for the host (C) and for its callbacks (C++): answers that must be right, and words on a stack that must be
 * what they were. A failed one is counted and remembered; the program ends with status 1. Any thread may call.
 */
#ifndef COROUTINE_HOST_CHECK_H
#define COROUTINE_HOST_CHECK_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Locals to look after: put one into a function's frame, fill it, do what might damage a stack, and look. */
struct check_words {
  uint64_t word[16];
};

/* Fills the words from a seed. */
void check_fill(struct check_words *words, uint64_t seed);

/* Checks that they are still what the seed makes. what: constant text, whose words they are. */
void check_words_of(const struct check_words *words, uint64_t seed, const char *what);

/* One check. what: constant text, for the report if it fails. */
void check_that(int right, const char *what);

/* Many checks that the caller made itself, all of them right but `wrong`. */
void check_many(uint64_t made, uint64_t wrong, const char *what);

/* What came of them. check_first_failure() is NULL if none failed. */
uint64_t check_made(void);
uint64_t check_failed(void);
const char *check_first_failure(void);

#ifdef __cplusplus
}
#endif

#endif
