#include "config/base/digest.h"

#include <nettle/hmac.h>
#include <nettle/sha2.h>

#include <errno.h>
#include <stdint.h>
#include <string.h>

static struct digest to_text(const uint8_t raw[static SHA256_DIGEST_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    struct digest digest;
    for (size_t i = 0; i < SHA256_DIGEST_SIZE; i++) {
        digest.text[2 * i] = digits[raw[i] >> 4];
        digest.text[2 * i + 1] = digits[raw[i] & 0x0F];
    }
    digest.text[DIGEST_TEXT_SIZE - 1] = '\0';
    return digest;
}

static struct digest finish(struct sha256_ctx *context)
{
    uint8_t raw[SHA256_DIGEST_SIZE];
    sha256_digest(context, sizeof(raw), raw);
    return to_text(raw);
}

struct digest digest_bytes(const void *bytes, size_t length)
{
    struct sha256_ctx context;
    sha256_init(&context);
    sha256_update(&context, length, bytes);
    return finish(&context);
}

struct digest digest_keyed(const void *key, size_t key_length, const void *bytes, size_t length)
{
    struct hmac_sha256_ctx context;
    uint8_t raw[SHA256_DIGEST_SIZE];
    hmac_sha256_set_key(&context, key_length, key);
    hmac_sha256_update(&context, length, bytes);
    hmac_sha256_digest(&context, sizeof(raw), raw);
    return to_text(raw);
}

static int hash_piece(const char *bytes, size_t length, void *context)
{
    sha256_update(context, length, (const uint8_t *)bytes);
    return 0;
}

int digest_json(const json_t *value, struct digest *ret_digest)
{
    struct sha256_ctx context;
    sha256_init(&context);
    if (json_dump_callback(value, hash_piece, &context,
                           JSON_SORT_KEYS | JSON_COMPACT | JSON_ENCODE_ANY) < 0)
        return -ENOMEM;
    *ret_digest = finish(&context);
    return 0;
}
