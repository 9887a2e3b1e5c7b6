/* Addresses (URLs) that celld may send credentials to. Pure. */
#pragma once

#include "config/base/error.h"

#include <stdbool.h>

struct address {
    char *url;      /* without a trailing '/' */
    bool plaintext; /* http */
    bool loopback;
};

/* Reads an absolute http or https URL without user, query and fragment; http only to loopback
 * (127.0.0.0/8, ::1, localhost and names below it), or anywhere with `allow_plaintext`. `what`
 * names it in messages.
 * Returns 0 and an address to be freed with address_fini(); ERR_INVALID or -ENOMEM otherwise. */
int address_init(struct address *address, const char *url, bool allow_plaintext, const char *what,
                 struct error *err) __attribute__((warn_unused_result));
void address_fini(struct address *address);

/* The URL of `path` ('/'…) below the address; owned, NULL without memory. */
char *address_join(const struct address *address, const char *path);
