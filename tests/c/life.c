/* SPDX-License-Identifier: MIT
 *
 * The game of life in C, its grid cut into bands: C starts green threads for them and waits for them, and each of them calls C for its rows
 * (TestTestRun). The whole game is itself played by C that a green thread called. Compared with the same game without any of that.
 *
 * Risk: calls in from C at every turn, from C that was called itself, one after the other and at once: a green thread that is forgotten or
 * runs twice gives another picture. */
#include <stdlib.h>

#include "check.h"

enum { SIDE = 48, BANDS = 6, GENERATIONS = 150 };

typedef unsigned char grid[SIDE][SIDE];

struct band {
  const grid *from;
  grid *to;
  int first, last;
  cw_green green;
};

static int neighbours(const grid *g, int row, int column) {
  int n = 0;
  for (int r = -1; r <= 1; ++r)
    for (int c = -1; c <= 1; ++c) n += (r != 0 || c != 0) && (*g)[(row + r + SIDE) % SIDE][(column + c + SIDE) % SIDE];
  return n;
}

static void do_rows(void *arg) {
  struct band *const b = arg;
  for (int row = b->first; row < b->last; ++row)
    for (int column = 0; column < SIDE; ++column) {
      const int n = neighbours(b->from, row, column);
      (*b->to)[row][column] = (unsigned char)(n == 3 || (n == 2 && (*b->from)[row][column]));
    }
}

/* --- what C calls ------------------------------------------------------------------------------------------------ */

static void band_of_green(void *arg) {
  struct band *const b = arg;
  CHECK(cw_on_green() == 1);
  CHECK_STATUS(cw_call(b->first % 2 == 0 ? CW_QUICK : CW_LEAF, do_rows, b), CW_OK);
}

static void start_on_green(void *arg) {
  struct band *const b = arg;
  CHECK_STATUS(cw_green_spawn(band_of_green, b, NULL, &b->green), CW_OK);
}

static void wait_on_green(void *arg) {
  struct band *const b = arg;
  CHECK_STATUS(cw_green_join(b->green, CW_FOREVER), CW_OK);
}

static void start(struct band *b) { CHECK_STATUS(cw_enter(start_on_green, b), CW_OK); }
static void wait(struct band *b) { CHECK_STATUS(cw_enter(wait_on_green, b), CW_OK); }

/* --- the game ------------------------------------------------------------------------------------------------------ */

struct game {
  grid a, b;
  int generations;
};

static void play_with_bands(void *arg) {
  struct game *const g = arg;
  struct band bands[BANDS];
  CHECK(cw_on_green() == 0);
  for (int generation = 0; generation < g->generations; ++generation) {
    for (int i = 0; i < BANDS; ++i) {
      bands[i] = (struct band){(const grid *)&g->a, &g->b, i * SIDE / BANDS, (i + 1) * SIDE / BANDS, 0};
      start(&bands[i]);
    }
    for (int i = BANDS; i-- > 0;) wait(&bands[i]);
    memcpy(g->a, g->b, sizeof g->a);
  }
}

static void play_alone(struct game *g) {
  for (int generation = 0; generation < g->generations; ++generation) {
    struct band all = {(const grid *)&g->a, &g->b, 0, SIDE, 0};
    do_rows(&all);
    memcpy(g->a, g->b, sizeof g->a);
  }
}

static void game_of_green(void *arg) { CHECK_STATUS(cw_call(CW_QUICK, play_with_bands, arg), CW_OK); }

static const int kGlider[5][2] = {{0, 1}, {1, 2}, {2, 0}, {2, 1}, {2, 2}};
static const int kPentomino[5][2] = {{20, 21}, {20, 22}, {21, 20}, {21, 21}, {22, 21}};

static void put(struct game *g, const int cells[5][2]) {
  for (int i = 0; i < 5; ++i) g->a[cells[i][0]][cells[i][1]] = 1;
}

int main(void) {
  static struct game glider, moved, played, expected;
  CHECK_STATUS(cw_runtime_start(NULL), CW_OK);
  /* It moves by one row and column in four generations: the picture is known without playing. */
  put(&glider, kGlider);
  glider.generations = 40;
  play_with_bands(&glider);
  for (int i = 0; i < 5; ++i) moved.a[kGlider[i][0] + 10][kGlider[i][1] + 10] = 1;
  CHECK(memcmp(glider.a, moved.a, sizeof moved.a) == 0);

  put(&played, kPentomino);
  played.generations = GENERATIONS;
  expected = played;
  play_alone(&expected);
  cw_green green;
  CHECK_STATUS(cw_green_spawn(game_of_green, &played, NULL, &green), CW_OK);
  CHECK_STATUS(cw_green_join(green, CW_FOREVER), CW_OK);
  CHECK(memcmp(played.a, expected.a, sizeof expected.a) == 0);
  CHECK_STATUS(cw_runtime_stop(LONG_TIME), CW_OK);
  return checks_result();
}
