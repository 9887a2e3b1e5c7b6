#include "config/base/arena.h"
#include "config/base/digest.h"
#include "config/base/json.h"
#include "reconciler/compile/body.h"
#include "reconciler/compile/compile.h"
#include "reconciler/compile/desired.h"
#include "reconciler/compile/native.h"

#include <errno.h>
#include <string.h>

#define ANNOTATION_REGION "celld.dev/region"
#define ANNOTATION_REPOSITORY "celld.dev/repository"
#define ANNOTATION_BRANCH "celld.dev/branch"

/* The project type that every control plane comes with. */
#define PROJECT_TYPE "default"

static const char *all_regions(struct arena *arena, const struct platform *platform)
{
    const char *regions = "";
    for (size_t i = 0; regions != NULL && i < platform->region_count; i++)
        regions = arena_format(arena, "%s%s%s", regions, i == 0 ? "" : ",",
                               platform->regions[i].name.text);
    return regions;
}

/* Without it a body could name another project, or all of them. */
static const char *project_of(struct body *body, struct arena *arena,
                              const struct platform *platform, const struct cell *cell)
{
    const char *project = body_project(arena, platform, cell->name.text);
    if (project == NULL)
        body->status = -ENOMEM;
    return project;
}

/* The schema of a project has no fields for region, repository and branch, so they are annotations
 * of ours. */
static json_t *project_body(struct body *body, const struct compile_context *context,
                            const struct cell *cell, struct arena *arena)
{
    const struct platform *platform = context->platform;
    json_t *object = body_new(body, project_of(body, arena, platform, cell), cell->name.text);
    const char *display =
        cell->display_name.text == NULL ? cell->name.text : cell->display_name.text;
    const char *repository = platform->repository_url.text == NULL ? context->repository_url
                                                                   : platform->repository_url.text;
    body_annotate(body, object, ANNOTATION_DISPLAY_NAME, display);
    body_annotate(body, object, ANNOTATION_DESCRIPTION, cell->description.text);
    const char *regions = all_regions(arena, platform);
    if (regions == NULL)
        body->status = -ENOMEM;
    body_annotate(body, object, ANNOTATION_REGION, regions);
    body_annotate(body, object, ANNOTATION_REPOSITORY, repository);
    body_annotate(body, object, ANNOTATION_BRANCH, context->branch);
    json_t *spec = body_put_object(body, object, "spec");
    json_t *pipeline = body_put_object(body, spec, "deploymentPipelineRef");
    body_put_text(body, pipeline, "kind", "DeploymentPipeline");
    body_put_text(body, pipeline, "name", platform->pipeline.text);
    json_t *type = body_put_object(body, spec, "type");
    body_put_text(body, type, "kind", "ClusterProjectType");
    body_put_text(body, type, "name", PROJECT_TYPE);
    return object;
}

/* --- access --------------------------------------------------------------------------------- */

/* A condition narrows the actions that know an environment; all others stay as the role gives
 * them. */
static const char *const environment_actions[] = {
    "component:exec",   "logs:view",
    "metrics:view",     "projectreleasebinding:*",
    "releasebinding:*", "resourcereleasebinding:*",
    "traces:view",      "wirelogs:view",
};

static bool names_environment(const struct manifest_texts *environments, const char *name)
{
    for (size_t i = 0; i < environments->count; i++)
        if (strcmp(environments->items[i].text, name) == 0)
            return true;
    return false;
}

/* resource.environment in ["production", "production-eu"]: names are DNS labels, so nothing in them
 * needs an escape. */
static void add_environment_condition(struct body *body, json_t *mapping,
                                      const struct platform *platform,
                                      const struct access_rule *rule)
{
    struct text expression;
    text_init(&expression, 65536);
    text_add(&expression, "resource.environment in [");
    bool first = true;
    for (size_t i = 0; i < platform->target_count; i++) {
        const struct target *target = &platform->targets[i];
        if (!names_environment(&rule->environments, target->environment->name.text))
            continue;
        text_format(&expression, "%s\"%s\"", first ? "" : ", ", target->name);
        first = false;
    }
    text_add_char(&expression, ']');
    if (text_status(&expression) != 0)
        body->status = -ENOMEM;
    json_t *conditions = body_put_array(body, mapping, "conditions");
    json_t *condition = json_object();
    json_t *actions = body_put_array(body, condition, "actions");
    for (size_t i = 0; i < sizeof environment_actions / sizeof environment_actions[0]; i++)
        body_append(body, actions, json_string(environment_actions[i]));
    body_put_text(body, condition, "expression", text_get(&expression));
    body_append(body, conditions, condition);
    text_fini(&expression);
}

