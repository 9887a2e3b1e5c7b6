#include "config/base/arena.h"
#include "config/base/check.h"
#include "config/base/json.h"
#include "reconciler/compile/compile.h"
#include "reconciler/compile/parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_LIMIT ((size_t)16 << 20)

/* --- names ---------------------------------------------------------------------------------- */

static const char *role_suffix(enum component_role role)
{
    switch (role) {
    case ROLE_SLOT_A:
        return "-a";
    case ROLE_SLOT_B:
        return "-b";
    case ROLE_BUILD:
        return "-build";
    case ROLE_ROUTE:
    case ROLE_SINGLE:
        return "";
    }
    CHECK_UNREACHABLE();
}

static int make_names(struct deployment *deployment)
{
    for (int i = 0; i < COMPONENT_ROLE_COUNT; i++) {
        const enum component_role role = (enum component_role)i;
        const char *digest =
            role == ROLE_ROUTE ? deployment->route_digest : deployment->release_digest;
        const char *name = arena_format(deployment->arena, "%s%s", deployment->component->name.text,
                                        role_suffix(role));
        if (name == NULL)
            return -ENOMEM;
        deployment->component_names[role] = name;
        if (role == ROLE_BUILD)
            continue;
        deployment->release_names[role] = arena_format(deployment->arena, "%s-%s", name, digest);
        deployment->binding_names[role] =
            arena_format(deployment->arena, "%s-%s", name, deployment->target->name);
        if (deployment->release_names[role] == NULL || deployment->binding_names[role] == NULL)
            return -ENOMEM;
    }
    return 0;
}

const char *deployment_component_name(const struct deployment *deployment, enum component_role role)
{
    return deployment->component_names[role];
}

const char *deployment_release_name(const struct deployment *deployment, enum component_role role)
{
    return deployment->release_names[role];
}

const char *deployment_binding_name(const struct deployment *deployment, enum component_role role)
{
    return deployment->binding_names[role];
}

/* --- digests -------------------------------------------------------------------------------- */

static int short_digest(const json_t *value, char ret_text[static DIGEST_SHORT + 1])
{
    struct digest digest;
    const int status = digest_json(value, &digest);
    if (status != 0)
        return status;
    memcpy(ret_text, digest.text, DIGEST_SHORT);
    ret_text[DIGEST_SHORT] = '\0';
    return 0;
}

/* What makes a release: neither slot nor target, and not the type's own text, which the server
 * snapshots. */
static int make_release_digest(struct deployment *deployment)
{
    const struct deployment_parts *parts = deployment->parts;
    OWNED_JSON *content =
        json_pack("{s:s, s:s, s:O, s:O, s:O, s:O}", "kind", parts->type_kind, "type",
                  parts->type_name, "parameters", parts->parameters, "container", parts->container,
                  "endpoints", parts->endpoints, "dependencies", parts->dependencies);
    return content == NULL ? -ENOMEM : short_digest(content, deployment->release_digest);
}

static int make_deployment_digest(struct deployment *deployment)
{
    const struct deployment_parts *parts = deployment->parts;
    OWNED_JSON *content = json_pack("{s:s, s:O, s:O}", "release", deployment->release_digest,
                                    "overrides", parts->overrides, "configs", parts->configs);
    return content == NULL ? -ENOMEM : short_digest(content, deployment->deployment_digest);
}

static bool has_matches(const struct layer *layer)
{
    for (size_t i = 0; layer->rollout != NULL && i < layer->rollout->step_count; i++) {
        if (layer->rollout->steps[i].match_count > 0)
            return true;
    }
    return false;
}

static bool override_has_matches(const struct override *overrides, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (has_matches(&overrides[i].layer))
            return true;
        for (size_t k = 0; k < overrides[i].component_count; k++) {
            if (has_matches(&overrides[i].components[k].layer))
                return true;
        }
    }
    return false;
}

/* Some target may send requests by what they bear. Releases snapshot their type, and one that was
 * made of a type without matches would leave them out silently: so this is another release. Routes
 * that do not ask for it stay as they are. */
static bool needs_matches(const struct deployment *deployment)
{
    const struct cell *cell = deployment->cell;
    return has_matches(&cell->layer) || has_matches(&deployment->component->layer) ||
           override_has_matches(cell->environments, cell->environment_count) ||
           override_has_matches(cell->targets, cell->target_count);
}

