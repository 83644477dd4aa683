/* SPDX-License-Identifier: MIT
 *
 * Causeway, the C interface: green threads, and calls between them and C. C11, and valid C++.
 *
 * Conventions that hold for every declaration below and are not repeated there:
 *
 *   Threads      Any thread may call, also one that the runtime did not create, unless "Threads:" says less.
 *   Signals      A function may be called from a signal handler only if it says so.
 *   Status       A function that can fail returns cw_status. On any other value than CW_OK nothing has happened, no
 *                out-parameter was written, and cw_last_error() has a text that says what to do.
 *   Arguments    A null pointer where one is needed, or a size that cannot be, is CW_E_INVALID; never a crash.
 *   Handles      64 bits, checked at each use: CW_E_HANDLE (never was one; 0 never is), CW_E_STALE (its object is gone),
 *                CW_E_TYPE (of another kind). They are plain numbers: copy, store and send them freely.
 *   Structs      Option and statistics structs begin with their size, which their _init sets. Fields are only ever appended, and
 *                the library reads and writes no more than size bytes, so that old programs work with new libraries.
 *   Times        Nanoseconds. A timeout_ns is a duration; 0 tries without waiting; CW_FOREVER waits without end.
 *   Waits        Block the green thread, or a thread without one. A wait of a green thread that was asked to stop ends with
 *                CW_E_CANCELLED; what can be done without waiting is done all the same.
 *
 * A first program:
 *
 *   static void hello(void *arg) { puts(arg); }
 *
 *   cw_green g;
 *   cw_runtime_start(NULL);
 *   if (cw_green_spawn(hello, "hello", NULL, &g) == CW_OK) cw_green_join(g, CW_FOREVER);
 *   cw_runtime_stop(CW_FOREVER);
 */
#ifndef CAUSEWAY_CAUSEWAY_H
#define CAUSEWAY_CAUSEWAY_H

#include <stddef.h>
#include <stdint.h>

/* Version of this header. cw_version() answers for the library that the program runs with. */
#define CW_VERSION "0.1.0"
#define CW_VERSION_MAJOR 0
#define CW_VERSION_MINOR 1
#define CW_VERSION_PATCH 0

/* Marks what the shared library exports. CW_BUILDING is set while the library itself is compiled. */
#if defined(CW_BUILDING)
#define CW_API __attribute__((visibility("default")))
#else
#define CW_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* --- Status -------------------------------------------------------------------------------------------------- */

/* The one list of status codes: X(name, value, text). Values never change; new ones are appended. */
#define CW_STATUS_LIST(X)                                                     \
  X(CW_OK, 0, "success")                                                      \
  X(CW_E_INVALID, 1, "an argument cannot be: null, or a size out of range")   \
  X(CW_E_NOMEM, 2, "out of memory, mappings or threads")                      \
  X(CW_E_STATE, 3, "not allowed in this state")                               \
  X(CW_E_NOT_READY, 4, "not ready yet: no runtime, or nothing there to take") \
  X(CW_E_STOPPED, 5, "the runtime is stopping or has stopped")                \
  X(CW_E_BUSY, 6, "still in use")                                             \
  X(CW_E_TIMEOUT, 7, "the time was up first")                                 \
  X(CW_E_FULL, 8, "no room left")                                             \
  X(CW_E_CLOSED, 9, "closed")                                                 \
  X(CW_E_STALE, 10, "the handle's object is gone")                            \
  X(CW_E_HANDLE, 11, "not a handle that this process was given")              \
  X(CW_E_TYPE, 12, "a handle of another kind")                                \
  X(CW_E_SIGNATURE, 13, "a signature that cannot be read or done")            \
  X(CW_E_NOT_FOUND, 14, "not found")                                          \
  X(CW_E_LIMIT, 15, "a configured limit is reached")                          \
  X(CW_E_DEPTH, 16, "calls nest too deeply, or too little C stack is left")   \
  X(CW_E_FORKED, 17, "a forked child without a restarted runtime")            \
  X(CW_E_ASYNC, 18, "not allowed in a signal handler")                        \
  X(CW_E_PANIC, 19, "an exception left the function")                         \
  X(CW_E_CANCELLED, 20, "the waiting green thread was asked to stop")         \
  X(CW_E_EXECMEM, 21, "no code memory for another entry")                     \
  X(CW_E_DUPLICATE, 22, "already there")                                      \
  X(CW_E_UNSUPPORTED, 23, "not supported on this system")                     \
  X(CW_E_SYSTEM, 24, "a system call failed")

/* What a function answers. CW_OK is 0, so that `if (status)` reads as "failed". */
#define CW_STATUS_ENUMERATOR(name, value, text) name = value,
#ifdef __cplusplus
typedef enum cw_status : unsigned { CW_STATUS_LIST(CW_STATUS_ENUMERATOR) } cw_status; /* as C lays it out; any number may arrive */
#else
typedef enum cw_status { CW_STATUS_LIST(CW_STATUS_ENUMERATOR) } cw_status;
#endif
#undef CW_STATUS_ENUMERATOR

/* The name of a status, such as "CW_E_TIMEOUT"; "CW_E_?" for a number that is none. Constant text, never NULL.
 * Signals:   safe. */
