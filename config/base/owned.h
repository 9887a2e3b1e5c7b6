/* Scope-bound ownership: OWNED(type) frees at scope end, TAKE gives the pointer away.
 *
 * A type takes part by defining `void thing_freep(struct thing **)`, usually with
 * OWNED_DEFINE_FREEP. Never use it for objects whose close is asynchronous. */
#pragma once

#include <stdlib.h>

#define OWNED(freep) __attribute__((cleanup(freep)))

/* Returns the pointer and leaves NULL behind, so that the scope's cleanup does nothing. */
#define TAKE(pointer)                                                                              \
    __extension__({                                                                                \
        __typeof__(pointer) taken_ = (pointer);                                                    \
        (pointer) = NULL;                                                                          \
        taken_;                                                                                    \
    })

#define OWNED_DEFINE_FREEP(type, name)                                                             \
    static inline void name##_freep(type **pointer)                                                \
    {                                                                                              \
        if (*pointer != NULL)                                                                      \
            name(*pointer);                                                                        \
    }

static inline void owned_free(char **pointer)
{
    free(*pointer);
}