static int make_route_digest(struct deployment *deployment)
{
    if (!deployment->routed)
        return 0;
    OWNED_JSON *content =
        json_pack("{s:s, s:O}", "type", TYPE_ROUTE, "endpoints", deployment->parts->endpoints);
    if (content != NULL && needs_matches(deployment) &&
        json_object_set_new(content, "matches", json_true()) < 0)
        return -ENOMEM;
    return content == NULL ? -ENOMEM : short_digest(content, deployment->route_digest);
}

/* --- making --------------------------------------------------------------------------------- */

bool deployment_is_routed(const struct component *component)
{
    switch (component->type) {
    case COMPONENT_SERVICE:
    case COMPONENT_WEB_APPLICATION:
    case COMPONENT_WORKER:
        return component->endpoint_count > 0;
    case COMPONENT_SCHEDULED_TASK:
    case COMPONENT_OTHER:
        return false;
    }
    CHECK_UNREACHABLE();
}

static int lay_layers(struct deployment *deployment, const struct target *target,
                      struct effective **ret_effective)
{
    const struct compile_context *context = deployment->context;
    return effective_component(context->set, context->platform, deployment->cell,
                               deployment->component, target, deployment->arena, ret_effective);
}

static int choose_image(struct deployment *deployment, const char *image, struct error *err)
{
    deployment->image = deployment->common->image.text;
    if (deployment->image == NULL && image != NULL) {
        deployment->image = arena_text(deployment->arena, image);
        return deployment->image == NULL ? error_no_memory(err) : 0;
    }
    if (deployment->image == NULL)
        return error_set(err, ERROR_UNAVAILABLE, -EAGAIN, "the image of %s is not built yet",
                         deployment->component->name.text);
    return 0;
}

static int fill(struct deployment *deployment, const char *image, struct error *err)
{
    struct effective *common = NULL, *effective = NULL;
    if (lay_layers(deployment, NULL, &common) != 0 ||
        lay_layers(deployment, deployment->target, &effective) != 0)
        return error_no_memory(err);
    deployment->common = common;
    deployment->effective = effective;
    int status = parts_check_common(deployment, err);
    if (status == 0)
        status = choose_image(deployment, image, err);
    if (status == 0)
        status = parts_type(deployment, err);
    if (status == 0)
        status = parts_container(deployment, err);
    if (status != 0)
        return status;
    if (make_release_digest(deployment) != 0 || make_deployment_digest(deployment) != 0 ||
        make_route_digest(deployment) != 0 || make_names(deployment) != 0)
        return error_no_memory(err);
    return 0;
}

static struct deployment *allocate(const struct compile_context *context)
{
    struct arena *arena = arena_new_in(context->deployments, ARENA_LIMIT);
    struct deployment *deployment = arena == NULL ? NULL : arena_alloc(arena, sizeof *deployment);
    if (deployment == NULL) {
        arena_free(arena);
        return NULL;
    }
    deployment->arena = arena;
    deployment->parts = calloc(1, sizeof *deployment->parts);
    if (deployment->parts != NULL)
        deployment->parts->references = json_array();
    if (deployment->parts == NULL || deployment->parts->references == NULL)
        return deployment_free(deployment);
    return deployment;
}

int deployment_new(const struct compile_context *context, const struct cell *cell,
                   const struct component *component, const struct target *target,
                   const char *image, struct deployment **ret_deployment, struct error *err)
{
    struct deployment *deployment = allocate(context);
    if (deployment == NULL)
        return error_no_memory(err);
    deployment->context = context;
    deployment->cell = cell;
    deployment->component = component;
    deployment->target = target;
    deployment->routed = deployment_is_routed(component);
    deployment->project = body_project(deployment->arena, context->platform, cell->name.text);
    const int status =
        deployment->project == NULL ? error_no_memory(err) : fill(deployment, image, err);
    if (status != 0) {
        deployment_free(deployment);
        return status;
    }
    *ret_deployment = deployment;
    return 0;
}

struct deployment *deployment_free(struct deployment *deployment)
{
    if (deployment == NULL)
        return NULL;
    parts_free(deployment->parts);
    arena_free(deployment->arena);
    return NULL;
}
