#include "tests/daemon/http/certificates.h"

#include "config/base/check.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DAY ((time_t)86400)

struct identity {
    gnutls_x509_privkey_t key;
    gnutls_x509_crt_t certificate;
};

static void set_basics(struct identity *identity, const char *name, unsigned char serial,
                       time_t from, time_t to)
{
    CHECK(gnutls_x509_privkey_init(&identity->key) == 0);
    CHECK(gnutls_x509_privkey_generate(identity->key, GNUTLS_PK_ECDSA,
                                       (unsigned)GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1),
                                       0) == 0);
    CHECK(gnutls_x509_crt_init(&identity->certificate) == 0);
    gnutls_x509_crt_t certificate = identity->certificate;
    CHECK(gnutls_x509_crt_set_version(certificate, 3) == 0);
    CHECK(gnutls_x509_crt_set_serial(certificate, &serial, 1) == 0);
    CHECK(gnutls_x509_crt_set_activation_time(certificate, from) == 0);
    CHECK(gnutls_x509_crt_set_expiration_time(certificate, to) == 0);
    CHECK(gnutls_x509_crt_set_key(certificate, identity->key) == 0);
    CHECK(gnutls_x509_crt_set_dn_by_oid(certificate, GNUTLS_OID_X520_COMMON_NAME, 0, name,
                                        (unsigned)strlen(name)) == 0);
}

static void make_authority(struct identity *authority, const char *name)
{
    const time_t now = time(NULL);
    set_basics(authority, name, 1, now - 30 * DAY, now + 30 * DAY);
    CHECK(gnutls_x509_crt_set_basic_constraints(authority->certificate, 1, -1) == 0);
    CHECK(gnutls_x509_crt_set_key_usage(authority->certificate, GNUTLS_KEY_KEY_CERT_SIGN) == 0);
    CHECK(gnutls_x509_crt_sign2(authority->certificate, authority->certificate, authority->key,
                                GNUTLS_DIG_SHA256, 0) == 0);
}

static char *take_text(gnutls_datum_t text)
{
    char *copy = strndup((const char *)text.data, text.size);
    CHECK(copy != NULL);
    gnutls_free(text.data);
    return copy;
}

static char *certificate_text(const struct identity *identity)
{
    gnutls_datum_t text;
    CHECK(gnutls_x509_crt_export2(identity->certificate, GNUTLS_X509_FMT_PEM, &text) == 0);
    return take_text(text);
}

static void free_identity(struct identity *identity)
{
    gnutls_x509_crt_deinit(identity->certificate);
    gnutls_x509_privkey_deinit(identity->key);
}

/* For 127.0.0.1, or for another name. */
static void make_server(const struct identity *authority, const char *other_name, int from_day,
                        int to_day, char **ret_certificate, char **ret_key)
{
    static unsigned char serial = 10;
    static const unsigned char loopback[] = {127, 0, 0, 1};
    const time_t now = time(NULL);
    struct identity server;
    set_basics(&server, "server", serial++, now + from_day * DAY, now + to_day * DAY);
    if (other_name == NULL)
        CHECK(gnutls_x509_crt_set_subject_alt_name(server.certificate, GNUTLS_SAN_IPADDRESS,
                                                   loopback, sizeof(loopback),
                                                   GNUTLS_FSAN_SET) == 0);
    else
        CHECK(gnutls_x509_crt_set_subject_alt_name(server.certificate, GNUTLS_SAN_DNSNAME,
                                                   other_name, (unsigned)strlen(other_name),
                                                   GNUTLS_FSAN_SET) == 0);
    CHECK(gnutls_x509_crt_sign2(server.certificate, authority->certificate, authority->key,
                                GNUTLS_DIG_SHA256, 0) == 0);
    gnutls_datum_t key;
    CHECK(gnutls_x509_privkey_export2(server.key, GNUTLS_X509_FMT_PEM, &key) == 0);
    *ret_certificate = certificate_text(&server);
    *ret_key = take_text(key);
    free_identity(&server);
}

void certificates_make(struct certificates *certificates)
{
    struct identity authority, stranger;
    make_authority(&authority, "private authority");
    make_authority(&stranger, "somebody else");
    certificates->authority = certificate_text(&authority);
    certificates->stranger = certificate_text(&stranger);
    make_server(&authority, NULL, -1, 10, &certificates->good.certificate, &certificates->good.key);
    make_server(&authority, NULL, -10, -1, &certificates->expired.certificate,
                &certificates->expired.key);
    make_server(&authority, NULL, 2, 10, &certificates->early.certificate,
                &certificates->early.key);
    make_server(&authority, "control-plane.example", -1, 10, &certificates->other_name.certificate,
                &certificates->other_name.key);
    free_identity(&authority);
    free_identity(&stranger);
}

void certificates_free(struct certificates *certificates)
{
    char *texts[] = {certificates->authority,
                     certificates->stranger,
                     certificates->good.certificate,
                     certificates->good.key,
                     certificates->expired.certificate,
                     certificates->expired.key,
                     certificates->early.certificate,
                     certificates->early.key,
                     certificates->other_name.certificate,
                     certificates->other_name.key};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        free(texts[i]);
}
