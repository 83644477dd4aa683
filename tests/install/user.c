/* SPDX-License-Identifier: MIT
 *
 * A user's program, built outside of this project against what was installed: one green thread, joined. */
#include <causeway/causeway.h>
#include <stdio.h>

static void set(void *arg) { *(int *)arg = cw_on_green() ? 42 : 1; }

int main(void) {
  int answer = 0;
  cw_green green;
  if (cw_runtime_start(NULL) != CW_OK || cw_green_spawn(set, &answer, NULL, &green) != CW_OK) return 1;
  if (cw_green_join(green, CW_FOREVER) != CW_OK || cw_runtime_stop(CW_FOREVER) != CW_OK) return 2;
  printf("answer %d\n", answer);
  return answer == 42 ? 0 : 3;
}