CW_API const char *cw_status_name(cw_status status);

/* One line about a status, for people. Constant text, never NULL.
 * Signals:   safe. */
CW_API const char *cw_status_text(cw_status status);

/* What the last failing call of this green thread (else of this thread) had to say; "" if none failed. Never NULL.
 * Ownership: the library's; valid until the next failing call of the same green thread or thread. */
CW_API const char *cw_last_error(void);

/* --- Common types -------------------------------------------------------------------------------------------- */

/* A wait without end. */
#define CW_FOREVER UINT64_MAX

/* Code to run, with the pointer that was given with it. */
typedef void (*cw_fn)(void *arg);

/* Handles: see "Handles" above. 0 is never valid. */
typedef uint64_t cw_green;    /* a green thread, from cw_green_spawn() */
typedef uint64_t cw_event;    /* an event, from cw_event_create() */
typedef uint64_t cw_stack;    /* a declared stack, from cw_stack_declare() */
typedef uint64_t cw_function; /* a C function with its signature, from cw_function_create() */
typedef uint64_t cw_callback; /* a callback, from cw_callback_create() */
typedef uint64_t cw_owner;    /* an owner of callbacks, from cw_owner_create() */
typedef uint64_t cw_channel;  /* a channel, from cw_channel_create() */
typedef uint64_t cw_handle;   /* an object of the user's, from cw_handle_create() */

/* --- Runtime: options, start, stop --------------------------------------------------------------------------- */

/* What to do when a call in arrives on a stack that the thread was not seen on before. */
enum cw_stack_policy {
  CW_STACK_ACCEPT = 0, /* accept it, learn its bounds */
  CW_STACK_STRICT = 1  /* stop the process if managed frames are suspended further up on the thread */
};

/* How the two sides of a crossing see each other's stores. */
enum cw_barrier {
  CW_BARRIER_AUTO = 0,       /* membarrier where the system has it, else fences */
  CW_BARRIER_MEMBARRIER = 1, /* membarrier, or CW_E_UNSUPPORTED at start */
  CW_BARRIER_FENCE = 2       /* a full fence in each crossing: for sandboxes that will take membarrier away */
};

/* Levels of log lines; option log_level lets that level and all higher ones through. */
enum cw_log_level { CW_LOG_TRACE = 0, CW_LOG_DEBUG = 1, CW_LOG_INFO = 2, CW_LOG_WARN = 3, CW_LOG_ERROR = 4, CW_LOG_OFF = 6 };

/* How a runtime is set up. Fill it with cw_options_init(), then change single fields. In a field of which 0 makes no sense, 0
 * asks for its default. Out of range: CW_E_INVALID at start, with the field's name in cw_last_error(). */
typedef struct cw_options {
  size_t size;              /* of this struct; set by cw_options_init() */
  uint32_t processors;      /* green threads that run at one time. 0: CPUs in the affinity mask, capped by the cgroup quota */
  size_t stack_size;        /* of a green thread, rounded up to 16 KiB, 64 KiB, 256 KiB or 1 MiB. 64 KiB */
  size_t guard_size;        /* below each stack, rounded up to pages. 0: one page */
  size_t system_stack_size; /* C stack of a worker. 8 MiB */
  uint32_t max_threads;     /* workers, our own OS threads; at the limit calls out wait. 10 000 */
  uint64_t max_foreign;     /* host threads that may be known at one time, beyond it CW_E_LIMIT. 0: no limit */
  uint64_t max_green;       /* green threads alive at one time, beyond it CW_E_LIMIT. 0: no limit */
  uint32_t max_depth;       /* of calls nested in one thread, beyond it CW_E_DEPTH. 10 000 */
  uint32_t max_hogs;        /* green threads that may keep an OS thread busy outside the processors. 0: 4 * processors */
  uint32_t post_capacity;   /* posts waiting to run, beyond it CW_E_FULL. 65 536 */
  int stack_policy;         /* an enum cw_stack_policy. CW_STACK_ACCEPT */
  int barrier;              /* an enum cw_barrier. CW_BARRIER_AUTO */
  uint64_t start_wait_ns;   /* how long a call that needs a runtime waits for a start elsewhere, then CW_E_NOT_READY. 10 s */
  int implicit_start;       /* 1: such a call starts a runtime itself if nobody does; 0: it waits. 1 */
  uint64_t stop_timeout_ns; /* how long an implicit stop (the C++ destructor) waits. 10 s */
  int guard_handler;        /* 1: a hit of one of our guard pages is reported by name (SIGSEGV, SIGBUS). 1 */
  int crash_reports;        /* 1: other crashes are reported too. 0 */
  int signal;               /* to stop and detach workers. 0: the first free real-time signal, once it is needed */
  int log_level;            /* an enum cw_log_level. CW_LOG_WARN */
  const char *check;        /* comma list of checks and test switches, as in CAUSEWAY_CHECK; copied at start. "" */
} cw_options;

/* Fills *options with the defaults above, and its size.
 * Errors:    CW_E_INVALID (NULL). */
CW_API cw_status cw_options_init(cw_options *options);

/* Sets what an implicit start uses from now on; NULL puts the defaults back. A running runtime does not change.
 * Ownership: copied.
 * Errors:    CW_E_INVALID (size not set, or a field out of range), CW_E_NOMEM. */
