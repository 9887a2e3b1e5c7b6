#include "daemon/log/limit.h"

/* The site's own place; when it is taken, the one of those near it that has been silent longest. */
static struct limit_site *place_of(struct limit *limit, uint64_t key)
{
    enum { NEAR = 4 };
    struct limit_site *oldest = NULL;
    for (uint64_t i = 0; i < NEAR; i++) {
        struct limit_site *site = &limit->sites[(key * 31 + i) % LIMIT_SITES];
        if (site->key == key)
            return site;
        if (oldest == NULL || site->key == 0 ||
            (oldest->key != 0 && site->since_ms < oldest->since_ms))
            oldest = site;
    }
    *oldest = (struct limit_site){.key = key};
    return oldest;
}

bool limit_may(struct limit *limit, uint64_t key, uint64_t now_ms, unsigned *ret_dropped)
{
    struct limit_site *site = place_of(limit, key);
    *ret_dropped = 0;
    if (site->count == 0 || now_ms - site->since_ms >= LIMIT_INTERVAL_MS) {
        *ret_dropped = site->dropped;
        site->since_ms = now_ms;
        site->count = 0;
        site->dropped = 0;
    }
    if (site->count >= LIMIT_BURST) {
        site->dropped++;
        return false;
    }
    site->count++;
    return true;
}
