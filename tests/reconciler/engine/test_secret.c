/* ${NAME} of a cell that is a credential: written through the secrets API, released like any other
 * change, and its value nowhere to be seen. */
#include "config/base/json.h"
#include "reconciler/compile/compile.h"
#include "reconciler/engine/secret.h"
#include "reconciler/resource/object.h"
#include "tests/reconciler/engine/expect.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

TestSuite(secret, .timeout = 600);

#define CANARY "canary-4711-value"
/* As the server shows it. */
#define CANARY_BASE64 "Y2FuYXJ5LTQ3MTEtdmFsdWU="

static const char uses_secret[] = "      configurations:\n"
                                  "        - name: database\n"
                                  "          type: secret\n"
                                  "          mount_type: env variable\n"
                                  "          env_variables: {DB: \"${DB_PASSWORD}\"}\n";

static const struct compile_credential first = {
    "db-password", "1111111111111111111111111111111111111111111111111111111111111111"};
static const struct compile_credential second = {
    "db-password", "2222222222222222222222222222222222222222222222222222222222222222"};

static size_t seen_effects, leaks;

static void look_for_leaks(const json_t *value)
{
    char *text = value == NULL ? NULL : json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    leaks += text != NULL && (strstr(text, CANARY) != NULL || strstr(text, CANARY_BASE64) != NULL);
    free(text);
}

static void watch(void *context, const struct effect *effect)
{
    (void)context;
    seen_effects++;
    if (effect->kind == EFFECT_REQUEST)
        look_for_leaks(effect->as.request.body);
    else if (effect->kind == EFFECT_PERSIST)
        look_for_leaks(effect->as.persist.value);
    else if (effect->kind == EFFECT_REPLY)
        look_for_leaks(effect->as.reply.body);
    else if (effect->kind == EFFECT_PUBLISH) {
        look_for_leaks(effect->as.publish.data);
        leaks += strstr(effect->as.publish.message, CANARY) != NULL;
    }
}

static struct world *world_with(const struct compile_credential *credential, bool secrets_api)
{
    struct world_options options;
    world_options_default(&options);
    options.engine.credentials = credential;
    options.engine.credential_count = credential != NULL;
    options.platform.secret_management = secrets_api;
    options.secret = CANARY;
    options.watch = watch;
    seen_effects = leaks = 0;
    struct world *world = world_new(&options);
    repository_commit(world, 1, platform_small, "shop", "registry.example/shop:1", uses_secret,
                      NULL);
    return world;
}

static int ask_secret(struct world *world, const char *name, json_t **ret_body)
{
    char path[512];
    snprintf(path, sizeof path, "/api/v1alpha1/namespaces/acme/secrets/%s", name);
    const struct platform_request request = {.method = "GET", .path = path};
    struct platform_response response;
    platform_handle(world->platform, &request, world_platform_now(world), &response);
    *ret_body = json_loadb(response.body, response.length, 0, NULL);
    const int status = response.status;
    platform_response_fini(&response);
    return status;
}

/* The SecretReference that the release of shop's api names, with the key. */
static void used_reference(const struct world *world, char *ret_name, size_t size)
{
    json_t *release = platform_object(world->platform, "componentreleases", "acme",
                                      repository_release(world, "shop-api-a-development"));
    const json_t *env =
        json_array_get(json_at(release, "spec", "workload", "container", "env", NULL), 0);
    const json_t *reference = json_at(env, "valueFrom", "secretKeyRef", NULL);
    cr_expect_str_eq(json_text_or(json_object_get(env, "key"), ""), "DB");
    cr_expect_str_eq(json_text_or(json_object_get(reference, "key"), ""), "db-password");
    snprintf(ret_name, size, "%s", json_text_or(json_object_get(reference, "name"), ""));
    json_decref(release);
}

