/* How the keys of SSH servers are written: fingerprints as ssh-keygen -lf prints them, and lines of
 * known_hosts. Pure. */
#pragma once

#include "config/base/error.h"

#include <stdbool.h>

/* "SHA256:" and 43 base64 digits; room for a sentence in its place. */
#define HOST_KEY_SIZE 64

bool host_key_is_fingerprint(const char *text);

/* The fingerprint of a SHA-256 hash. */
void host_key_format(const unsigned char hash[static 32], char ret_text[static HOST_KEY_SIZE]);

/* Reads a fingerprint, or the fingerprint of the key in a known_hosts line ("host type base64
 * [comment]", host hashed or not): which host the line names is not looked at, the key is pinned.
 * Returns 0, or ERR_INVALID with a sentence; then ret_text is untouched. */
int host_key_read(const char *text, char ret_text[static HOST_KEY_SIZE], struct error *err)
    __attribute__((warn_unused_result));
