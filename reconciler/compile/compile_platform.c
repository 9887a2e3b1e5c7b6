#include "config/base/json.h"
#include "reconciler/compile/body.h"
#include "reconciler/compile/compile.h"
#include "reconciler/compile/desired.h"
#include "reconciler/compile/native.h"

#include <errno.h>
#include <string.h>

/* The server itself puts this label on the namespaces that it serves; without it a namespace can
 * neither be read nor made. Written along, so that no PUT loses it. */
#define LABEL_CONTROL_PLANE "openchoreo.dev/control-plane"

#define TYPE_BUILD "cell-build"

static const char *display_name(const struct platform *platform)
{
    return platform->name.text;
}

static json_t *namespace_body(struct body *body, const struct platform *platform)
{
    json_t *object = body_new(body, platform->namespace_name.text, NULL);
    json_t *labels = json_object_get(json_object_get(object, "metadata"), "labels");
    body_put_text(body, labels, LABEL_CONTROL_PLANE, "true");
    body_annotate(body, object, ANNOTATION_DISPLAY_NAME, display_name(platform));
    return object;
}

static json_t *environment_body(struct body *body, const struct target *target)
{
    json_t *object = body_new(body, target->name, NULL);
    json_t *spec = body_put_object(body, object, "spec");
    json_t *plane = body_put_object(body, spec, "dataPlaneRef");
    body_put_text(body, plane, "kind", target->region->data_plane_kind.text);
    body_put_text(body, plane, "name", target->region->data_plane_name.text);
    body_put(
        body, spec, "isProduction",
        json_boolean(target->environment->production.set && target->environment->production.value));
    return object;
}

/* Every environment's primary target promotes to all targets of the next environment, as the
 * pipeline's own root must be the one source that is nobody's target. That a second region waits
 * for the first is celld's doing: the server checks no order of promotion. */
static json_t *pipeline_body(struct body *body, const struct platform *platform)
{
    json_t *object = body_new(body, platform->pipeline.text, NULL);
    json_t *spec = body_put_object(body, object, "spec");
    json_t *paths = body_put_array(body, spec, "promotionPaths");
    for (size_t i = 0; i < platform->target_count; i++) {
        const struct target *source = &platform->targets[i];
        if (!source->primary)
            continue;
        json_t *path = json_object(), *targets = NULL;
        json_t *from = body_put_object(body, path, "sourceEnvironmentRef");
        body_put_text(body, from, "kind", "Environment");
        body_put_text(body, from, "name", source->name);
        targets = body_put_array(body, path, "targetEnvironmentRefs");
        for (size_t k = 0; k < platform->target_count; k++) {
            const struct target *to = &platform->targets[k];
            const bool next = to->environment_index == source->environment_index + 1;
            const bool first_region =
                to->environment_index == 0 && source->environment_index == 0 && !to->primary;
            if (!next && !first_region)
                continue;
            json_t *reference = json_object();
            body_put_text(body, reference, "kind", "Environment");
            body_put_text(body, reference, "name", to->name);
            body_append(body, targets, reference);
        }
        if (json_array_size(targets) == 0)
            json_decref(path);
        else
            body_append(body, paths, path);
    }
    return object;
}

static bool lists_workflow(const json_t *allowed, const char *kind, const char *name)
{
    for (size_t i = 0; i < json_array_size(allowed); i++) {
        const json_t *row = json_array_get(allowed, i);
        if (strcmp(json_text_or(json_object_get(row, "kind"), "ClusterWorkflow"), kind) == 0 &&
            strcmp(json_text_or(json_object_get(row, "name"), ""), name) == 0)
            return true;
    }
    return false;
}

/* A build run of a workflow that its component's type does not list ends at once, so the type lists
 * every one that a manifest names. */
static void allow_workflows(struct body *body, const struct compile_context *context, json_t *type)
{
    json_t *spec = json_object_get(type, "spec");
    json_t *allowed = json_object_get(spec, "allowedWorkflows");
    if (allowed == NULL)
        allowed = body_put_array(body, spec, "allowedWorkflows");
    const struct manifest_set *set = context->set;
    for (size_t i = 0; set != NULL && i < set->cell_count; i++) {
        const struct cell *cell = set->cells[i].cell;
        for (size_t k = 0; cell != NULL && k < cell->component_count; k++) {
            const struct build *build = &cell->components[k].build;
            const char *kind =
                build->workflow.kind.text == NULL ? "ClusterWorkflow" : build->workflow.kind.text;
            /* A cluster-wide type may only list cluster-wide workflows. */
            if (!build->set || build->workflow.name.text == NULL ||
                strcmp(kind, "ClusterWorkflow") != 0 ||
                lists_workflow(allowed, kind, build->workflow.name.text))
                continue;
            json_t *row = json_object();
            body_put_text(body, row, "kind", kind);
            body_put_text(body, row, "name", build->workflow.name.text);
            body_append(body, allowed, row);
        }
    }
}

static int add_types(struct body *body, const struct compile_context *context,
                     struct desired_list *list)
{
    for (size_t i = 0; i < json_array_size(context->component_types); i++) {
        json_t *type = json_deep_copy(json_array_get(context->component_types, i));
        if (type == NULL)
            return -ENOMEM;
        json_object_del(type, "apiVersion");
        json_object_del(type, "kind");
        const char *name = json_text_or(json_at(type, "metadata", "name", NULL), "");
        if (strcmp(name, TYPE_BUILD) == 0)
            allow_workflows(body, context, type);
        if (desired_list_add(list, KIND_CLUSTER_COMPONENT_TYPE, "", type, false,
                             (struct source_pos){0}) != 0)
            return -ENOMEM;
    }
    return 0;
}

static int add_platform(const struct compile_context *context, struct desired_list *list,
                        struct error *err)
{
    const struct platform *platform = context->platform;
    const char *namespace_name = platform->namespace_name.text;
    struct body body = {0};
    /* One that is there already stays as it is: it needs no mark, as celld never deletes it. */
    if (desired_list_add(list, KIND_NAMESPACE, "", namespace_body(&body, platform), false,
                         platform->namespace_name.at) != 0 ||
        add_types(&body, context, list) != 0)
        return error_no_memory(err);
    for (size_t i = 0; i < platform->target_count; i++)
        if (desired_list_add(list, KIND_ENVIRONMENT, namespace_name,
                             environment_body(&body, &platform->targets[i]), false,
                             platform->targets[i].environment->at) != 0)
            return error_no_memory(err);
    if (desired_list_add(list, KIND_DEPLOYMENT_PIPELINE, namespace_name,
                         pipeline_body(&body, platform), false, platform->pipeline.at) != 0 ||
        body.status != 0)
        return error_no_memory(err);
    return native_add(context, NULL, list, err);
}

int compile_platform(const struct compile_context *context, struct desired_list *ret_list,
                     struct error *err)
{
    struct desired_list list;
    if (desired_list_init(&list, 2 + json_array_size(context->component_types) +
                                     context->platform->target_count +
                                     native_count(context, NULL)) != 0)
        return error_no_memory(err);
    const int status = add_platform(context, &list, err);
    if (status != 0) {
        desired_list_fini(&list);
        return status;
    }
    *ret_list = list;
    return 0;
}
