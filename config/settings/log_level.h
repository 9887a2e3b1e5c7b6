/* How much is written to the log; the words of the settings are their names in lower case. */
#pragma once

enum log_level {
    LOG_LEVEL_ERROR,   /* a person must act */
    LOG_LEVEL_WARNING, /* we will retry, and say when */
    LOG_LEVEL_NOTICE,  /* the desired or the actual state changed */
    LOG_LEVEL_INFO,    /* lifecycle */
    LOG_LEVEL_DEBUG,
};
#define LOG_LEVEL_COUNT (LOG_LEVEL_DEBUG + 1)