CW_API cw_status cw_options_set_default(const cw_options *options);

/* Starts the runtime, or takes one more reference to the running one (whose options then stay as they are). NULL: what
 * cw_options_set_default() set, else the defaults. Each successful start needs one cw_runtime_stop().
 * Errors:    CW_E_INVALID (an option out of range), CW_E_STOPPED (a stop is under way), CW_E_UNSUPPORTED (barrier), CW_E_NOMEM,
 *            CW_E_SYSTEM. */
CW_API cw_status cw_runtime_start(const cw_options *options);

/* Gives back one reference. The last one stops the runtime: spawns are refused, every green thread is asked to stop (waits end
 * with CW_E_CANCELLED), and the call waits until all have ended and our threads, mappings and handlers are gone. Afterwards
 * the runtime can be started again. A callback or an entry that C calls after the stop starts one anew (implicit_start): close callbacks first.
 * Threads:   not a green thread, when it is the last reference (it would wait for itself).
 * Errors:    CW_E_BUSY (the time was up: cw_last_error() names who is left; the stop goes on, and another call waits for it
 *            again), CW_E_STATE (not started, or on a green thread), CW_E_FORKED. */
CW_API cw_status cw_runtime_stop(uint64_t timeout_ns);

/* In a child of fork(): forgets the runtime that the parent had, after which a call that needs one starts it anew, and so does
 * cw_runtime_start(). Until then everything that needs a runtime answers CW_E_FORKED at once, and entries give C their fallback. What the
 * parent's green threads were doing is not done: their handles are stale, and objects that they, or other threads, were using at that
 * moment stay as they were. CW_OK, and nothing to forget, if the parent had no runtime when it forked; then nothing answered
 * CW_E_FORKED either. A child that execs needs none of this.
 * Threads:   any but a green thread. In C code that a green thread of the parent has called it may be called too; but that code must not
 *            return: a child that returns into a green thread ends with _exit(70) and one line on stderr.
 * Errors:    CW_E_STATE (not in a child of fork(), while a runtime runs; or on a green thread). */
CW_API cw_status cw_runtime_restart_in_child(void);

/* The library's version, such as "0.1.0". Constant text.
 * Signals:   safe. */
CW_API const char *cw_version(void);

/* Counters of the runtime. What counts events counts from the start of the runtime; the others are the state of the moment. Read without
 * stopping anything, so two fields may be from slightly different moments. */
typedef struct cw_stats {
  size_t size;                    /* of this struct; set by cw_stats_init() */
  uint64_t processors;            /* green threads that can run at one time */
  uint64_t workers;               /* OS threads of ours that run green threads */
  uint64_t foreign_threads;       /* host threads bound to the runtime */
  uint64_t spare_threads;         /* thread records kept for host threads to come */
  uint64_t greens;                /* green threads alive */
  uint64_t greens_parked;         /* of these, waiting for something */
  uint64_t spawned;               /* green threads ever spawned */
  uint64_t calls_in;              /* calls from C */
  uint64_t calls_out;             /* calls to C */
  uint64_t nested;                /* calls from C inside a call to C */
  uint64_t handoffs;              /* processors taken from a call to C that lasted */
  uint64_t hogs_detached;         /* processors taken from a green thread that ran too long */
  uint64_t stacks_learned;        /* host stacks whose bounds were found out */
  uint64_t stacks_accepted;       /* calls that came on another stack than expected, and were accepted */
  uint64_t stack_bytes;           /* mapped for the stacks of green threads */
  uint64_t callbacks_live;        /* callbacks created and not closed */
  uint64_t callbacks_dead_called; /* calls of closed callbacks, and with user data that no callback has */
  uint64_t handles_live;          /* handles of all kinds in use */
  uint64_t records_retired;       /* calls that a longjmp skipped */
  uint64_t world_stops;           /* times that all managed code was stopped */
  uint64_t posts_dropped;         /* posts refused with CW_E_FULL */
} cw_stats;

/* Clears *stats and sets its size.
 * Errors:    CW_E_INVALID (NULL). */
CW_API cw_status cw_stats_init(cw_stats *stats);

/* Fills *stats as far as its size goes. Without a runtime the counts of events are those of the last one.
 * Errors:    CW_E_INVALID (NULL, or size not set). */
CW_API cw_status cw_runtime_stats(cw_stats *stats);

/* --- Looking in ---------------------------------------------------------------------------------------------- */

/* Runs fn(arg) on the calling thread while no managed code runs anywhere: no callback, no green thread, on any thread. C code goes on until it
 * calls in or returns. For collectors, snapshots and debuggers.
 * Inside fn cw_world_visit() and cw_world_visit_all() may be called, and nothing else that is not async-signal-safe: a stopped thread may hold any
 * lock, malloc's too. Check mode `world` stops the process when fn calls malloc, takes a pthread lock and the like; other functions of this
 * header answer CW_E_ASYNC there. fn must not throw, and the world stands still until it returns.
 * One stop at a time: others wait for their turn.
 * Threads:   any, and green threads; not in signal handlers.
 * Errors:    CW_E_TIMEOUT (somebody did not stop in time: cw_last_error() says who; fn did not run), CW_E_STATE (inside such a function),
 *            CW_E_NOT_READY, CW_E_ASYNC, CW_E_INVALID (fn is NULL). */
