/* Certificates made on the spot: an authority, and servers that it vouches for. */
#pragma once

#include <stdbool.h>

struct certificates {
    char *authority; /* PEM, of a private authority */
    char *stranger;  /* PEM, of another one */
    struct {
        char *certificate, *key; /* PEM, signed by the authority */
    } good, expired, early, other_name;
};

void certificates_make(struct certificates *certificates);
void certificates_free(struct certificates *certificates);
