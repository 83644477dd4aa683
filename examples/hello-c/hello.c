/* SPDX-License-Identifier: MIT
 *
 * A thread that C made calls into a green thread. The first call starts the runtime and binds the thread to it; nothing else is to be set up. */
#include <causeway/causeway.h>
#include <pthread.h>
#include <stdio.h>

static void hello(void *who) { printf("%s is on a green thread: %s\n", (const char *)who, cw_on_green() ? "yes" : "no"); }
static void *thread(void *who) { return cw_enter(hello, who) == CW_OK ? who : NULL; }

int main(void) {
  pthread_t t;
  void *answer = NULL;
  if (pthread_create(&t, NULL, thread, "a call from a C thread") != 0 || pthread_join(t, &answer) != 0) return 1;
  return answer == NULL;
}