CW_API cw_status cw_world_run(uint64_t timeout_ns, cw_fn fn, void *arg);

enum cw_segment_kind {
  CW_SEGMENT_USER = 0,     /* a green thread's own stack */
  CW_SEGMENT_C = 1,        /* C code between a call out of that green thread and a callback below it */
  CW_SEGMENT_REGISTERS = 2 /* the registers of a green thread that a signal stopped in its own code */
};

/* A piece of memory, constant while the world stands still. What is in use is [sp, high). The registers that a green thread had at the stop are
 * in there, or in a segment of their own. */
typedef struct cw_segment {
  size_t size;       /* of this struct, as the library knows it */
  uint64_t green_id; /* whose it is; for CW_SEGMENT_C whose call out it belongs to */
  int kind;          /* an enum cw_segment_kind */
  const void *low;   /* the stack's bounds; for CW_SEGMENT_C low is sp, because a stack of C may be anybody's */
  const void *high;
  const void *sp; /* the lowest address in use */
  const void *pc; /* where it goes on; NULL: not known */
} cw_segment;

/* Sees one segment; not 0 ends the visit. As fn of cw_world_run(): async-signal-safe. */
typedef int (*cw_visitor)(const cw_segment *segment, void *arg);

/* Calls visitor(segment, arg) for the stack of each green thread that has begun and not ended; _all: for the C code between its calls out and the
 * callbacks below them too. C code that is running has no segment: where its stack ends is its own affair, and it runs on.
 * Threads:   inside the function of cw_world_run() only.
 * Errors:    CW_E_STATE (elsewhere), CW_E_INVALID (visitor is NULL). */
CW_API cw_status cw_world_visit(cw_visitor visitor, void *arg);
CW_API cw_status cw_world_visit_all(cw_visitor visitor, void *arg);

enum cw_trace_flags {
  CW_TRACE_SELF = 1, /* what runs on the calling thread */
  CW_TRACE_ALL = 2   /* all green threads */
};

/* Writes who called whom into buffer, as text, and closes it with a 0: managed code, the C code that called it, the managed code that called that, in one
 * list, with a line at each crossing. Functions have file, line and what was inlined where the programs have debug information and libdw.so.1 can be
 * loaded. Of all green threads: state, what each waits for and for how long, who spawned it. What does not fit is left out, whole lines at a time;
 * buffer may be NULL if n is 0.
 * Returns:   the length of the whole text, as snprintf does: it was all there if that is less than n. 0 after an error.
 * Threads:   any, and green threads; not in signal handlers. CW_TRACE_ALL stops the world for the time that it takes to copy addresses; where that
 *            cannot be done in a second, it says why and tells what can be told without. Allocates, reads files.
 * Errors:    CW_E_INVALID (flags), CW_E_ASYNC, CW_E_NOT_READY and CW_E_NOMEM (CW_TRACE_ALL; the text says so too). See cw_last_error(). */
CW_API size_t cw_traceback(char *buffer, size_t n, unsigned flags);

/* The same of one green thread, by its cw_green_id().
 * Errors:    CW_E_STALE (there is none, or it has ended), CW_E_INVALID (0), and those of CW_TRACE_ALL. */
CW_API size_t cw_traceback_of(uint64_t green_id, char *buffer, size_t n);

typedef struct cw_stack_record {
  size_t size;        /* of this struct */
  uint64_t count;     /* green threads with this stack */
  uint32_t depth;     /* of pc */
  const void *pc[64]; /* addresses in code, innermost first; but for the place of one that was interrupted, each is one to return to */
} cw_stack_record;

/* Groups all green threads by their stacks, the most frequent first, and writes up to n records. *count: how many stacks there are, also beyond n.
 * Threads:   as cw_traceback(); stops the world.
 * Errors:    CW_E_INVALID (NULL), CW_E_TIMEOUT, CW_E_NOT_READY, CW_E_NOMEM, CW_E_ASYNC. */
CW_API cw_status cw_green_profile(cw_stack_record *records, size_t n, size_t *count);

/* --- Errors and log lines that have no caller ---------------------------------------------------------------- */

/* Told of an exception that nobody could receive: one that left a post, a green thread that was detached from the start, or a callback whose policy says
 * so. name is as in reports, "reader", or "reader/on_row" in a callback with a name, or ""; text is what was thrown says; both valid during the call only.
 * Runs on the green thread; must not throw. */
typedef void (*cw_error_fn)(cw_status status, const char *name, const char *text, void *arg);

/* Sets the handler of such exceptions; NULL puts the default back: a report on stderr and the end of the process.
 * Ownership: arg stays the caller's, and must live until another handler is set and calls of the old one have returned.
 * Errors:    none; CW_OK. */
CW_API cw_status cw_error_handler_set(cw_error_fn fn, void *arg);

/* Receives log lines: level is an enum cw_log_level, text has no newline and is valid during the call only. Called by any
 * thread of ours or the caller's, one call at a time, never on a hot path or in a signal handler. Must not call the library. */
