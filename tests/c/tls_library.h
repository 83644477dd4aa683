/* SPDX-License-Identifier: MIT */
#ifndef TESTS_C_TLS_LIBRARY_H
#define TESTS_C_TLS_LIBRARY_H

/* What tls_set() stored on the calling OS thread; 7 before. */
void tls_set(int v);
int tls_get(void);

#endif
