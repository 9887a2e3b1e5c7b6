/* A real Prometheus on a loopback port that scrapes a page of ours every 200 ms. */
#pragma once

#include "tests/daemon/http/web.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define SCRAPER_PAGE_SIZE 16384

struct scraper {
    struct web *web;
    pthread_mutex_t lock;
    char page[SCRAPER_PAGE_SIZE]; /* in the text format */
    char directory[64];
    unsigned port;
    pid_t pid;
};

/* False when there is no Prometheus on this machine. `web_config` is the content of its
 * --web.config.file; NULL = none. */
bool scraper_start(struct scraper *scraper, const char *web_config);
void scraper_stop(struct scraper *scraper);

/* What the page shows from now on. */
void scraper_show(struct scraper *scraper, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Pages that were scraped so far. */
unsigned scraper_count(const struct scraper *scraper);

/* Milliseconds since 1970. */
int64_t scraper_now(void);