static void expect_no_leaks(const struct world *world)
{
    json_t *seen[] = {engine_status(world->engine, world_now(world)),
                      engine_cell_status(world->engine, "shop", world_now(world)),
                      engine_plan(world->engine, NULL, world_now(world)),
                      engine_diff(world->engine, NULL),
                      engine_render(world->engine, NULL, NULL),
                      engine_history(world->engine)};
    for (size_t i = 0; i < sizeof seen / sizeof seen[0]; i++) {
        cr_expect_not_null(seen[i]);
        look_for_leaks(seen[i]);
        json_decref(seen[i]);
    }
    for (size_t i = 0; i < world->row_count; i++)
        look_for_leaks(world->rows[i].value);
    look_for_leaks(world->published);
    cr_expect_gt(seen_effects, 100);
    cr_expect_eq(leaks, 0, "the value was seen");
}

static size_t secret_posts(const struct world *world)
{
    return world_asked(world, "POST", "/secrets");
}

Test(secret, a_credential_is_written_and_used_and_not_shown)
{
    struct world *world = world_with(&first, true);
    expect_condition(world, CONDITION_CONVERGED);
    char name[256];
    used_reference(world, name, sizeof name);
    cr_expect_eq(strncmp(name, "acme-shop-db-password-", 22), 0, "%s", name);
    json_t *body;
    cr_assert_eq(ask_secret(world, name, &body), 200);
    cr_expect_str_eq(json_text_or(json_at(body, "data", "db-password", NULL), ""), CANARY_BASE64);
    json_decref(body);
    json_t *reference = platform_object(world->platform, "secretreferences", "acme", name);
    cr_expect_str_eq(
        json_text_or(json_at(reference, "metadata", "labels", LABEL_CREDENTIAL, NULL), ""), "true");
    cr_expect_str_eq(json_text_or(json_at(reference, "spec", "targetPlane", "name", NULL), ""),
                     "us");
    json_decref(reference);
    cr_expect_eq(secret_posts(world), 1);
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:1");
    expect_silence(world);
    expect_no_leaks(world);
    expect_no_dangers(world);
    world_free(world);
}

Test(secret, another_value_is_another_release_and_the_old_secret_goes)
{
    struct world *world = world_with(&first, true);
    expect_condition(world, CONDITION_CONVERGED);
    char before[256], after[256];
    used_reference(world, before, sizeof before);
    world->options.engine.credentials = &second;
    world_kill(world);
    world_run(world, MINUTES(1));
    expect_condition(world, CONDITION_CONVERGED);
    used_reference(world, after, sizeof after);
    cr_expect_str_neq(before, after);
    json_t *body;
    cr_expect_eq(ask_secret(world, after, &body), 200);
    json_decref(body);
    repository_commit(world, 2, platform_small, "shop", "registry.example/shop:2", uses_secret,
                      NULL);
    world_run(world, MINUTES(10));
    expect_condition(world, CONDITION_CONVERGED);
    cr_expect_eq(ask_secret(world, before, &body), 404);
    json_decref(body);
    cr_expect_eq(ask_secret(world, after, &body), 200);
    json_decref(body);
    expect_silence(world);
    expect_no_leaks(world);
    world_free(world);
}

Test(secret, without_the_secrets_api_it_waits_and_says_what_to_do)
{
    struct world *world = world_with(&first, false);
    world_run(world, MINUTES(30));
    expect_why(world, "shop", "development",
               "secrets API is off: declare a SecretReference db-password");
    json_t *binding =
        platform_object(world->platform, "releasebindings", "acme", "shop-api-a-development");
    cr_expect_null(binding, "bound without its secret");
    json_decref(binding);
    struct platform_options options = world->options.platform;
    options.secret_management = true;
    platform_restart(world->platform, &options);
    expect_condition(world, CONDITION_CONVERGED);
    expect_no_leaks(world);
    world_free(world);
}

Test(secret, without_a_credential_it_waits_and_says_what_to_do)
{
    struct world *world = world_with(NULL, true);
    world_run(world, MINUTES(5));
    expect_why(world, "shop", "development", "needs SecretReference db-password");
    expect_why(world, "shop", "development", "/etc/celld/credentials/secret-db-password");
    cr_expect_eq(secret_posts(world), 0);
    world->options.engine.credentials = &first;
    world->options.engine.credential_count = 1;
    world_kill(world);
    expect_condition(world, CONDITION_CONVERGED);
    world_free(world);
}