typedef void (*cw_log_fn)(int level, const char *text, size_t length, void *arg);

/* Sends log lines to fn instead of stderr; NULL puts stderr back. When it returns, the old function is no longer running.
 * Ownership: arg stays the caller's, and must live until another function is set.
 * Errors:    none; CW_OK. */
CW_API cw_status cw_log_set(cw_log_fn fn, void *arg);

/* --- Green threads ------------------------------------------------------------------------------------------- */

/* How to spawn a green thread. Fill it with cw_spawn_options_init(), then change single fields. */
typedef struct cw_spawn_options {
  size_t size;       /* of this struct; set by cw_spawn_options_init() */
  const char *name;  /* in reports and traces; copied, cut to 31 bytes. NULL: none */
  size_t stack_size; /* rounded up to a class, at most 1 MiB. 0: the runtime's option */
  int locked;        /* 1: starts as if its first act were cw_thread_lock(). 0 */
} cw_spawn_options;

/* Fills *options with the defaults above, and its size.
 * Errors:    CW_E_INVALID (NULL). */
CW_API cw_status cw_spawn_options_init(cw_spawn_options *options);

/* Runs fn(arg) on a new green thread. With out == NULL it is detached; else *out is to be joined or detached, once.
 * Starts the runtime if none runs and implicit_start is on.
 * Ownership: arg stays the caller's and must live as long as fn uses it; options are copied.
 * Errors:    CW_E_INVALID, CW_E_NOMEM (no stack or no memory), CW_E_LIMIT (max_green), CW_E_STOPPED, CW_E_NOT_READY. */
CW_API cw_status cw_green_spawn(cw_fn fn, void *arg, const cw_spawn_options *options, cw_green *out);

/* Waits until the green thread has ended. Afterwards the handle is stale, unless the wait itself failed.
 * Errors:    CW_E_PANIC (an exception left it; joined all the same), CW_E_STATE (of oneself, or somebody else is joining it), CW_E_TIMEOUT,
 *            CW_E_CANCELLED, and those of handles. */
CW_API cw_status cw_green_join(cw_green green, uint64_t timeout_ns);

/* Lets the green thread run on without anybody to join it; an exception that leaves it from now on is lost. Afterwards the handle is stale.
 * Errors:    CW_E_STATE (somebody is joining it), and those of handles. */
CW_API cw_status cw_green_detach(cw_green green);

/* Asks the green thread to stop: its wait, or else its next one, ends with CW_E_CANCELLED, and so does each further one.
 * Asking again does nothing. One that has ended and was not joined yet is CW_OK too.
 * Errors:    those of handles. */
CW_API cw_status cw_green_request_stop(cw_green green);

/* Lets other green threads run first. A thread that runs none yields its CPU instead.
 * Errors:    none; CW_OK. */
CW_API cw_status cw_green_yield(void);

/* Sleeps, at least that long. A thread that runs no green thread sleeps itself. 0 is a yield.
 * Errors:    CW_E_CANCELLED. */
CW_API cw_status cw_green_sleep(uint64_t ns);

/* The number of the calling green thread: never used twice in a process, and 0 outside green threads. */
CW_API uint64_t cw_green_id(void);

/* 1 if the caller runs on a green thread, else 0. */
CW_API int cw_on_green(void);

/* --- Affinity ------------------------------------------------------------------------------------------------ */

/* Keeps the calling green thread on the OS thread that runs it now, until as many cw_thread_unlock() as cw_thread_lock() were
 * called or it ends. Other green threads do not run on that OS thread meanwhile. For C libraries that keep state per thread.
 * Threads:   green threads; elsewhere there is nothing to keep.
 * Errors:    CW_E_STATE (not on a green thread), CW_E_LIMIT (nested over 2^31 times). */
CW_API cw_status cw_thread_lock(void);

/* Takes one cw_thread_lock() back.
 * Errors:    CW_E_STATE (not locked, or not on a green thread). */
CW_API cw_status cw_thread_unlock(void);

/* --- Meeting points: event ----------------------------------------------------------------------------------- */

/* Makes an event: a flag to wait for, not set. One wait takes one set away (auto-reset); several sets before a wait are one.
 * Waiters are served first come, first served.
 * Errors:    CW_E_INVALID, CW_E_NOMEM, CW_E_LIMIT (2^24 handles of meeting points are in use). */
CW_API cw_status cw_event_create(cw_event *out);

/* Sets the event: wakes its first waiter, or lets the next wait go on at once.
 * Signals:   safe; it never blocks, and keeps errno.
 * Errors:    those of handles; cw_last_error() stays as it was, since the caller may be a signal handler. */
CW_API cw_status cw_event_set(cw_event event);

/* Waits until the event is set, and takes that set away.
 * Errors:    CW_E_TIMEOUT, CW_E_CANCELLED, CW_E_CLOSED (closed during the wait), and those of handles. */
CW_API cw_status cw_event_wait(cw_event event, uint64_t timeout_ns);

/* Ends the event: its waiters get CW_E_CLOSED, and the handle is stale from now on. Never waits; calls still in progress finish
 * safely by themselves.
 * Errors:    those of handles. */
CW_API cw_status cw_event_close(cw_event event);

/* --- Meeting points: channel --------------------------------------------------------------------------------- */

