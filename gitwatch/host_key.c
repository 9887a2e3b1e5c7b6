#include "gitwatch/host_key.h"

#include <nettle/base64.h>
#include <nettle/sha2.h>

#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* A base64 SHA-256 without padding; keys of more than 16384 bits are not in use. */
enum { HASH_DIGITS = 43, KEY_LIMIT = 4096, FIELDS = 3 };

static const char prefix[] = "SHA256:";
static const char blanks[] = " \t";

bool host_key_is_fingerprint(const char *text)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const size_t length = sizeof(prefix) - 1;
    return strncmp(text, prefix, length) == 0 && strlen(text + length) == HASH_DIGITS &&
           strspn(text + length, alphabet) == HASH_DIGITS;
}

void host_key_format(const unsigned char hash[static 32], char ret_text[static HOST_KEY_SIZE])
{
    char digits[BASE64_ENCODE_RAW_LENGTH(SHA256_DIGEST_SIZE)];
    base64_encode_raw(digits, SHA256_DIGEST_SIZE, hash);
    (void)snprintf(ret_text, HOST_KEY_SIZE, "%s%.*s", prefix, HASH_DIGITS, digits);
}

/* The key begins with the name of its type, as an SSH string: proof that it is one. */
static bool is_key_of_type(const uint8_t *key, size_t length, const char *type, size_t type_length)
{
    return length > 4 + type_length && key[0] == 0 && key[1] == 0 && key[2] == 0 &&
           key[3] == type_length && memcmp(key + 4, type, type_length) == 0;
}

static bool read_line(const char *text, char ret_text[static HOST_KEY_SIZE])
{
    const char *fields[FIELDS];
    size_t lengths[FIELDS];
    for (size_t i = 0; i < FIELDS; i++) {
        fields[i] = text += strspn(text, blanks);
        lengths[i] = strcspn(text, blanks);
        text += lengths[i];
    }
    uint8_t key[BASE64_DECODE_LENGTH(KEY_LIMIT)];
    size_t length = sizeof(key);
    struct base64_decode_ctx decoder;
    base64_decode_init(&decoder);
    if (fields[0][0] == '@' || lengths[1] == 0 || lengths[1] > 64 || lengths[2] == 0 ||
        lengths[2] > KEY_LIMIT ||
        base64_decode_update(&decoder, &length, key, lengths[2], fields[2]) != 1 ||
        base64_decode_final(&decoder) != 1 || !is_key_of_type(key, length, fields[1], lengths[1]))
        return false;
    struct sha256_ctx hash;
    uint8_t sum[SHA256_DIGEST_SIZE];
    sha256_init(&hash);
    sha256_update(&hash, length, key);
    sha256_digest(&hash, sizeof(sum), sum);
    host_key_format(sum, ret_text);
    return true;
}

int host_key_read(const char *text, char ret_text[static HOST_KEY_SIZE], struct error *err)
{
    if (host_key_is_fingerprint(text)) {
        (void)snprintf(ret_text, HOST_KEY_SIZE, "%s", text);
        return 0;
    }
    if (read_line(text, ret_text))
        return 0;
    return error_set(
        err, ERROR_INVALID, ERR_INVALID,
        "a host key is neither SHA256:<43 base64 digits>, as ssh-keygen -lf prints it, "
        "nor a line of known_hosts (host, type, key)");
}