static void put_reference(struct world *world, const char *method, const char *key)
{
    char body[512], path[128];
    snprintf(body, sizeof body,
             "{\"metadata\": {\"name\": \"db-password\"}, \"spec\": {\"template\": {\"type\": "
             "\"Opaque\"}, \"data\": [{\"secretKey\": \"%s\", \"remoteRef\": {\"key\": \"db\"}}]}}",
             key);
    snprintf(path, sizeof path, "/api/v1/namespaces/acme/secretreferences%s",
             strcmp(method, "PUT") == 0 ? "/db-password" : "");
    const struct platform_request request = {
        .method = method, .path = path, .body = body, .body_length = strlen(body)};
    struct platform_response response;
    platform_handle(world->platform, &request, world_platform_now(world), &response);
    cr_assert_eq(response.status / 100, 2, "%.*s", (int)response.length, response.body);
    platform_response_fini(&response);
}

/* Somebody else keeps the reference; the server would take the binding and fail its pods. */
Test(secret, a_reference_without_the_key_is_said_before_anything_is_rolled_out)
{
    struct world *world = repository_world();
    repository_commit(world, 1, platform_small, "shop", "registry.example/shop:1", NULL, NULL);
    expect_condition(world, CONDITION_CONVERGED);
    put_reference(world, "POST", "OTHER");
    repository_commit(world, 2, platform_small, "shop", "registry.example/shop:2", uses_secret,
                      NULL);
    world_run(world, MINUTES(5));
    expect_why(world, "shop", "development",
               "shop-api waits: SecretReference db-password has no key DB: add it there");
    expect_why(world, "shop", "development", "(cells/shop/cell.yaml:");
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:1");
    cr_expect_str_eq(world_node_state(world, "shop", "development"), "forward");
    world_kill(world);
    world_run(world, MINUTES(2));
    expect_why(world, "shop", "development", "has no key DB");
    put_reference(world, "PUT", "DB");
    expect_condition(world, CONDITION_CONVERGED);
    expect_runs(world, "shop-api-a", "development", "registry.example/shop:2");
    cr_expect_eq(platform_danger(world->platform).dangling_reference, 0);
    expect_silence(world);
    world_free(world);
}

/* The process dies at every write on the way. */
Test(secret, dying_at_any_write_leaves_one_secret)
{
    for (uint64_t write = 1; write <= 12; write++) {
        struct world *world = world_with(&first, true);
        world->crash = WORLD_CRASH_APPLIED;
        world->crash_at = write;
        expect_condition(world, CONDITION_CONVERGED);
        cr_expect_eq(secret_posts(world), 1, "write %u", (unsigned)write);
        expect_no_leaks(world);
        world_free(world);
    }
}

/* The reference that celld keeps is put right as all else is. */
Test(secret, a_reference_whose_labels_somebody_changes_is_put_right)
{
    struct world *world = world_with(&first, true);
    expect_condition(world, CONDITION_CONVERGED);
    char name[256];
    used_reference(world, name, sizeof name);
    json_t *patch = json_pack("{s:{s:s}}", "labels", LABEL_CELL, "another");
    expect_changed(world, "secretreferences", "acme", name, patch);
    world_run(world, MINUTES(5));
    expect_condition(world, CONDITION_CONVERGED);
    json_t *reference = platform_object(world->platform, "secretreferences", "acme", name);
    cr_expect_str_eq(json_text_or(json_at(reference, "metadata", "labels", LABEL_CELL, NULL), ""),
                     "shop");
    json_decref(reference);
    expect_no_leaks(world);
    expect_silence(world);
    world_free(world);
}

/* Points the reference at another value, as somebody else would. */
static void redirect(struct world *world, const char *name)
{
    json_t *patch = json_pack("{s:{s:[{s:s, s:{s:s, s:s}}]}}", "spec", "data", "secretKey",
                              "db-password", "remoteRef", "key", "theirs", "property", "password");
    expect_changed(world, "secretreferences", "acme", name, patch);
}