/* Makes a channel: items of item_size bytes go from senders to receivers, in order. Up to capacity of them wait inside; with
 * capacity 0 a send ends when a receive took its item. Both sides are served first come, first served.
 * Errors:    CW_E_INVALID (item_size 0 or over 2^31, capacity over 2^31), CW_E_NOMEM, CW_E_LIMIT (as cw_event_create()). */
CW_API cw_status cw_channel_create(size_t item_size, size_t capacity, cw_channel *out);

/* Sends a copy of the item_size bytes at item.
 * Ownership: item stays the caller's.
 * Errors:    CW_E_CLOSED, CW_E_TIMEOUT (also with timeout_ns 0 and no room), CW_E_CANCELLED, and those of handles. */
CW_API cw_status cw_channel_send(cw_channel channel, const void *item, uint64_t timeout_ns);

/* Receives the next item into the item_size bytes at item. What was sent before a close is still received.
 * Errors:    CW_E_CLOSED (closed, and nothing is left), CW_E_TIMEOUT (also with timeout_ns 0 and nothing there), CW_E_CANCELLED,
 *            and those of handles. */
CW_API cw_status cw_channel_receive(cw_channel channel, void *item, uint64_t timeout_ns);

/* Closes the channel: sends fail from now on, also those that wait; receives drain it and then fail.
 * Errors:    CW_E_CLOSED (it was closed before; harmless), and those of handles. */
CW_API cw_status cw_channel_close(cw_channel channel);

/* Closes the channel, drops what is left inside, and ends it: its waiters get CW_E_CLOSED and the handle is stale from now on.
 * Never waits; calls still in progress finish safely by themselves.
 * Errors:    those of handles. */
CW_API cw_status cw_channel_destroy(cw_channel channel);

/* --- Calls in: from C to green threads ------------------------------------------------------------------------ */

/* Runs fn(arg) on a green thread of the calling thread, and returns when fn has. In there everything may be done that a green thread may do:
 * park, spawn, call out, be called back; the calling thread waits meanwhile, and no processor is needed for it. The first call of a thread
 * binds it to the runtime until it ends; calls after that cost a few nanoseconds. On a green thread it is a plain call.
 * Threads:   any, on any stack: also from a coroutine that the host made, inside a call to C that a green thread made, nested, and
 *            returning in any order. Not from inside a call of kind CW_LEAF: that stops the process.
 * Errors:    CW_E_INVALID, CW_E_PANIC (an exception left fn; it is lost), CW_E_DEPTH (nested max_depth deep, or less than 64 KiB, or a
 *            quarter, of the C stack is left), CW_E_LIMIT
 *            (max_foreign), CW_E_NOMEM, CW_E_STOPPED, CW_E_NOT_READY (no runtime, and none started in time), CW_E_ASYNC (from a signal
 *            handler on its alternate stack, or that interrupted the runtime). But for CW_E_PANIC fn did not run. */
CW_API cw_status cw_enter(cw_fn fn, void *arg);

/* Runs fn(arg) later, on a green thread of its own. Posts of one thread are taken in their order; with several processors a
 * later one may begin before an earlier one.
 * Threads:   any.
 * Signals:   safe; it never blocks, and keeps errno.
 * Ownership: arg stays the caller's, and must live until fn has run; a stop of the runtime runs what was posted before it.
 * Errors:    CW_E_INVALID, CW_E_FULL (post_capacity posts wait), CW_E_STOPPED, CW_E_NOT_READY (no runtime; a post starts none).
 *            cw_last_error() stays as it was, since the caller may be a signal handler. */
CW_API cw_status cw_post(cw_fn fn, void *arg);

/* Binds the calling thread to the runtime now, so that its first call is as fast as the others and cannot fail for want of memory. Counted:
 * the thread stays bound until as many cw_thread_detach(), or until it ends. Never needed.
 * Errors:    CW_E_STATE (on a green thread, or in C code on one of the runtime's own threads), and those of cw_enter() that have to do with
 *            binding. */
CW_API cw_status cw_thread_attach(void);

/* Takes one cw_thread_attach() back; the last one gives the thread's place back to the runtime at once, and its next call binds it again.
 * Errors:    CW_E_STATE (not attached, on a green thread, or calls of the thread are still in progress). */
CW_API cw_status cw_thread_detach(void);

/* --- Calls out: from green threads to C ----------------------------------------------------------------------- */

/* How a call to C behaves. */
enum cw_call_kind {
  CW_LEAF = 0,    /* short, never waits, never calls back: cheapest. Calling back all the same stops the process with its name */
  CW_QUICK = 1,   /* any C code: on a system stack; other green threads get the processor only if the call lasts */
  CW_BLOCKING = 2 /* will wait: other green threads get the processor at once */
};

/* Calls fn(arg) as C code, on a C stack of full size. Elsewhere than on a green thread it is a plain call.
 * Errors:    CW_E_INVALID; then fn did not run. CW_E_PANIC: fn has returned, and an exception left a callback below it whose policy is to tell the
 *            caller of fn (on_exception::tunnel, CW_ON_EXCEPTION_TUNNEL); it is lost, but for its text in cw_last_error(). */
