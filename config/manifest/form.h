/* What a text may look like: names, paths, quantities, references. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum text_form {
    FORM_ANY,       /* any text, also an empty one */
    FORM_SOME,      /* not empty */
    FORM_LABEL,     /* DNS-1123 label: 1 to 63 of a-z, 0-9 and -, no - at either end */
    FORM_PREFIX,    /* beginning of a label; may be empty and may end with - */
    FORM_VARIABLE,  /* environment variable */
    FORM_FILE_NAME, /* one path element */
    FORM_PATH,      /* below the repository's root: no "..", no ".git", no leading slash */
    FORM_PATTERN,   /* such a path with * and ** */
    FORM_ABSOLUTE,  /* absolute path */
    FORM_URL_PATH,  /* path of a URL: begins with a slash */
    FORM_IMAGE,     /* image reference with tag or digest */
    FORM_CPU,       /* Kubernetes quantity of processors */
    FORM_MEMORY,    /* Kubernetes quantity of bytes */
    FORM_URL,       /* any scheme; no user information, no fragment */
    FORM_SAFE_URL,  /* such a URL; http:// only to this machine */
    FORM_SECRET,    /* name of a SecretReference or credential */
    FORM_CRON,      /* five fields of a schedule */
    FORM_ZONE,      /* name of a time zone */
    FORM_DECIMAL,   /* finite decimal number */
    FORM_CLOCK,     /* hour and minute: 09:00 */
    FORM_TIME,      /* RFC 3339 */
    FORM_TARGET,    /* environment@region */
    FORM_TYPE_NAME, /* component type: a label, or workload type/label */
};
#define FORM_COUNT (FORM_TYPE_NAME + 1)

/* NULL when the text has the form, otherwise what is wrong with it, as half a sentence: "is longer
 * than 63 characters". Borrowed, static. */
const char *form_problem(enum text_form form, const char *text, size_t length);

/* What the form is, for people: "a name of a-z, 0-9 and -, ...". */
const char *form_doc(enum text_form form);

/* A regular expression that matches at least what the form allows; NULL = none. */
const char *form_pattern(enum text_form form);

/* The value of a quantity in thousandths (of a processor, of a byte). Returns false when the text
 * is none, or does not fit. */
bool form_quantity(const char *text, int64_t *ret_thousandths);

/* Minutes since midnight of "09:30", -1 when it is none. */
int form_clock(const char *text);
