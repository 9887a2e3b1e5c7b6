/* The clocks of this machine, as a function that tests can replace. */
#pragma once

#include "config/base/time.h"

typedef struct instant clock_reader(void);

/* CLOCK_BOOTTIME and CLOCK_REALTIME. */
struct instant clock_now(void);