CW_API cw_status cw_call(int kind, cw_fn fn, void *arg);

/* Signatures, for functions that the program learns of at run time, are text: "i32(ptr, i32, ptr, ptr)".
 *
 *   types        void (a result) bool i8 u8 i16 u16 i32 u32 i64 u64 f32 f64 ptr size, f80 (C's long double, whichever it is on the CPU), and
 *                the C names char short int long float double
 *   structs      {i32, {f64, f64}}: by value, laid out as the C compiler does; arrays within them: {[4 x u8], i32}
 *   variadic     i32(ptr, ...): for calls out only
 *   no arguments i32() or i32(void)
 *
 * Not there: complex numbers, 128-bit integers, vectors, bit fields, unions and packed structs. At most 127 arguments, 4096 bytes per struct, 16 levels
 * of structs and arrays, 8 KiB of arguments, 4096 characters. A bad one is CW_E_SIGNATURE, and cw_last_error() has the column and what
 * was expected there. The library remembers each signature for the life of the process, equal texts once; 65 536 different ones at most. */

/* Makes a function of a symbol and its signature; kind is an enum cw_call_kind, for each call of it.
 * Ownership: signature is copied. symbol must stay callable while calls of it are made.
 * Errors:    CW_E_INVALID, CW_E_SIGNATURE, CW_E_NOMEM, CW_E_LIMIT. */
CW_API cw_status cw_function_create(const char *signature, void (*symbol)(void), int kind, cw_function *out);

/* Calls it, as cw_call() does. args[i] points at the argument number i, an object of its type; result at one of the result's type, which is written
 * as declared, whatever the function leaves in the rest of a register. args may be NULL without arguments, result if the result is void.
 * What the symbol throws, if it is C++, comes out.
 * Errors:    CW_E_INVALID (a pointer is missing, or the signature has `...`), CW_E_HANDLE, CW_E_STALE, CW_E_TYPE: nothing was called. CW_E_PANIC: as
 *            cw_call(); the result is written. */
CW_API cw_status cw_function_call(cw_function function, void *result, void **args);

/* The same for a signature with `...`: types has those of the arguments in its place, "i32, f64, ptr", or is "". As C passes them: an integer narrower
 * than an int as i32, a float as f64.
 * Errors:    also CW_E_SIGNATURE (types cannot be read, or the signature has no `...`), CW_E_NOMEM, CW_E_LIMIT. */
CW_API cw_status cw_function_call_variadic(cw_function function, const char *types, void *result, void **args);

/* Its handle is stale from here on. Calls that are under way go on; they are the caller's to wait for before the symbol goes away.
 * Errors:    CW_E_HANDLE, CW_E_STALE, CW_E_TYPE. */
CW_API cw_status cw_function_close(cw_function function);

/* --- Callbacks with state -------------------------------------------------------------------------------------- */

/* What happens to an exception that leaves a callback. */
enum cw_on_exception {
  CW_ON_EXCEPTION_TERMINATE = 0, /* a report, and the end of the process */
  CW_ON_EXCEPTION_RETURN = 1,    /* C gets the fallback, the error handler the exception */
  CW_ON_EXCEPTION_TUNNEL = 2     /* C gets the fallback, and the call out below which C called the exception */
};

/* How a callback is made. Fill it with cw_callback_options_init(), then change single fields. */
typedef struct cw_callback_options {
  size_t size;          /* of this struct; set by cw_callback_options_init() */
  const char *name;     /* in reports and log lines; copied, cut to 31 bytes. NULL: none */
  cw_owner owner;       /* closes it at the latest. 0: none */
  int on_exception;     /* an enum cw_on_exception. CW_ON_EXCEPTION_TERMINATE */
  const void *fallback; /* what C gets when the callback did not run or threw: copied at the creation, of the result's size. NULL: zero */
} cw_callback_options;

/* Fills *options with the defaults above, and its size.
 * Errors:    CW_E_INVALID (NULL). */
CW_API cw_status cw_callback_options_init(cw_callback_options *options);

/* What a callback runs: as managed code, which may park, spawn, and call C. args[i] points at argument number i; result at an object of the result's type to
 * be written, which holds zero if it is an integer or a pointer. Both are gone after the return. */
typedef void (*cw_callback_body)(void *result, void **args, void *user);

/* Makes a callback for a signature that is known at run time: "i32(ptr, ptr)", see "Signatures" above; `...` is not possible. options may be NULL.
 * Threads:   the body is run by each thread that calls the code pointer, by several at once.
 * Ownership: signature, name and fallback are copied. user stays the caller's, and must live until cw_callback_close_and_wait() has returned.
 * Errors:    CW_E_INVALID (a pointer is missing, the options' size or on_exception cannot be, or a struct result has no fallback for an exception),
 *            CW_E_SIGNATURE, CW_E_NOMEM, CW_E_EXECMEM (no code pointer is left, and the system gives no more), CW_E_UNSUPPORTED, CW_E_LIMIT, CW_E_CLOSED
 *            (the owner is being closed; afterwards it is CW_E_STALE), and those of handles. */
CW_API cw_status cw_callback_create(const char *signature, cw_callback_body body, void *user, const cw_callback_options *options,
                                    cw_callback *out);

