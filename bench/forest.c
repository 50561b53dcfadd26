/* The floor: a tree of `sessions` sessions with `members` processes each, killed and waited for by C.
   `forest time S M` prints the ms that killpg + waitpid take. `forest grow S M` makes the tree, says so, and stays. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void wait_for_ever(void) { for (;;) pause(); }

int main(int count, char **words) {
  if (count != 4) return 2;
  int is_timed = strcmp(words[1], "time") == 0, sessions = atoi(words[2]), members = atoi(words[3]);
  pid_t *leaders = calloc((size_t)sessions, sizeof *leaders);
  if (is_timed) prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  int ready[2];
  if (pipe(ready) != 0) return 1;
  for (int session = 0; session < sessions; session++) {
    pid_t leader = fork();
    if (leader < 0) return 1;
    if (leader == 0) {
      if (sessions > 1 || is_timed) setsid();
      alarm(60);
      for (int member = 1; member < members; member++) if (fork() == 0) { alarm(60); wait_for_ever(); }
      if (write(ready[1], "r", 1) != 1) _exit(1);
      wait_for_ever();
    }
    leaders[session] = leader;
  }
  for (int session = 0; session < sessions; session++) { char byte; if (read(ready[0], &byte, 1) != 1) return 1; }
  if (!is_timed) { puts("grown"); fflush(stdout); wait_for_ever(); }
  struct timespec begin, end;
  clock_gettime(CLOCK_MONOTONIC, &begin);
  for (int session = 0; session < sessions; session++) killpg(leaders[session], SIGKILL);
  while (waitpid(-1, NULL, 0) > 0 || errno == EINTR) {}
  clock_gettime(CLOCK_MONOTONIC, &end);
  printf("%.3f\n", (double)(end.tv_sec - begin.tv_sec) * 1e3 + (double)(end.tv_nsec - begin.tv_nsec) / 1e6);
  return 0;
}
