/* Content digests: SHA-256 and HMAC-SHA-256 (by nettle), written as lower-case hex. */
#pragma once

#include <jansson.h>

#include <stddef.h>

/* 64 hex digits and a NUL. Names of objects use the first DIGEST_SHORT digits. */
#define DIGEST_TEXT_SIZE 65
#define DIGEST_SHORT 12

struct digest {
    char text[DIGEST_TEXT_SIZE];
};

struct digest digest_bytes(const void *bytes, size_t length);

/* Keyed, for names that are derived from secret values: without the key nobody can try values. */
struct digest digest_keyed(const void *key, size_t key_length, const void *bytes, size_t length);

/* Digest of the canonical text of a JSON value (sorted keys, no white space).
 * Returns 0, or -ENOMEM (then *ret_digest is untouched). */
int digest_json(const json_t *value, struct digest *ret_digest) __attribute__((warn_unused_result));
