/* The floor of every local scheduler: run `bash SCRIPT` COUNT times, at most PARALLEL at once, each with its output in a file of
   its own below DIRECTORY. No state, no queue, no results. Prints tasks per second.
   cc -O2 spawn_floor.c -o spawn_floor; ./spawn_floor SCRIPT COUNT PARALLEL DIRECTORY */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec + now.tv_nsec / 1e9;
}

static void start(char *script, const char *directory, long number) {
  char output[4096];
  char *arguments[] = {"bash", script, NULL};
  posix_spawn_file_actions_t actions;
  pid_t child;
  snprintf(output, sizeof output, "%s/%ld", directory, number);
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_adddup2(&actions, 1, 2);
  if (posix_spawn(&child, "/bin/bash", &actions, NULL, arguments, environ) != 0) exit(1);
  posix_spawn_file_actions_destroy(&actions);
}

int main(int count, char **words) {
  if (count != 5) return 2;
  long tasks = atol(words[2]), parallel = atol(words[3]), running = 0;
  double begun = seconds();
  for (long number = 0; number < tasks; number++) {
    if (running == parallel) { wait(NULL); running--; }
    start(words[1], words[4], number);
    running++;
  }
  while (running-- > 0) wait(NULL);
  printf("%.1f\n", tasks / (seconds() - begun));
  return 0;
}
