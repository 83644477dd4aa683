/* SPDX-License-Identifier: MIT
 *
 * For hosts that load modules: whether a file is mapped still. Needs nothing of the library, which such a host may not be linked with. */
#ifndef TESTS_C_MAPPED_H
#define TESTS_C_MAPPED_H

#include <stdio.h>
#include <string.h>

/* -1: not known. */
static inline int is_mapped(const char *path) {
  char line[4096];
  const char *name = strrchr(path, '/');
  int found = 0;
  FILE *maps = fopen("/proc/self/maps", "r");
  if (maps == NULL) return -1;
  while (fgets(line, sizeof line, maps) != NULL) found |= strstr(line, name != NULL ? name : path) != NULL;
  fclose(maps);
  return found;
}

#endif
