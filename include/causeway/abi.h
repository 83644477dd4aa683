/* SPDX-License-Identifier: MIT
 *
 * What the templates of causeway.hpp need from the library, and nobody else calls. C11, and valid C++.
 *
 * Within a SONAME this file may only grow: a name keeps its meaning, a struct its layout. A program compiled against an older
 * header runs with a newer library; the other way round is refused by the dynamic linker (a missing symbol).
 *
 * The conventions of causeway.h hold. Pointers that the library hands out are opaque; where memory of the caller's is used in
 * place (mutex, event, wait group), all zeroes is the initial state, so that a constant initialiser is enough.
 */
#ifndef CAUSEWAY_ABI_H
#define CAUSEWAY_ABI_H

#include <causeway/causeway.h>

#ifdef __cplusplus
extern "C" {
#endif

/* --- Green threads -------------------------------------------------------------------------------------------- */

/* Bytes of a green thread's payload, 16-aligned: first it holds the closure, later the result. */
#define CW_ABI_PAYLOAD 64

/* One green thread, as the holder of a reference sees it. */
typedef struct cw_abi_green cw_abi_green;

/* What can be done with a closure; one constant object per type of closure. None of these may throw, save for foreign unwinding
 * (a forced unwind) through run(). */
typedef struct cw_abi_task_ops {
  /* Moves the closure at source (or the pointer of its box) into the payload. */
  void (*construct)(void *payload, void *source);
  /* Runs it. When it returns, the closure is gone and the payload holds the result (outcome 0) or a boxed exception (outcome 1);
   * for a detached one, nothing. */
  int (*run)(void *payload);
  /* Ends a closure that never ran. */
  void (*destroy_closure)(void *payload);
  /* Ends what run() left, joined or not; called exactly once, when nobody can read the result any more. May be NULL. */
  void (*destroy_result)(void *payload, int outcome);
} cw_abi_task_ops;

/* Makes a green thread that runs the closure at source. construct() is called before the return, and only on success.
 * Ownership: *out holds a reference until cw_abi_task_release(). For a detached one out may be NULL and is not written.
 * Errors:    as cw_green_spawn(). */
CW_API cw_status cw_abi_spawn(const cw_abi_task_ops *ops, void *source, const cw_spawn_options *options, int detached, cw_abi_green **out);

/* Waits until it has ended. *payload is readable until the release.
 * Errors:    CW_E_STATE (of oneself), CW_E_TIMEOUT, CW_E_CANCELLED. */
CW_API cw_status cw_abi_task_join(cw_abi_green *green, uint64_t timeout_ns, void **payload, int *outcome);

/* Waits until it has ended, also when the caller was asked to stop: for destructors.
 * Errors:    CW_E_STATE (of oneself). */
CW_API cw_status cw_abi_task_settle(cw_abi_green *green);

/* Drops the reference. One that still runs goes on detached, and its result is destroyed at its end. */
CW_API void cw_abi_task_release(cw_abi_green *green);

/* As cw_green_request_stop(). */
CW_API cw_status cw_abi_request_stop(cw_abi_green *green);

/* The number of the green thread, as cw_green_id(). */
CW_API uint64_t cw_abi_green_id(cw_abi_green *green);

/* The calling green thread, borrowed: valid while it runs. NULL outside green threads. */
CW_API cw_abi_green *cw_abi_current(void);

/* What can be done with a stop state: an object that the header makes (it holds a std::stop_source), one per green thread. */
typedef struct cw_abi_stop_ops {
  void (*request)(void *state); /* called once, when stop is requested or was already; by any thread, with no lock of ours held */
  void (*destroy)(void *state); /* called once, at the end of the green thread's record */
} cw_abi_stop_ops;

/* The stop state of a green thread; at the first use it is made with make() and published. When two race, the loser's object is
 * destroyed. NULL if make() gave NULL. */
CW_API void *cw_abi_stop_state(cw_abi_green *green, void *(*make)(void), const cw_abi_stop_ops *ops);

/* An exception left a detached green thread: calls the error handler; without one, reports and ends the process. */
CW_API void cw_abi_uncaught(const char *what);

/* Sets the text of cw_last_error() for the caller, and returns the status: `return cw_abi_set_last_error(...)`.
 * Ownership: text is copied, and cut if long. */
CW_API cw_status cw_abi_set_last_error(cw_status status, const char *text);

/* --- Mutex, event, wait group: in place ------------------------------------------------------------------------- */

/* Common to the three: they need no end. Who leaves a wait, or gets the mutex, may free the memory at once, also while the
 * call that let it go is still on its way out: that call's last access comes before it lets go. */

/* A mutex. The header takes and gives back `word` itself while nobody waits; everything else is the library's. */
typedef struct cw_abi_mutex {
  uint32_t word;   /* CW_ABI_MUTEX_ bits, atomic */
  uint32_t unused; /* 0 */
  uintptr_t owner; /* an address in the owner's stack frame, or 0, atomic: tells a second lock by the same owner */
  void *waiters;   /* queue, under the library's lock for this address */
} cw_abi_mutex;

#define CW_ABI_MUTEX_LOCKED 1u  /* somebody owns it */
#define CW_ABI_MUTEX_WAITERS 2u /* somebody is queued; the unlock must look */
#define CW_ABI_MUTEX_WOKEN 4u   /* a woken waiter is on its way; no need to wake another */

/* Locks it when the header's attempt failed. frame is an address in the caller's stack frame.
 * Blocks:    up to timeout_ns; a stop request does not end it.
 * Errors:    CW_E_STATE (the caller owns it), CW_E_TIMEOUT, CW_E_ASYNC. */
CW_API cw_status cw_abi_mutex_lock(cw_abi_mutex *mutex, uintptr_t frame, uint64_t timeout_ns);

/* Unlocks it when the header's attempt failed. `owner` is cleared already.
 * Errors:    CW_E_STATE (it is not locked). */
CW_API cw_status cw_abi_mutex_unlock(cw_abi_mutex *mutex);

/* An event. */
typedef struct cw_abi_event {
  uint32_t word;  /* state bits and the waiters' lock in one, atomic */
  uint32_t flags; /* CW_ABI_EVENT_MANUAL or 0; constant after the initialisation */
  void *waiters;  /* queue, under the lock in `word` */
} cw_abi_event;

#define CW_ABI_EVENT_MANUAL 1u /* a set lasts until a reset and lets everybody through */

/* Sets it. Signals: safe. */
CW_API void cw_abi_event_set(cw_abi_event *event);

/* Takes a set back; without one it does nothing. */
CW_API void cw_abi_event_reset(cw_abi_event *event);

/* Waits until it is set; an auto-reset event takes that set away.
 * Errors:    CW_E_TIMEOUT, CW_E_CANCELLED, CW_E_ASYNC. */
CW_API cw_status cw_abi_event_wait(cw_abi_event *event, uint64_t timeout_ns);

/* A wait group. */
typedef struct cw_abi_wait_group {
  uint64_t word; /* count and a bit for waiters, atomic */
  void *waiters; /* queue, under the library's lock for this address */
} cw_abi_wait_group;

/* Adds delta to the count; at 0 all waiters go on.
 * Errors:    CW_E_STATE (the count would be negative), CW_E_LIMIT (over 2^31 - 1). The count stays as it was. */
CW_API cw_status cw_abi_wait_group_add(cw_abi_wait_group *group, int64_t delta);

/* Waits until the count is 0. A stop request does not end it: what is waited for may use the waiter's memory.
 * Errors:    CW_E_TIMEOUT, CW_E_ASYNC. */
CW_API cw_status cw_abi_wait_group_wait(cw_abi_wait_group *group, uint64_t timeout_ns);

/* --- Channel -------------------------------------------------------------------------------------------------- */

/* A channel, on the heap. */
typedef struct cw_abi_channel cw_abi_channel;

/* What can be done with an item; none of these may throw, wait or call the library. With all three NULL items are plain bytes. */
typedef struct cw_abi_item_ops {
  size_t size;                        /* of an item, 1 to 2^31 */
  size_t align;                       /* of an item, a power of two up to 4096 */
  void (*move)(void *to, void *from); /* constructs *to from *from, which stays an object */
  void (*take)(void *to, void *from); /* constructs *to from *from, and destroys that */
  void (*destroy)(void *item);
} cw_abi_item_ops;

/* Makes a channel. *ops must live as long as the channel.
 * Errors:    CW_E_INVALID, CW_E_NOMEM. */
CW_API cw_status cw_abi_channel_create(const cw_abi_item_ops *ops, size_t capacity, cw_abi_channel **out);

/* Moves the item at item into the channel or to a receiver; it is untouched unless the answer is CW_OK. With timeout_ns 0 it
 * never waits.
 * Errors:    CW_E_CLOSED, CW_E_TIMEOUT, CW_E_CANCELLED, CW_E_ASYNC. */
CW_API cw_status cw_abi_channel_send(cw_abi_channel *channel, void *item, uint64_t timeout_ns);

/* Constructs the next item in the raw memory at item. With timeout_ns 0 it never waits.
 * Errors:    CW_E_CLOSED, CW_E_TIMEOUT, CW_E_CANCELLED, CW_E_ASYNC. */
CW_API cw_status cw_abi_channel_receive(cw_abi_channel *channel, void *item, uint64_t timeout_ns);

/* Closes it; again is CW_E_CLOSED and harmless. */
CW_API cw_status cw_abi_channel_close(cw_abi_channel *channel);

/* Ends it, and the items that are left inside. Nobody may wait in it or begin a call; calls that are on their way out after
 * they let a waiter go do not touch it any more. */
CW_API void cw_abi_channel_destroy(cw_abi_channel *channel);

#ifdef __cplusplus
}
#endif

#endif /* CAUSEWAY_ABI_H */
