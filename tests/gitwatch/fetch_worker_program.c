/* The fetch worker alone, as the daemon's main would start it. */
#include "gitwatch/fetch_worker.h"

#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], FETCH_WORKER_ARGUMENT) == 0)
        return fetch_worker_main(FETCH_WORKER_FD, FETCH_WORKER_FD);
    fputs("this program is started by tests only\n", stderr);
    return 2;
}
