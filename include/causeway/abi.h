/* SPDX-License-Identifier: MIT
 *
 * What the templates of causeway.hpp need from the library, and nobody else calls. C11, and valid C++.
 *
 * Within a SONAME this file may only grow: a name keeps its meaning, a struct its layout. A program compiled against an older
 * header runs with a newer library; the other way round is refused by the dynamic linker (a missing symbol).
 *
 * The conventions of causeway.h hold. Pointers that the library hands out are opaque; where memory of the caller's is used in
 * place (mutex, shared mutex, condition, once, event, wait group), all zeroes is the initial state, so that a constant initialiser
 * is enough; a semaphore starts with its count in `word`.
 */
#ifndef CAUSEWAY_ABI_H
#define CAUSEWAY_ABI_H

#include <causeway/causeway.h>

#ifdef __cplusplus
extern "C" {
#endif

/* --- Waits that a std::stop_token ends ------------------------------------------------------------------------ */

/* In the frame of a call that waits; all zeroes is a new one. Every function that waits takes one, or NULL, as its last parameter, and
 * answers CW_E_CANCELLED when the request ended the wait; it may serve several waits, one after the other. A wait that need not block does
 * not look at it. */
typedef struct cw_abi_stop_wait {
  uint64_t opaque[6];
} cw_abi_stop_wait;

/* Ends the wait that uses it, or the next one; again is nothing. Called by a std::stop_callback of the same frame.
 * Threads:   any; must not be a signal handler. Blocks: shortly; returns on the same OS thread. */
CW_API void cw_abi_stop_wait_request(cw_abi_stop_wait *stop);

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
CW_API cw_status cw_abi_task_join(cw_abi_green *green, uint64_t timeout_ns, void **payload, int *outcome, cw_abi_stop_wait *stop);

/* As cw_green_sleep().
 * Errors:    CW_E_CANCELLED, CW_E_ASYNC. */
CW_API cw_status cw_abi_sleep(uint64_t ns, cw_abi_stop_wait *stop);

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

/* --- Mutex, event, wait group, semaphore, shared mutex, condition, once: in place -------------------------------- */

/* Common to all: they need no end. Who leaves a wait, or gets the mutex, may free the memory at once, also while the
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
 * Blocks:    up to timeout_ns; a stop request to the green thread does not end it, one through `stop` does.
 * Errors:    CW_E_STATE (the caller owns it), CW_E_TIMEOUT, CW_E_CANCELLED, CW_E_ASYNC. */
CW_API cw_status cw_abi_mutex_lock(cw_abi_mutex *mutex, uintptr_t frame, uint64_t timeout_ns, cw_abi_stop_wait *stop);

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
CW_API cw_status cw_abi_event_wait(cw_abi_event *event, uint64_t timeout_ns, cw_abi_stop_wait *stop);

/* A wait group. */
typedef struct cw_abi_wait_group {
  uint64_t word; /* count and a bit for waiters, atomic */
  void *waiters; /* queue, under the library's lock for this address */
} cw_abi_wait_group;

/* Adds delta to the count; at 0 all waiters go on.
 * Errors:    CW_E_STATE (the count would be negative), CW_E_LIMIT (over 2^31 - 1). The count stays as it was. */
CW_API cw_status cw_abi_wait_group_add(cw_abi_wait_group *group, int64_t delta);

/* Waits until the count is 0. A stop request to the green thread does not end it: what is waited for may use the waiter's memory. One
 * through `stop` does.
 * Errors:    CW_E_TIMEOUT, CW_E_CANCELLED, CW_E_ASYNC. */
CW_API cw_status cw_abi_wait_group_wait(cw_abi_wait_group *group, uint64_t timeout_ns, cw_abi_stop_wait *stop);

/* A semaphore. The header takes and gives back `word` itself while nobody waits. */
typedef struct cw_abi_semaphore {
  uint64_t word; /* count, and CW_ABI_SEMAPHORE_WAITERS; atomic */
  void *waiters; /* queue, under the library's lock for this address */
} cw_abi_semaphore;

#define CW_ABI_SEMAPHORE_MAX 0x7fffffffu             /* the highest count */
#define CW_ABI_SEMAPHORE_WAITERS (UINT64_C(1) << 32) /* somebody is queued, and the count is 0 */

/* Takes one when the header's attempt failed.
 * Errors:    CW_E_TIMEOUT, CW_E_CANCELLED, CW_E_ASYNC. */
CW_API cw_status cw_abi_semaphore_acquire(cw_abi_semaphore *semaphore, uint64_t timeout_ns, cw_abi_stop_wait *stop);

/* Gives n back when the header's attempt failed; waiters get theirs first, first come, first served.
 * Errors:    CW_E_LIMIT (the count would be over the maximum), CW_E_ASYNC; then nothing was given back. */
CW_API cw_status cw_abi_semaphore_release(cw_abi_semaphore *semaphore, uint32_t n);

/* A shared mutex. The header takes and gives back `word` itself while nobody waits. */
typedef struct cw_abi_shared_mutex {
  uint64_t word;   /* how many share it, and CW_ABI_SHARED_ bits; atomic */
  uintptr_t owner; /* as in cw_abi_mutex, of who holds it alone */
  void *writers;   /* queues, under the library's lock for this address */
  void *readers;
} cw_abi_shared_mutex;

#define CW_ABI_SHARED_COUNT UINT64_C(0x7fffffff)  /* mask of the holders that share it */
#define CW_ABI_SHARED_ALONE (UINT64_C(1) << 32)   /* somebody holds it alone */
#define CW_ABI_SHARED_WAITERS (UINT64_C(1) << 33) /* somebody is queued; nobody gets in but through the library */

/* Lock it, alone or shared, when the header's attempt failed. frame is an address in the caller's stack frame.
 * Blocks:    up to timeout_ns; a stop request to the green thread does not end it, one through `stop` does.
 * Errors:    CW_E_STATE (the caller holds it alone), CW_E_LIMIT (2^31 - 1 share it), CW_E_TIMEOUT, CW_E_CANCELLED, CW_E_ASYNC. */
CW_API cw_status cw_abi_shared_mutex_lock(cw_abi_shared_mutex *mutex, uintptr_t frame, uint64_t timeout_ns, cw_abi_stop_wait *stop);
CW_API cw_status cw_abi_shared_mutex_lock_shared(cw_abi_shared_mutex *mutex, uintptr_t frame, uint64_t timeout_ns, cw_abi_stop_wait *stop);

/* Unlock it when the header's attempt failed. `owner` is cleared already.
 * Errors:    CW_E_STATE (it is not held in that way), CW_E_ASYNC. */
CW_API cw_status cw_abi_shared_mutex_unlock(cw_abi_shared_mutex *mutex);
CW_API cw_status cw_abi_shared_mutex_unlock_shared(cw_abi_shared_mutex *mutex);

/* A condition variable. */
typedef struct cw_abi_condition {
  uint32_t word;   /* not 0: somebody is queued; atomic, so that a notify without waiters is one load */
  uint32_t unused; /* 0 */
  void *waiters;   /* queue, under the library's lock for this address */
} cw_abi_condition;

/* One waiter, in the caller's frame; all zeroes is a new one. */
typedef struct cw_abi_condition_wait {
  uint64_t opaque[8];
} cw_abi_condition_wait;

/* Queues the waiter: it gets every notification from here on. Then the caller gives its lock back and calls cw_abi_condition_wait_for().
 * Errors:    CW_E_ASYNC; then it is not queued. */
CW_API cw_status cw_abi_condition_enter(cw_abi_condition *condition, cw_abi_condition_wait *wait);

/* Waits until the waiter is notified; in any case it is not queued any more then. The condition may be gone if it was notified.
 * Errors:    CW_E_TIMEOUT, CW_E_CANCELLED. */
CW_API cw_status cw_abi_condition_wait_for(cw_abi_condition *condition, cw_abi_condition_wait *wait, uint64_t timeout_ns,
                                           cw_abi_stop_wait *stop);

/* Notifies the first waiter, or all.
 * Errors:    CW_E_ASYNC. */
CW_API cw_status cw_abi_condition_notify(cw_abi_condition *condition, int all);

/* Something that is done once. */
typedef struct cw_abi_once {
  uint32_t word;   /* CW_ABI_ONCE_ state, atomic */
  uint32_t unused; /* 0 */
  uintptr_t owner; /* as in cw_abi_mutex, of who does it */
  void *waiters;   /* queue, under the library's lock for this address */
} cw_abi_once;

#define CW_ABI_ONCE_NEW 0u     /* not done, or the last attempt threw */
#define CW_ABI_ONCE_RUNNING 1u /* somebody does it */
#define CW_ABI_ONCE_WAITED 2u  /* somebody does it, and others wait */
#define CW_ABI_ONCE_DONE 3u

/* Waits until it is done (CW_OK, *mine 0), or is the caller's to do (CW_OK, *mine 1: then the caller owes cw_abi_once_end()).
 * Blocks:    as cw_abi_mutex_lock().
 * Errors:    CW_E_STATE (the caller is doing it), CW_E_TIMEOUT, CW_E_CANCELLED, CW_E_ASYNC. */
CW_API cw_status cw_abi_once_begin(cw_abi_once *once, uintptr_t frame, uint64_t timeout_ns, int *mine, cw_abi_stop_wait *stop);

/* It is done, or (0) was not: then the next caller, or a waiting one, does it. */
CW_API void cw_abi_once_end(cw_abi_once *once, int done);

/* An object of the kind `what` (constant text: "semaphore") was destroyed while somebody waits in it: the process ends with a report, unless
 * the object has static storage, which is destroyed at exit while others may well wait. */
CW_API void cw_abi_destroyed_in_use(const char *what, const void *object);

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
CW_API cw_status cw_abi_channel_send(cw_abi_channel *channel, void *item, uint64_t timeout_ns, cw_abi_stop_wait *stop);

/* Constructs the next item in the raw memory at item. With timeout_ns 0 it never waits.
 * Errors:    CW_E_CLOSED, CW_E_TIMEOUT, CW_E_CANCELLED, CW_E_ASYNC. */
CW_API cw_status cw_abi_channel_receive(cw_abi_channel *channel, void *item, uint64_t timeout_ns, cw_abi_stop_wait *stop);

/* Closes it; again is CW_E_CLOSED and harmless. */
CW_API cw_status cw_abi_channel_close(cw_abi_channel *channel);

/* Ends it, and the items that are left inside. Nobody may wait in it or begin a call; calls that are on their way out after
 * they let a waiter go do not touch it any more. */
CW_API void cw_abi_channel_destroy(cw_abi_channel *channel);

/* --- Select --------------------------------------------------------------------------------------------------- */

#define CW_ABI_MAX_CASES 64u
#define CW_ABI_SELECT_RECEIVE 0u
#define CW_ABI_SELECT_SEND 1u

/* One case: a send or a receive at a channel. */
typedef struct cw_abi_select_case {
  cw_abi_channel *channel; /* NULL: the case takes no part */
  void *item;              /* send: the item; receive: raw memory. A memory of its own for each case */
  uint32_t direction;      /* CW_ABI_SELECT_... */
  uint32_t reserved;       /* 0 */
  uint64_t opaque[8];      /* the library's, during the call; not initialised */
} cw_abi_select_case;

/* Does exactly one of the n cases, and says which; of several that can be done at the beginning, one at random. All items are untouched
 * but the chosen one's. The same channel may occur several times, also for sending and receiving: no case meets another one of
 * the same call. With timeout_ns 0 it never waits; CW_E_TIMEOUT then means that there was a moment when no case could be done.
 * Lifetime:  a channel of a case must live until the return, except that of the chosen case if no other case names it.
 * Errors:    CW_E_CLOSED (of the chosen case's channel; *chosen is written), CW_E_TIMEOUT, CW_E_CANCELLED (the calling green thread was
 *            asked to stop while it waited, or `stop` was), CW_E_ASYNC, CW_E_LIMIT (n over CW_ABI_MAX_CASES). */
CW_API cw_status cw_abi_select(cw_abi_select_case *cases, size_t n, uint64_t timeout_ns, size_t *chosen, cw_abi_stop_wait *stop);

/* --- I/O ------------------------------------------------------------------------------------------------------ */

/* Common to all: threads: any. Signals: must not. A failed call leaves the text of cw_last_error(), and the system's reason in errno (with
 * CW_E_SYSTEM always). Errors of each that waits: CW_E_TIMEOUT, CW_E_CANCELLED, CW_E_CLOSED, CW_E_STOPPED (a plain thread waited while the
 * runtime stopped), CW_E_NOMEM, CW_E_LIMIT, CW_E_SYSTEM, CW_E_ASYNC, and those of the runtime's start. */

#define CW_ABI_IO_READ 0
#define CW_ABI_IO_WRITE 1

/* Waits until reading or writing would not block.
 * Errors:    CW_E_INVALID (not an open descriptor). */
CW_API cw_status cw_abi_io_wait(int fd, int direction, uint64_t timeout_ns, cw_abi_stop_wait *stop);

/* A descriptor that the library owns, on the heap. */
typedef struct cw_abi_io_file cw_abi_io_file;

/* Takes the descriptor over and makes it non-blocking; on failure it stays the caller's.
 * Errors:    CW_E_INVALID (not an open descriptor), CW_E_NOMEM, CW_E_SYSTEM. */
CW_API cw_status cw_abi_io_adopt(int fd, cw_abi_io_file **out);

/* Reads what is there, up to n bytes; *got 0 is the end. */
CW_API cw_status cw_abi_io_read(cw_abi_io_file *file, void *to, size_t n, size_t *got, uint64_t timeout_ns, cw_abi_stop_wait *stop);

/* Writes n bytes; *put is less if something ended the call after the first of them. */
CW_API cw_status cw_abi_io_write(cw_abi_io_file *file, const void *from, size_t n, size_t *put, uint64_t timeout_ns,
                                 cw_abi_stop_wait *stop);

/* Accepts a connection; address (a struct sockaddr, may be NULL) and *size as in accept(2). */
CW_API cw_status cw_abi_io_accept(cw_abi_io_file *file, void *address, uint32_t *size, cw_abi_io_file **out, uint64_t timeout_ns,
                                  cw_abi_stop_wait *stop);

/* Connects to an address (a struct sockaddr of size bytes). */
CW_API cw_status cw_abi_io_connect(cw_abi_io_file *file, const void *address, uint32_t size, uint64_t timeout_ns, cw_abi_stop_wait *stop);

/* Closes it: calls under way, and later ones, end with CW_E_CLOSED, and the descriptor is closed when the last of them has ended.
 * Errors:    CW_E_CLOSED (it is already), CW_E_SYSTEM (of close(2); it is closed). */
CW_API cw_status cw_abi_io_close(cw_abi_io_file *file);

/* Gives the descriptor back, as blocking as it was.
 * Errors:    CW_E_BUSY (a call is under way), CW_E_CLOSED. */
CW_API cw_status cw_abi_io_release(cw_abi_io_file *file, int *fd);

/* The descriptor; -1 once it is closed or released. */
CW_API int cw_abi_io_fd(cw_abi_io_file *file);

/* Closes it, and ends the object when the last call has left. */
CW_API void cw_abi_io_destroy(cw_abi_io_file *file);

/* --- Calls in and out ------------------------------------------------------------------------------------------ */

/* What a call in runs: constant, and there until the call returns. Three words go in and one comes out, in registers, so that the function that C has
 * a pointer to may end in a jump to cw_abi_enter(). */
typedef struct cw_abi_entry {
  uint64_t (*target)(uint64_t a, uint64_t b, uint64_t c); /* on a green thread. Nothing but foreign unwinding may leave it */
  uint64_t (*failed)(cw_status status, uint64_t a);       /* instead of target, on the caller's stack: what C gets. Must not throw */
} cw_abi_entry;

/* Runs entry->target(a, b, c) on a green thread of the calling thread, as cw_enter() does, and gives its result.
 * Errors:    those of cw_enter() but CW_E_PANIC and CW_E_INVALID: target did not run, and the result is that of entry->failed(status, a). */
CW_API uint64_t cw_abi_enter(uint64_t a, uint64_t b, uint64_t c, const cw_abi_entry *entry);

/* An entry could not run its function and gives C its fallback: says so in the log. */
CW_API void cw_abi_entry_failed(cw_status status, const void *function);

/* An exception left a function whose entry has no other way to go on, or it could not run and has no value to give: reports it and stops the
 * process. what is the exception's text, or NULL. */
#ifdef __cplusplus
[[noreturn]]
#endif
CW_API void cw_abi_entry_fatal(cw_status status, const void *function, const char *what);

/* Begins a leaf call that the caller makes by itself, on the stack that it runs on: the word that it sets to NULL afterwards, on every way out. NULL:
 * this is not a green thread with room enough on its stack, so make the call by cw_abi_call(). */
CW_API const void **cw_abi_leaf_begin(const void *function);

/* What a call out runs: the function that it calls, its arguments, and where its result goes, all in the frame of whoever calls. */
typedef void (*cw_abi_body)(void *frame);

/* Runs body(frame) as C code, as cw_call() does; kind is an enum cw_call_kind. function is what the body calls, for reports. Nothing but foreign
 * unwinding may leave body.
 * Errors:    CW_E_PANIC: body has returned, and a callback below it left an exception: cw_abi_tunnelled() gives it, at once. No text is set. */
CW_API cw_status cw_abi_call(int kind, cw_abi_body body, void *frame, const void *function);

/* Called by the target of a call in, in the handler of what it does not let out. *exception is a std::exception_ptr. If C was called by a call out,
 * that has the exception from here and will end with CW_E_PANIC: 1. Else, or if it has one already, nothing changes: 0; tell cw_abi_uncaught(). */
CW_API int cw_abi_tunnel(void *exception);

/* Moves the exception of the call out that has just answered CW_E_PANIC to *exception, a std::exception_ptr. */
CW_API void cw_abi_tunnelled(void *exception);

/* In a handler for any exception: 1 if what it caught must go on (throw;) because it is not a program's exception: what other languages throw, and the
 * forced_unwind by which a coroutine library unwinds a coroutine that is destroyed. */
CW_API int cw_abi_passes(void);

/* --- Callbacks with state -------------------------------------------------------------------------------------- */

/* One callback. What a template reads of it; the rest is the library's. */
typedef struct cw_abi_callback {
  void *opaque[4];
  void *closure; /* as it was given at the creation */
} cw_abi_callback;

/* How a result travels: what a code pointer gives once its callback is closed and the function behind it may be gone. */
enum cw_abi_result {
  CW_ABI_RESULT_WORD = 0,   /* nothing, an integer, a pointer: zero if there is no fallback */
  CW_ABI_RESULT_FLOAT = 1,  /* in a floating-point register */
  CW_ABI_RESULT_DOUBLE = 2, /* the same */
  CW_ABI_RESULT_OTHER = 3,  /* another scalar: zero if there is no fallback */
  CW_ABI_RESULT_CLASS = 4   /* without a fallback there is nothing to give */
};

/* What callbacks of one type have in common: constant, and there as long as any of them. Its address is the type's identity. */
typedef struct cw_abi_callback_type {
  /* target(callback, b, c), on a green thread, as in cw_abi_entry; failed is NULL. */
  cw_abi_entry entry;
  /* Instead of target, on the caller's stack: what C gets, by cw_abi_callback_failed(). callback is NULL if user data led to none. Must not throw. */
  uint64_t (*failed)(cw_status status, cw_abi_callback *callback, uint64_t b);
  /* What the code pointer of a callback leads to, with the callback in the static chain register (causeway/chain.h). NULL: there are no code pointers, but
   * user data; see cw_abi_enter_user_data(). */
  void (*thunk)(void);
  /* Ends the closure; called once, when the callback is closed, released, and nobody runs it any more; by who released it or by the last call's thread. May
   * be NULL. Must not throw. */
  void (*destroy)(void *closure);
  const void *signature; /* by address: a code pointer is used again for the same one first */
  uint32_t result_size;  /* bytes */
  uint32_t result_kind;  /* an enum cw_abi_result */
} cw_abi_callback_type;

/* Makes a callback. options may be NULL: name, owner and fallback (result_size bytes, copied) are looked at.
 * Ownership: closure stays the caller's unless the answer is CW_OK. *out is to be released, once.
 * Errors:    CW_E_NOMEM, CW_E_EXECMEM, CW_E_LIMIT, CW_E_UNSUPPORTED, CW_E_INVALID (the options' size), CW_E_CLOSED (the owner), those of handles. */
CW_API cw_status cw_abi_callback_create(const cw_abi_callback_type *type, void *closure, const cw_callback_options *options,
                                        cw_abi_callback **out);

/* Its code pointer; NULL if its type has none. Valid for good: after the end of the callback it gives the fallback, until it is used for another one. */
CW_API void (*cw_abi_callback_code(cw_abi_callback *callback))(void);

/* Its user data, for a type without code pointers; else NULL. */
CW_API void *cw_abi_callback_data(cw_abi_callback *callback);

/* From here on calls get the fallback. Again is nothing. */
CW_API void cw_abi_callback_close(cw_abi_callback *callback);

/* Closes it, and waits until nobody runs it. After an error it is closed all the same, but for CW_E_STATE.
 * Errors:    CW_E_STATE (the caller is inside it), CW_E_TIMEOUT, CW_E_CANCELLED, CW_E_ASYNC. */
CW_API cw_status cw_abi_callback_close_and_wait(cw_abi_callback *callback, uint64_t timeout_ns, cw_abi_stop_wait *stop);

/* Closes it, waits until nobody runs it, and ends its closure. From inside itself it does not wait: its last call ends the closure. */
CW_API void cw_abi_callback_release(cw_abi_callback *callback);

/* Closes an owner's callbacks and waits until nobody runs them, whoever asks the caller to stop; the handles are stale then, as after cw_owner_close(). From
 * inside one of them, or where waiting is not possible, it does not wait: what the last call leaves is ended then. A handle that is stale is nothing. */
CW_API void cw_abi_owner_release(cw_owner owner);

/* Runs type->entry.target(callback, b, c) on a green thread of the calling thread, as cw_abi_enter() does, unless the callback is closed.
 * Errors:    the result is that of type->failed(status, callback, b): those of cw_abi_enter(), and CW_E_CLOSED. */
CW_API uint64_t cw_abi_enter_callback(cw_abi_callback *callback, uint64_t b, uint64_t c, const cw_abi_callback_type *type);

/* The same for the callback that `data` was given for, if it is of this type.
 * Errors:    the same, and CW_E_STALE (there is none, or no longer). */
CW_API uint64_t cw_abi_enter_user_data(const void *data, uint64_t b, uint64_t c, const cw_abi_callback_type *type);

/* A call that did not run: writes what C gets, type->result_size bytes, to *result; counts the call, says so in the log, and stops the process where there is
 * nothing to give. */
CW_API void cw_abi_callback_failed(cw_status status, cw_abi_callback *callback, const cw_abi_callback_type *type, void *result);

#ifdef __cplusplus
}
#endif

#endif /* CAUSEWAY_ABI_H */