static const char *remote_key(const json_t *reference)
{
    const json_t *row = json_array_get(json_at(reference, "spec", "data", NULL), 0);
    return json_text_or(json_at(row, "remoteRef", "key", NULL), "");
}

static void expect_remote(const struct world *world, const char *name, const char *key)
{
    json_t *reference = platform_object(world->platform, "secretreferences", "acme", name);
    cr_expect_str_eq(remote_key(reference), key);
    json_decref(reference);
}

/* Where a value is kept only the secrets API knows: what it wrote is kept, and restored, also by
 * one that was started since. */
Test(secret, a_reference_that_somebody_points_elsewhere_is_put_right_within_one_look)
{
    for (int restarted = 0; restarted < 2; restarted++) {
        struct world *world = world_with(&first, true);
        expect_condition(world, CONDITION_CONVERGED);
        char name[256];
        used_reference(world, name, sizeof name);
        if (restarted)
            world_kill(world);
        world_run(world, MINUTES(1));
        redirect(world, name);
        expect_remote(world, name, "theirs");
        world_run(world, 40000);
        expect_remote(world, name, name);
        cr_expect(world_published(world, "drift-found", "shop"));
        expect_condition(world, CONDITION_CONVERGED);
        cr_expect_eq(secret_posts(world), 1);
        expect_silence(world);
        expect_no_leaks(world);
        world_free(world);
    }
}

Test(secret, a_reference_that_somebody_points_elsewhere_is_left_where_the_policy_says_so)
{
    static const char *const policies[] = {"report", "freeze"};
    for (size_t i = 0; i < 2; i++) {
        struct world *world = world_with(&first, true);
        char extra[1024];
        snprintf(extra, sizeof extra, "%s  drift: %s\n", uses_secret, policies[i]);
        repository_commit(world, 2, platform_small, "shop", "registry.example/shop:1", extra, NULL);
        expect_condition(world, CONDITION_CONVERGED);
        char name[256];
        used_reference(world, name, sizeof name);
        redirect(world, name);
        world_run(world, MINUTES(2));
        expect_remote(world, name, "theirs");
        cr_expect(world_published(world, "drift-found", "shop"));
        json_t *diff = engine_diff(world->engine, "shop");
        char *text = json_dumps(diff, JSON_COMPACT);
        cr_expect_not_null(strstr(text, "/spec/data"), "%s", text);
        free(text);
        json_decref(diff);
        expect_no_leaks(world);
        world_free(world);
    }
}

static void take_away(struct world *world, const char *name, bool put_back)
{
    char path[512];
    snprintf(path, sizeof path, "/api/v1/namespaces/acme/secretreferences/%s", name);
    json_t *live = platform_object(world->platform, "secretreferences", "acme", name);
    json_t *body =
        json_pack("{s:{s:s, s:O}, s:O}", "metadata", "name", name, "labels",
                  json_at(live, "metadata", "labels", NULL), "spec", json_object_get(live, "spec"));
    cr_assert_not_null(body);
    cr_assert_eq(world_handle(world, "DELETE", path, NULL) / 100, 2);
    if (put_back)
        cr_assert_eq(world_handle(world, "POST", "/api/v1/namespaces/acme/secretreferences",
                                  json_incref(body)),
                     201);
    json_decref(body);
    json_decref(live);
}

/* What the API wrote for the former counts no more, whether celld makes it anew or somebody did,
 * with the same marks, between two looks. */
Test(secret, a_reference_that_was_made_anew_is_put_right_as_it_is_now)
{
    for (int put_back = 0; put_back < 2; put_back++) {
        struct world *world = world_with(&first, true);
        expect_condition(world, CONDITION_CONVERGED);
        char name[256];
        used_reference(world, name, sizeof name);
        take_away(world, name, put_back == 1);
        world_run(world, MINUTES(2));
        cr_assert(world_stands(world, "secretreferences", name));
        redirect(world, name);
        expect_remote(world, name, "theirs");
        world_run(world, 40000);
        expect_remote(world, name, name);
        expect_condition(world, CONDITION_CONVERGED);
        expect_silence(world);
        expect_no_leaks(world);
        world_free(world);
    }
}

