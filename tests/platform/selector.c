#include "tests/platform/selector.h"

#include "tests/platform/state.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum operation { PRESENT, ABSENT, IN, NOT_IN };

struct requirement {
    char key[256];
    enum operation operation;
    char values[16][64];
    size_t count;
};

static const char *skip(const char *s)
{
    while (isspace((unsigned char)*s))
        s++;
    return s;
}

static const char *take_word(const char *s, char *ret_word, size_t size)
{
    size_t length = 0;
    s = skip(s);
    while (*s != '\0' && (isalnum((unsigned char)*s) || strchr("-_./", *s) != NULL)) {
        if (length + 1 < size)
            ret_word[length++] = *s;
        s++;
    }
    ret_word[length] = '\0';
    return skip(s);
}

static const char *take_set(const char *s, struct requirement *r)
{
    if (*s != '(')
        return NULL;
    do {
        if (r->count == 16)
            return NULL;
        s = take_word(s + 1, r->values[r->count], sizeof(r->values[0]));
        r->count++;
    } while (*s == ',');
    return *s == ')' ? skip(s + 1) : NULL;
}

/* Reads one requirement; NULL when it cannot be read. */
static const char *take(const char *s, struct requirement *r)
{
    *r = (struct requirement){.operation = PRESENT};
    s = skip(s);
    if (*s == '!') {
        r->operation = ABSENT;
        s++;
    }
    s = take_word(s, r->key, sizeof(r->key));
    if (r->key[0] == '\0' || r->operation == ABSENT)
        return r->key[0] == '\0' ? NULL : s;
    if (strncmp(s, "!=", 2) == 0 || *s == '=') {
        r->operation = *s == '!' ? NOT_IN : IN;
        s += *s == '!' || s[1] == '=' ? 2 : 1;
        r->count = 1;
        return take_word(s, r->values[0], sizeof(r->values[0]));
    }
    if (*s == '\0' || *s == ',')
        return s;
    char word[16];
    s = take_word(s, word, sizeof(word));
    if (strcmp(word, "in") != 0 && strcmp(word, "notin") != 0)
        return NULL;
    r->operation = strcmp(word, "in") == 0 ? IN : NOT_IN;
    return take_set(s, r);
}

static bool meets(const struct requirement *r, const json_t *labels)
{
    const json_t *label = values_get(labels, r->key);
    if (r->operation == PRESENT || r->operation == ABSENT)
        return (label != NULL) == (r->operation == PRESENT);
    bool listed = false;
    for (size_t i = 0; i < r->count; i++)
        listed = listed || (label != NULL && strcmp(json_string_value(label), r->values[i]) == 0);
    return listed == (r->operation == IN);
}

static bool walk(const char *s, const json_t *labels, bool *ret_fits)
{
    *ret_fits = true;
    for (s = skip(s); *s != '\0';) {
        struct requirement r;
        s = take(s, &r);
        if (s == NULL || (*s != '\0' && *s != ','))
            return false;
        *ret_fits = *ret_fits && meets(&r, labels);
        if (*s == ',')
            s++;
    }
    return true;
}

bool selector_is_sound(const char *selector)
{
    bool fits;
    return walk(selector, NULL, &fits);
}

bool selector_fits(const char *selector, const json_t *labels)
{
    bool fits;
    return walk(selector, labels, &fits) && fits;
}
