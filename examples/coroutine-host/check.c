/* SPDX-License-Identifier: MIT
 *
 * Checks: see check.h. The counters are for people and order nothing, so they are relaxed.
 */
#include "check.h"

#include <stdatomic.h>
#include <stddef.h>

static _Atomic uint64_t made;
static _Atomic uint64_t failed;
static const char *_Atomic first_failure;

/* A word of the sequence that a seed begins: each bit depends on the seed and on the place. */
static uint64_t word_at(uint64_t seed, size_t place) {
  uint64_t word = (seed + 1 + place) * UINT64_C(0x9e3779b97f4a7c15);
  word = (word ^ (word >> 32)) * UINT64_C(0xd6e8feb86659fd93);
  return word ^ (word >> 29);
}

enum { WORDS = sizeof(((struct check_words *)NULL)->word) / sizeof(uint64_t) };

void check_fill(struct check_words *words, uint64_t seed) {
  for (size_t i = 0; i < WORDS; i++) words->word[i] = word_at(seed, i);
}

void check_words_of(const struct check_words *words, uint64_t seed, const char *what) {
  uint64_t wrong = 0;
  for (size_t i = 0; i < WORDS; i++) wrong += words->word[i] != word_at(seed, i);
  check_many(WORDS, wrong, what);
}

void check_that(int right, const char *what) { check_many(1, right ? 0 : 1, what); }

void check_many(uint64_t count, uint64_t wrong, const char *what) {
  atomic_fetch_add_explicit(&made, count, memory_order_relaxed);
  if (wrong == 0) return;
  atomic_fetch_add_explicit(&failed, wrong, memory_order_relaxed);
  const char *none = NULL;
  atomic_compare_exchange_strong(&first_failure, &none, what);
}

uint64_t check_made(void) { return atomic_load_explicit(&made, memory_order_relaxed); }
uint64_t check_failed(void) { return atomic_load_explicit(&failed, memory_order_relaxed); }
const char *check_first_failure(void) { return atomic_load(&first_failure); }
