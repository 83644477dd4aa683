/* SPDX-License-Identifier: MIT
 *
 * THREAD_SANITIZER, SANITIZED: 1 in such a build. ThreadSanitizer lets a child of a process with threads make none; no sanitizer knows a join of the main
 * thread; all map memory of their own as they go. */
#ifndef TESTS_C_SANITIZERS_H
#define TESTS_C_SANITIZERS_H

#if defined(__SANITIZE_THREAD__)
#define THREAD_SANITIZER 1
#elif defined(__SANITIZE_ADDRESS__)
#define ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define THREAD_SANITIZER 1
#elif __has_feature(address_sanitizer)
#define ADDRESS_SANITIZER 1
#endif
#endif

#ifndef THREAD_SANITIZER
#define THREAD_SANITIZER 0
#endif
#ifndef ADDRESS_SANITIZER
#define ADDRESS_SANITIZER 0
#endif
#define SANITIZED (THREAD_SANITIZER || ADDRESS_SANITIZER)

#endif