/* Named by its content: a rule has no name of its own, and a changed one is another rule. */
static json_t *access_body(struct body *body, const struct compile_context *context,
                           const struct cell *cell, const struct access_rule *rule,
                           struct arena *arena)
{
    const char *project = project_of(body, arena, context->platform, cell);
    OWNED_JSON *spec = json_object();
    json_t *entitlement = body_put_object(body, spec, "entitlement");
    body_put_text(body, entitlement, "claim", rule->claim.text);
    body_put_text(body, entitlement, "value", rule->value.text);
    const bool deny = rule->deny.set && rule->deny.value;
    body_put_text(body, spec, "effect", deny ? "deny" : "allow");
    json_t *mappings = body_put_array(body, spec, "roleMappings");
    json_t *mapping = json_object();
    json_t *role = body_put_object(body, mapping, "roleRef");
    body_put_text(body, role, "kind",
                  rule->role_kind.text == NULL ? "ClusterAuthzRole" : rule->role_kind.text);
    body_put_text(body, role, "name", rule->role.text);
    body_put_text(body, body_put_object(body, mapping, "scope"), "project", project);
    if (rule->environments.set)
        add_environment_condition(body, mapping, context->platform, rule);
    body_append(body, mappings, mapping);

    struct digest digest;
    if (body->status != 0 || digest_json(spec, &digest) != 0)
        return NULL;
    json_t *object =
        body_new(body, arena_format(arena, "%s-access-%.*s", project, DIGEST_SHORT, digest.text),
                 cell->name.text);
    body_put(body, object, "spec", TAKE(spec));
    return object;
}

/* --- a cell --------------------------------------------------------------------------------- */

static int add_cell(const struct compile_context *context, const struct cell *cell,
                    struct desired_list *list, struct error *err)
{
    const char *namespace_name = context->platform->namespace_name.text;
    const bool adopt = cell->adopt.set && cell->adopt.value;
    struct body body = {0};
    if (desired_list_add(list, KIND_PROJECT, namespace_name,
                         project_body(&body, context, cell, list->arena), adopt,
                         cell->name.at) != 0)
        return error_no_memory(err);
    for (size_t i = 0; context->authorization && i < cell->access_count; i++)
        if (desired_list_add(list, KIND_AUTHZ_ROLE_BINDING, namespace_name,
                             access_body(&body, context, cell, &cell->access[i], list->arena),
                             adopt, cell->access[i].at) != 0)
            return error_no_memory(err);
    if (body.status != 0)
        return error_no_memory(err);
    return native_add(context, cell->name.text, list, err);
}

int compile_cell(const struct compile_context *context, const struct cell *cell,
                 struct desired_list *ret_list, struct error *err)
{
    struct desired_list list;
    if (desired_list_init(&list, 1 + cell->access_count + native_count(context, cell->name.text)) !=
        0)
        return error_no_memory(err);
    const int status = add_cell(context, cell, &list, err);
    if (status != 0) {
        desired_list_fini(&list);
        return status;
    }
    *ret_list = list;
    return 0;
}

int compile_project_binding(const struct compile_context *context, const struct cell *cell,
                            const struct target *target, const char *project_release,
                            struct desired_object *ret_object, struct error *err)
{
    struct body body = {0};
    struct arena *arena = arena_new(4096);
    if (arena == NULL)
        return error_no_memory(err);
    const char *project = project_of(&body, arena, context->platform, cell);
    json_t *object =
        body_new(&body, arena_format(arena, "%s-%s", project, target->name), cell->name.text);
    json_t *spec = body_put_object(&body, object, "spec");
    body_put_text(&body, body_put_object(&body, spec, "owner"), "projectName", project);
    body_put_text(&body, spec, "environment", target->name);
    body_put_text(&body, spec, "projectRelease", project_release);
    arena_free(arena);
    if (body.status != 0) {
        json_decref(object);
        return error_no_memory(err);
    }
    const int status = desired_object_make(
        KIND_PROJECT_RELEASE_BINDING, context->platform->namespace_name.text, object,
        cell->adopt.set && cell->adopt.value, cell->name.at, ret_object);
    return status == 0 ? 0 : error_no_memory(err);
}
