/* The schema tables of the sources of metrics. */
#include "config/manifest/shapes.h"
#include "config/settings/check.h"
#include "config/settings/settings.h"
#include "config/settings/shape.h"

#include <stddef.h>

static const struct word auth_words[] = {
    {"none", METRICS_AUTH_NONE},         {"token", METRICS_AUTH_TOKEN},
    {"basic", METRICS_AUTH_BASIC},       {"oauth", METRICS_AUTH_OAUTH},
    {"platform", METRICS_AUTH_PLATFORM}, {NULL, 0},
};

#define AT(member) offsetof(struct metrics_server_settings, member)
static const struct field server_fields[] = {
    {.name = "url",
     .kind = FIELD_TEXT,
     .offset = AT(url),
     .form = FORM_SAFE_URL,
     .required = true,
     .doc = "https://host[:port][/path]; http:// only to this machine"},
    {.name = "auth",
     .kind = FIELD_WORD,
     .offset = AT(auth),
     .words = auth_words,
     .fallback = "none",
     .doc = "how celld shows who it is; platform = as to the control plane"},
    {.name = "user",
     .kind = FIELD_TEXT,
     .offset = AT(user),
     .form = FORM_SOME,
     .doc = "basic: user name"},
    {.name = "timeout",
     .kind = FIELD_DURATION,
     .offset = AT(timeout),
     .min = 100,
     .max = 300000,
     .fallback = "10s",
     .is_default = true,
     .doc = "for one request; one look at metrics may take two"},
};
#undef AT

/* Its fields stand in each of the three. */
static const struct shape server_shape = {
    .name = "server of metrics",
    .doc = "A server that celld asks or tells",
    .size = sizeof(struct metrics_server_settings),
    .fields = server_fields,
    .field_count = SHAPE_COUNT(server_fields),
};

#define AT(member) offsetof(struct prometheus_settings, member)
static const struct field prometheus_fields[] = {
    {.name = "lookback",
     .kind = FIELD_DURATION,
     .offset = AT(lookback),
     .min = 1000,
     .max = 3600000,
     .fallback = "5m",
     .is_default = true,
     .doc = "how old the last sample before a window may be; more than two scrape intervals"},
    {.name = "staleAfter",
     .kind = FIELD_DURATION,
     .offset = AT(stale_after),
     .min = 1000,
     .max = 3600000,
     .fallback = "2m",
     .is_default = true,
     .doc = "samples that are older than this at the end of a window are no data"},
};
static const struct shape prometheus_shape = {
    .name = "prometheus",
    .doc = "A server with Prometheus' HTTP API",
    .size = sizeof(struct prometheus_settings),
    .fields = prometheus_fields,
    .field_count = SHAPE_COUNT(prometheus_fields),
    .parts = {{&server_shape, AT(server)}, {&settings_identity_shape, AT(server.identity)}},
    .at = AT(server.at),
    .finish = settings_check_prometheus,
};
#undef AT

#define AT(member) offsetof(struct observer_settings, member)
static const struct shape observer_shape = {
    .name = "observer",
    .doc = "OpenChoreo's observer: error rates only",
    .size = sizeof(struct observer_settings),
    .fields = server_fields,
    .field_count = SHAPE_COUNT(server_fields),
    .parts = {{&settings_identity_shape, AT(server.identity)}},
    .at = AT(server.at),
    .finish = settings_check_metrics_server,
};
#undef AT

#define AT(member) offsetof(struct webhook_settings, member)
static const struct field webhook_fields[] = {
    {.name = "signature",
     .kind = FIELD_MAPPING,
     .offset = AT(signature),
     .shape = &settings_secret_shape,
     .read = settings_read_secret,
     .doc = "key of the signature (HMAC-SHA-256 of the body, X-Celld-Signature); default: none"},
};
static const struct shape webhook_shape = {
    .name = "webhook",
    .doc = "A program that takes the judge's question as JSON and answers with counts",
    .size = sizeof(struct webhook_settings),
    .fields = webhook_fields,
    .field_count = SHAPE_COUNT(webhook_fields),
    .parts = {{&server_shape, AT(server)}, {&settings_identity_shape, AT(server.identity)}},
    .at = AT(server.at),
    .finish = settings_check_metrics_server,
};
#undef AT

/* Of the same make: what is posted there is another matter. */
#define AT(member) offsetof(struct webhook_settings, member)
const struct shape settings_notification_shape = {
    .name = "notification",
    .doc = "A program that is told, as JSON, how revisions fare",
    .size = sizeof(struct webhook_settings),
    .fields = webhook_fields,
    .field_count = SHAPE_COUNT(webhook_fields),
    .parts = {{&server_shape, AT(server)}, {&settings_identity_shape, AT(server.identity)}},
    .at = AT(server.at),
    .fill = true,
    .finish = settings_check_metrics_server,
};
#undef AT

#define AT(member) offsetof(struct metrics_sources, member)
static const struct field source_fields[] = {
    {.name = "prometheus",
     .kind = FIELD_MAPPING,
     .offset = AT(prometheus),
     .shape = &prometheus_shape,
     .doc = "for provider prometheus"},
    {.name = "observer",
     .kind = FIELD_MAPPING,
     .offset = AT(observer),
     .shape = &observer_shape,
     .doc = "for provider observer"},
    {.name = "webhook",
     .kind = FIELD_MAPPING,
     .offset = AT(webhook),
     .shape = &webhook_shape,
     .doc = "for provider webhook"},
};
static const struct shape sources_shape = {
    .name = "sources of metrics",
    .doc = "Where the judge's numbers come from, by the provider that cells name",
    .size = sizeof(struct metrics_sources),
    .fields = source_fields,
    .field_count = SHAPE_COUNT(source_fields),
};
#undef AT

#define AT(member) offsetof(struct metrics_target_settings, member)
static const struct field target_fields[] = {
    {.name = "name",
     .kind = FIELD_TEXT,
     .offset = AT(name),
     .form = FORM_SOME,
     .required = true,
     .doc = "the target, as celld shows it: testing, production-eu"},
};
static const struct shape target_shape = {
    .name = "target of metrics",
    .doc = "Other servers for one target, in place of those for all",
    .size = sizeof(struct metrics_target_settings),
    .fields = target_fields,
    .field_count = SHAPE_COUNT(target_fields),
    .parts = {{&sources_shape, AT(sources)}},
    .at = AT(at),
    .fill = true,
};
#undef AT

#define AT(member) offsetof(struct metrics_settings, member)
static const struct field metrics_fields[] = {
    {.name = "targets",
     .kind = FIELD_LIST,
     .offset = AT(targets),
     .extra = AT(target_count),
     .shape = &target_shape,
     .unique = true,
     .min = 1,
     .max = 200,
     .doc = "other servers for single targets"},
};
const struct shape settings_metrics_shape = {
    .name = "metrics",
    .doc = "Where the judge's numbers come from",
    .size = sizeof(struct metrics_settings),
    .fields = metrics_fields,
    .field_count = SHAPE_COUNT(metrics_fields),
    .parts = {{&sources_shape, AT(sources)}},
};
#undef AT
