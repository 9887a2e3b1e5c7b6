/* What celld shows any server: the fields that stand in each that it asks. */
#include "config/manifest/shapes.h"
#include "config/settings/check.h"
#include "config/settings/settings.h"
#include "config/settings/shape.h"

#include <stddef.h>

#define AT(member) offsetof(struct identity_settings, member)
static const struct field identity_fields[] = {
    {.name = "secret",
     .kind = FIELD_MAPPING,
     .offset = AT(secret),
     .shape = &settings_secret_shape,
     .read = settings_read_secret,
     .doc = "the token, the password, or the OAuth client's secret"},
    {.name = "clientId",
     .kind = FIELD_TEXT,
     .offset = AT(client_id),
     .form = FORM_SOME,
     .doc = "oauth: the client"},
    {.name = "issuer",
     .kind = FIELD_TEXT,
     .offset = AT(issuer),
     .form = FORM_SAFE_URL,
     .doc = "oauth: issuer of the tokens; default: what the server names"},
    {.name = "tokenUrl",
     .kind = FIELD_TEXT,
     .offset = AT(token_url),
     .form = FORM_SAFE_URL,
     .doc = "oauth: where tokens are; default: what the issuer names. With it the issuer is not "
            "asked"},
    {.name = "scope",
     .kind = FIELD_TEXT,
     .offset = AT(scope),
     .form = FORM_SOME,
     .doc = "oauth: scope to ask for; default: none"},
    {.name = "caFile",
     .kind = FIELD_TEXT,
     .offset = AT(ca_file),
     .form = FORM_ABSOLUTE,
     .doc = "certificates to trust instead of the system's"},
};
#undef AT

const struct shape settings_identity_shape = {
    .name = "identity",
    .doc = "What celld shows a server of who it is",
    .size = sizeof(struct identity_settings),
    .fields = identity_fields,
    .field_count = SHAPE_COUNT(identity_fields),
};
