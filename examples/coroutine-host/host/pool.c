/* SPDX-License-Identifier: MIT
 *
 * The jobs of a host that no thread runs at the moment. A thread takes any of them, so callbacks that were suspended one after another are
 * continued in another order, and often by another thread.
 */
#include <stdlib.h>

#include "host/internal.h"

int pool_init(struct pool *pool, unsigned capacity) {
  pool->waiting = calloc(capacity, sizeof(struct job *));
  if (pool->waiting == NULL) return 0;
  pool->n_waiting = pool->n_alive = 0;
  pool->random = 88172645463325252u;
  pthread_mutex_init(&pool->lock, NULL);
  pthread_cond_init(&pool->changed, NULL);
  return 1;
}

void pool_free(struct pool *pool) {
  pthread_cond_destroy(&pool->changed);
  pthread_mutex_destroy(&pool->lock);
  free(pool->waiting);
}

/* Xorshift: good enough to shuffle. */
static unsigned random_below_locked(struct pool *pool, unsigned n) {
  pool->random ^= pool->random << 13;
  pool->random ^= pool->random >> 7;
  pool->random ^= pool->random << 17;
  return (unsigned)(pool->random % n);
}

void pool_add_new(struct pool *pool, struct job *job) {
  pthread_mutex_lock(&pool->lock);
  pool->n_alive++;
  pool->waiting[pool->n_waiting++] = job;
  pthread_mutex_unlock(&pool->lock);
  pthread_cond_signal(&pool->changed);
}

void pool_put_back(struct pool *pool, struct job *job) {
  pthread_mutex_lock(&pool->lock);
  pool->waiting[pool->n_waiting++] = job;
  pthread_mutex_unlock(&pool->lock);
  pthread_cond_signal(&pool->changed);
}

struct job *pool_take(struct pool *pool) {
  struct job *job = NULL;
  pthread_mutex_lock(&pool->lock);
  while (pool->n_waiting == 0 && pool->n_alive > 0) pthread_cond_wait(&pool->changed, &pool->lock);
  if (pool->n_waiting > 0) {
    const unsigned chosen = random_below_locked(pool, pool->n_waiting);
    job = pool->waiting[chosen];
    pool->waiting[chosen] = pool->waiting[--pool->n_waiting];
  }
  pthread_mutex_unlock(&pool->lock);
  return job;
}

void pool_drop(struct pool *pool) {
  pthread_mutex_lock(&pool->lock);
  pool->n_alive--;
  pthread_mutex_unlock(&pool->lock);
  pthread_cond_broadcast(&pool->changed);
}
