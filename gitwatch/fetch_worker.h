/* The worker process: reads one fetch request from a socket, fences itself in (memory, CPU, no
 * dumps, no new privileges, dies with its parent), fetches, and writes progress and one result.
 *
 * In main, before anything else:
 *
 *     if (argc == 2 && strcmp(argv[1], FETCH_WORKER_ARGUMENT) == 0)
 *         return fetch_worker_main(FETCH_WORKER_FD, FETCH_WORKER_FD);
 */
#pragma once

#define FETCH_WORKER_ARGUMENT "--fetch-worker"
#define FETCH_WORKER_FD 3

/* Returns the process's exit status: 0 when a result was written, whatever it says. Starts libgit2
 * itself. */
int fetch_worker_main(int in_fd, int out_fd);
