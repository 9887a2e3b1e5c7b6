#include "daemon/http/clock.h"

#include "config/base/check.h"

#include <time.h>

static int64_t read_ms(clockid_t clock)
{
    struct timespec time;
    CHECK(clock_gettime(clock, &time) == 0);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

struct instant clock_now(void)
{
    return (struct instant){.mono = {.ms = read_ms(CLOCK_BOOTTIME)},
                            .wall = {.ms = read_ms(CLOCK_REALTIME)}};
}
