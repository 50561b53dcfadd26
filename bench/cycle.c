/* The floor of one cycle: mkdtemp, posix_spawn of `sleep 100` in a group of its own, killpg, waitpid, rmdir.
   `cycle N` prints the median of N cycles in ms. */
#define _GNU_SOURCE
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

int main(int count, char **words) {
  int rounds = count > 1 ? atoi(words[1]) : 100;
  double *took = calloc((size_t)rounds, sizeof *took);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  char *arguments[] = {"sleep", "100", NULL};
  for (int round = 0; round < rounds; round++) {
    struct timespec begin, end;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    char folder[] = "/tmp/proctors-floor-XXXXXX";
    if (mkdtemp(folder) == NULL) return 1;
    pid_t pid;
    if (posix_spawnp(&pid, "sleep", NULL, &attributes, arguments, environ) != 0) return 1;
    killpg(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    rmdir(folder);
    clock_gettime(CLOCK_MONOTONIC, &end);
    took[round] = (double)(end.tv_sec - begin.tv_sec) * 1e3 + (double)(end.tv_nsec - begin.tv_nsec) / 1e6;
  }
  qsort(took, (size_t)rounds, sizeof *took, ascending);
  printf("%.4f\n", took[rounds / 2]);
  return 0;
}
