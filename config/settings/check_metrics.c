#include "config/base/arena.h"
#include "config/settings/check.h"
#include "config/settings/settings.h"

#include <errno.h>
#include <string.h>

static void error(struct decoder *decoder, const char *code, struct source_pos at,
                  const char *message, const char *hint)
{
    decode_report(decoder, DIAGNOSTIC_ERROR, code, at, hint, "%s", message);
}

static bool is_given(const struct secret_source *secret)
{
    return secret->credential.text != NULL || secret->file.text != NULL;
}

static void check_url(struct decoder *decoder, struct metrics_server_settings *own)
{
    if (strncmp(own->url.text, "https://", 8) != 0 && strncmp(own->url.text, "http://", 7) != 0)
        error(decoder, "E_URL", own->url.at, "the address is neither https nor http",
              "write https://...");
    if (strchr(own->url.text, '?') != NULL)
        error(decoder, "E_URL", own->url.at, "the address has a query (?...)",
              "write what stands before it");
}

static void check_auth(struct decoder *decoder, const struct metrics_server_settings *own)
{
    const bool needs_secret = own->auth == METRICS_AUTH_TOKEN || own->auth == METRICS_AUTH_BASIC ||
                              own->auth == METRICS_AUTH_OAUTH;
    if (needs_secret && !is_given(&own->identity.secret))
        error(decoder, "E_AUTH", own->at, "this auth needs a secret",
              "add secret: {credential: NAME}");
    if (!needs_secret && is_given(&own->identity.secret))
        error(decoder, "E_AUTH", own->identity.secret.at, "a secret that nothing uses",
              "write auth: token, basic or oauth");
    if ((own->auth == METRICS_AUTH_BASIC) != (own->user.text != NULL))
        error(decoder, "E_AUTH", own->user.text == NULL ? own->at : own->user.at,
              "auth basic and user belong together", "add the one, or remove the other");
    if (own->user.text != NULL &&
        (strchr(own->user.text, ':') != NULL || strlen(own->user.text) > 255))
        error(decoder, "E_AUTH", own->user.at,
              "a user has no colon in it, and at most 255 characters", "change the user");
    if (own->auth == METRICS_AUTH_OAUTH && own->identity.client_id.text == NULL)
        error(decoder, "E_AUTH", own->at, "auth oauth needs clientId", "add clientId");
    if (own->auth != METRICS_AUTH_OAUTH &&
        (own->identity.client_id.text != NULL || own->identity.issuer.text != NULL ||
         own->identity.token_url.text != NULL || own->identity.scope.text != NULL))
        error(decoder, "E_AUTH", own->at,
              "clientId, issuer, tokenUrl and scope belong to auth oauth",
              "write auth: oauth, or remove them");
}

void settings_check_metrics_server(struct decoder *decoder, void *object,
                                   const struct yaml_node *mapping, uint64_t seen)
{
    struct metrics_server_settings *own = object;
    (void)mapping;
    (void)seen;
    if (own->url.text == NULL)
        return;
    check_url(decoder, own);
    check_auth(decoder, own);
}

void settings_check_prometheus(struct decoder *decoder, void *object,
                               const struct yaml_node *mapping, uint64_t seen)
{
    struct prometheus_settings *own = object;
    settings_check_metrics_server(decoder, &own->server, mapping, seen);
    const char *url = own->server.url.text;
    const size_t length = url == NULL ? 0 : strlen(url);
    if (length >= 7 && strcmp(url + length - 7, "/api/v1") == 0)
        error(decoder, "E_URL", own->server.url.at, "the address of Prometheus ends with /api/v1",
              "write what stands before it");
}

static void check_platform_auth(struct decoder *decoder, const struct settings *settings,
                                const struct metrics_server_settings *server)
{
    if (server->url.text != NULL && server->auth == METRICS_AUTH_PLATFORM &&
        settings->platform.auth == PLATFORM_AUTH_NONE)
        error(decoder, "E_AUTH", server->at,
              "auth platform, but celld shows nothing to the control plane",
              "write another auth, or give platform one");
}

static void check_sources(struct decoder *decoder, const struct settings *settings,
                          const struct metrics_sources *sources)
{
    check_platform_auth(decoder, settings, &sources->prometheus.server);
    check_platform_auth(decoder, settings, &sources->observer.server);
    check_platform_auth(decoder, settings, &sources->webhook.server);
}

void settings_check_metrics(struct decoder *decoder, const struct settings *settings)
{
    const struct metrics_settings *metrics = &settings->metrics;
    check_sources(decoder, settings, &metrics->sources);
    for (size_t i = 0; i < settings->notification_count; i++)
        check_platform_auth(decoder, settings, &settings->notifications[i].server);
    for (size_t i = 0; i < metrics->target_count; i++) {
        const struct metrics_target_settings *target = &metrics->targets[i];
        check_sources(decoder, settings, &target->sources);
        if (target->sources.prometheus.server.at.line == 0 &&
            target->sources.observer.server.at.line == 0 &&
            target->sources.webhook.server.at.line == 0)
            error(decoder, "E_METRICS", target->at, "a target that names no source",
                  "add prometheus, observer or webhook, or remove the target");
    }
}