/* The code pointer to give to C; cast it to the function's type. It stays callable after the callback is closed, as long as the process lives: then it gives
 * the fallback (zero without one; a struct without one stops the process), is counted, and logged once. It is used for another callback one day: last of
 * all for one of another signature.
 * Errors:    CW_E_INVALID (NULL), and those of handles. */
CW_API cw_status cw_callback_code(cw_callback callback, void (**out)(void));

/* Closes the callback: calls of its code pointer get the fallback from now on, calls in progress go on, and the handle is stale. Never waits, so what its
 * body uses may be in use still: cw_callback_close_and_wait() first, if that is to be freed. Afterwards only its owner can wait for its calls.
 * Errors:    those of handles. */
CW_API cw_status cw_callback_close(cw_callback callback);

/* The same, and waits until no call of it is in progress.
 * Errors:    CW_E_STATE (from inside itself; nothing was done), CW_E_TIMEOUT (cw_last_error() names who runs it; it is closed, and may be waited for again),
 *            CW_E_CANCELLED (the same), and those of handles. */
CW_API cw_status cw_callback_close_and_wait(cw_callback callback, uint64_t timeout_ns);

/* Makes an owner: what is registered with it is closed by cw_owner_close() at the latest. name: for reports; copied, cut to 31 bytes; may be NULL.
 * Errors:    CW_E_INVALID (out is NULL), CW_E_NOMEM, CW_E_LIMIT. */
CW_API cw_status cw_owner_create(const char *name, cw_owner *out);

/* Closes all callbacks of the owner, and waits until no call of them is in progress; then their handles and its own are stale.
 * Errors:    CW_E_STATE (from inside one of them; nothing was done), CW_E_TIMEOUT (cw_last_error() names who runs them; they are closed, and may be waited
 *            for again), CW_E_CANCELLED (the same), and those of handles. */
CW_API cw_status cw_owner_close(cw_owner owner, uint64_t timeout_ns);

/* --- Host stacks ---------------------------------------------------------------------------------------------- */

/* Tells the runtime of a stack that the host made, [low, low + size). Never needed: calls from a stack that was not declared are accepted too,
 * with estimated bounds. With it the bounds are exact, for depth checks and for whoever looks at stacks.
 * Errors:    CW_E_INVALID, CW_E_DUPLICATE (it overlaps a declared one), CW_E_NOMEM, CW_E_LIMIT (2^24 handles). */
CW_API cw_status cw_stack_declare(void *low, size_t size, cw_stack *out);

/* Takes the declaration back, before the memory is freed.
 * Errors:    those of handles. */
CW_API cw_status cw_stack_undeclare(cw_stack stack);

/* --- Handles of the user's own objects ------------------------------------------------------------------------ */

/* Gives C a number to keep in place of a pointer, as user data or as a key, that is checked whenever it comes back. Needs no runtime.
 *
 *   cw_handle_create(session, SESSION, &h);    ...    library_set_user_data((void *)h);
 *   if (cw_handle_get((cw_handle)user_data, SESSION, &session) == CW_OK) ...
 *
 * kind is the user's: any number, so that a handle of one type is not taken for one of another.
 * Ownership: p stays the caller's; the library never looks behind it, and NULL is a pointer like any other.
 * Errors:    CW_E_INVALID, CW_E_NOMEM, CW_E_LIMIT (2^24 handles of all kinds are in use). */
CW_API cw_status cw_handle_create(void *p, uint32_t kind, cw_handle *out);

/* The pointer of a handle, borrowed: a release does not wait for its use. For who knows that the object lives; else cw_handle_acquire(). Takes two
 * nanoseconds, from any number of threads at once.
 * Errors:    CW_E_TYPE (created with another kind, or a handle of another function), and the others of handles. */
CW_API cw_status cw_handle_get(cw_handle handle, uint32_t kind, void **out);

/* The same, and cw_handle_release() waits until cw_handle_unacquire() was called as often. One green thread or thread may acquire several times.
 * Errors:    CW_E_NOMEM, CW_E_ASYNC, and those of cw_handle_get(). A handle whose release waits is stale. */
CW_API cw_status cw_handle_acquire(cw_handle handle, uint32_t kind, void **out);

/* Gives one acquisition back: the caller's if it has one, else another one's, which was handed on.
 * Errors:    CW_E_STATE (nobody has acquired it), CW_E_ASYNC, and those of handles. */
CW_API cw_status cw_handle_unacquire(cw_handle handle);

/* Ends the handle: it is stale from now on. Waits, as long as it takes, until those who have acquired the object have given it back; then
 * nobody uses it any more but who borrowed it. A caller that joins a green thread which releases what the caller holds waits for ever. In a child of
 * fork() what the parent's other threads and green threads had acquired counts as given back.
 * Errors:    CW_E_STATE (the caller holds an acquisition, or a green thread or thread does that waits for the caller: below its call out, or for
 *            its call in), CW_E_CANCELLED (a green thread was asked to stop; the handle is good as before), CW_E_ASYNC, and those of
 *            cw_handle_get(). */
CW_API cw_status cw_handle_release(cw_handle handle, uint32_t kind);

#ifdef __cplusplus
}
#endif

#endif /* CAUSEWAY_CAUSEWAY_H */
