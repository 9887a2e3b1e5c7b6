#include "config/base/splitmix.h"
#include "tests/platform/state.h"

#include <inttypes.h>
#include <stdio.h>

uint64_t random_next(struct platform *p)
{
    return splitmix_next(&p->random);
}

int64_t random_below(struct platform *p, int64_t limit)
{
    return limit <= 0 ? 0 : (int64_t)(random_next(p) % (uint64_t)limit);
}

void random_uid(struct platform *p, char ret_uid[static UID_SIZE])
{
    const uint64_t a = random_next(p), b = random_next(p);
    snprintf(ret_uid, UID_SIZE, "%08x-%04x-4%03x-%04x-%012" PRIx64, (unsigned)(a >> 32),
             (unsigned)(a >> 16 & 0xffff), (unsigned)(a & 0xfff),
             (unsigned)(0x8000 | (b >> 48 & 0x3fff)), b & UINT64_C(0xffffffffffff));
}

int64_t random_jitter(struct platform *p, int64_t ms)
{
    return ms + random_below(p, ms / 5 + 1);
}