/* One that the repository declares is copied under a name made of its content. */
Test(secret, a_copy_of_a_declared_reference_is_put_right_within_one_look)
{
    static const char native[] =
        "apiVersion: openchoreo.dev/v1alpha1\nkind: SecretReference\n"
        "metadata: {name: db-password}\nspec: {template: {type: Opaque}, data: [{secretKey: "
        "db-password, remoteRef: {key: shop/db, property: password}}]}\n";
    struct world *world = repository_world();
    char *shop = cell_text("shop", "registry.example/shop:1", uses_secret);
    const struct world_file files[] = {{"platform.yaml", platform_small},
                                       {"cells/shop/cell.yaml", shop},
                                       {"cells/shop/choreo/secret.yaml", native}};
    world_commit(world, "0000000000000000000000000000000000000001", files, 3);
    free(shop);
    expect_condition(world, CONDITION_CONVERGED);
    char name[256];
    used_reference(world, name, sizeof name);
    cr_assert_str_neq(name, "db-password");
    redirect(world, name);
    world_run(world, 40000);
    expect_remote(world, name, "shop/db");
    expect_condition(world, CONDITION_CONVERGED);
    expect_silence(world);
    world_free(world);
}

Test(secret, only_what_the_secrets_api_made_is_sealed)
{
    json_t *rows = json_array();
    json_t *live = json_pack("{s:{s:{}}, s:{s:o}}", "metadata", "labels", "spec", "data", rows);
    cr_expect_null(secret_seal(live), "somebody else's");
    json_object_set_new(json_unconst(json_at(live, "metadata", "labels", NULL)), LABEL_CREDENTIAL,
                        json_string(LABEL_CREDENTIAL_YES));
    for (int i = 0; i < 16; i++)
        json_array_append_new(rows, json_object());
    cr_expect_eq(secret_seal(live), rows);
    json_array_append_new(rows, json_object());
    cr_expect_null(secret_seal(live), "so many keys are not of celld's making");
    json_decref(live);
}

Test(secret, what_is_sealed_is_wanted_while_it_stands)
{
    static struct engine engine;
    json_t *data = json_pack("[{s:s}]", "secretKey", "db-password");
    struct object object = {.sealed = NULL};
    for (int i = 0; i < 4; i++) {
        json_t *body = json_object();
        object.sealed = i == 0 ? NULL : data;
        object.intent = i == 1; /* it is being made: nobody knows yet what it will have */
        if (i != 2)
            json_object_set_new(body, "credential", json_object());
        secret_want_sealed(&engine, &object, body);
        cr_expect_eq(json_at(body, "spec", "data", NULL), i == 3 ? data : NULL, "%d", i);
        json_decref(body);
    }
    json_decref(data);
}

/* What is made anew gets what the API writes then. */
Test(secret, a_reference_that_somebody_removes_is_made_anew_and_kept_as_it_is_then)
{
    struct world *world = world_with(&first, true);
    expect_condition(world, CONDITION_CONVERGED);
    char name[256], path[512];
    used_reference(world, name, sizeof name);
    snprintf(path, sizeof path, "/api/v1alpha1/namespaces/acme/secrets/%s", name);
    const struct platform_request request = {.method = "DELETE", .path = path};
    struct platform_response response;
    platform_handle(world->platform, &request, world_platform_now(world), &response);
    cr_assert_eq(response.status, 204);
    platform_response_fini(&response);
    world_run(world, MINUTES(3));
    expect_condition(world, CONDITION_CONVERGED);
    cr_expect_eq(secret_posts(world), 2);
    redirect(world, name);
    world_run(world, 40000);
    expect_remote(world, name, name);
    expect_silence(world);
    expect_no_leaks(world);
    world_free(world);
}
