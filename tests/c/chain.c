/* SPDX-License-Identifier: MIT
 *
 * Ten green threads, each kept on an OS thread of its own, pass numbers along and write them with C's stdio (chain.go).
 *
 * Risk: a hand-over between locked green threads that is lost, or output of two of them in one line. */
#include <sys/syscall.h>
#include <unistd.h>

#include "check.h"

enum { LINKS = 10, NUMBERS = 30 };

struct link {
  int number;
  cw_channel from, to; /* 0: none */
  FILE *out;
};

struct line {
  FILE *out;
  int link;
  long value;
};

static void write_line(void *arg) {
  const struct line *const l = arg;
  fprintf(l->out, "%d %ld\n", l->link, l->value);
}

static void pass_on(void *arg) {
  const struct link *const l = arg;
  CHECK_STATUS(cw_thread_lock(), CW_OK);
  const long here = syscall(SYS_gettid);
  for (int i = 0; i < NUMBERS; ++i) {
    struct line line = {l->out, l->number, i};
    if (l->from != 0) CHECK_STATUS(cw_channel_receive(l->from, &line.value, CW_FOREVER), CW_OK);
    CHECK_STATUS(cw_call(CW_QUICK, write_line, &line), CW_OK);
    ++line.value;
    if (l->to != 0) CHECK_STATUS(cw_channel_send(l->to, &line.value, CW_FOREVER), CW_OK);
    CHECK(syscall(SYS_gettid) == here);
  }
  CHECK_STATUS(cw_thread_unlock(), CW_OK);
}

/* Of each link its own lines in their order; the links' lines may be mixed. */
static void check_output(FILE *out) {
  int lines[LINKS] = {0};
  int link;
  long value;
  rewind(out);
  while (fscanf(out, "%d %ld\n", &link, &value) == 2) {
    CHECK(link >= 0 && link < LINKS);
    if (link < 0 || link >= LINKS) break;
    CHECK(value == lines[link] + link);
    ++lines[link];
  }
  for (int i = 0; i < LINKS; ++i) CHECK(lines[i] == NUMBERS);
}

int main(void) {
  FILE *const out = tmpfile();
  struct link links[LINKS];
  cw_green greens[LINKS];
  CHECK(out != NULL);
  CHECK_STATUS(cw_runtime_start(NULL), CW_OK);
  for (int i = 0; i < LINKS; ++i) {
    links[i] = (struct link){i, i == 0 ? 0 : links[i - 1].to, 0, out};
    if (i + 1 < LINKS) CHECK_STATUS(cw_channel_create(sizeof(long), 0, &links[i].to), CW_OK);
  }
  for (int i = 0; i < LINKS; ++i) CHECK_STATUS(cw_green_spawn(pass_on, &links[i], NULL, &greens[i]), CW_OK);
  for (int i = 0; i < LINKS; ++i) CHECK_STATUS(cw_green_join(greens[i], CW_FOREVER), CW_OK);
  check_output(out);
  for (int i = 0; i + 1 < LINKS; ++i) CHECK_STATUS(cw_channel_destroy(links[i].to), CW_OK);
  fclose(out);
  CHECK_STATUS(cw_runtime_stop(LONG_TIME), CW_OK);
  return checks_result();
}
