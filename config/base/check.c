#include "config/base/check.h"

#include <stdio.h>
#include <stdlib.h>

void check_failed(const char *expression, const char *file, int line, const char *function)
{
    (void)fprintf(stderr, "celld: check failed: %s (%s:%d, %s)\n", expression, file, line,
                  function);
    abort();
}
