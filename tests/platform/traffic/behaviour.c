#include "tests/platform/traffic/behaviour.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define LONGEST_MS 10000

/* The number at *text, which is moved behind it; false when there is none. */
static bool read_number(const char **text, double most, double *ret)
{
    if (strspn(*text, "0123456789") == 0)
        return false;
    char *end;
    const double value = strtod(*text, &end);
    if (strspn(*text, "0123456789.") != (size_t)(end - *text) || value > most)
        return false;
    *text = end;
    *ret = value;
    return true;
}

static bool skip(const char **text, const char *word)
{
    const size_t length = strlen(word);
    if (strncmp(*text, word, length) != 0)
        return false;
    *text += length;
    return true;
}

static void read_word(const char *word, struct traffic_behaviour *b)
{
    double share, ms;
    if (skip(&word, "errors")) {
        if (read_number(&word, 100, &share) && *word == '\0')
            b->errors = share / 100;
    } else if (skip(&word, "slow")) {
        if (read_number(&word, LONGEST_MS, &ms) && *word == '\0')
            b->slow_ms = (unsigned)ms;
    } else if (skip(&word, "tail")) {
        if (read_number(&word, 100, &share) && skip(&word, "x") &&
            read_number(&word, LONGEST_MS, &ms) && *word == '\0') {
            b->tail = share / 100;
            b->tail_ms = (unsigned)ms;
        }
    }
}

struct traffic_behaviour traffic_behaviour_of(const char *image)
{
    struct traffic_behaviour b = {0};
    const char *slash = strrchr(image, '/');
    const char *colon = strchr(slash == NULL ? image : slash, ':');
    if (colon == NULL || strchr(slash == NULL ? image : slash, '@') != NULL)
        return b;
    char *words = strdup(colon + 1), *next = words;
    if (words == NULL)
        return b;
    strsep(&next, "-"); /* the version itself */
    for (const char *word; (word = strsep(&next, "-")) != NULL;)
        read_word(word, &b);
    free(words);
    return b;
}
