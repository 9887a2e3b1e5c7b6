/* A small platform for tests: namespace acme, environment development, project shop with its
 * data-plane namespace, the types of celld. Asked without HTTP, in virtual time. */
#pragma once

#include "tests/platform/model.h"

struct town {
    struct platform *platform;
    int64_t now_ms;
};

/* options NULL: defaults. */
struct town *town_new(const struct platform_options *options);
struct town *town_free(struct town *town);

/* One request; `body` NULL = none. Takes some virtual milliseconds. Returns the status; the body is
 * the caller's, NULL when it is no JSON. ret_body NULL = not wanted. */
int town_ask(struct town *town, const char *method, const char *path, const char *body,
             json_t **ret_body);

/* The same, below the namespace ("/releasebindings/…"), and it must answer `status`. */
json_t *town_must(struct town *town, int status, const char *method, const char *path,
                  const char *body);

void town_pass(struct town *town, int64_t ms);

/* A slot component `NAME` of service cart with its first release and its binding. */
void town_deploy_slot(struct town *town, const char *name, const char *slot, const char *image);
/* Another image: workload, release `RELEASE`, binding. */
void town_release(struct town *town, const char *name, const char *release, const char *image);
/* The route component cart. backends: JSON array as text. */
void town_deploy_route(struct town *town, const char *backends);
void town_route(struct town *town, const char *backends);

/* "True", "False", "Unknown", or "" without such a condition; borrowed until the next call. */
const char *town_condition(struct town *town, const char *binding, const char *type,
                           const char **ret_reason);
/* Advances until the condition has this status; false after `limit_ms`. */
bool town_wait(struct town *town, const char *binding, const char *type, const char *status,
               int64_t limit_ms);
