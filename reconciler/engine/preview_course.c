#include "reconciler/engine/preview_course.h"

#include "reconciler/engine/object.h"
#include "reconciler/engine/status.h"
#include "reconciler/engine/status_rollout.h"

#include <stdio.h>
#include <string.h>

static const struct track *track_of(const struct unit *unit, const struct deployment *deployment)
{
    for (size_t i = 0; unit != NULL && i < unit->track_count; i++) {
        const struct track *track = unit->tracks[i];
        if (strcmp(track->component, deployment->component->name.text) == 0 &&
            strcmp(track->target, deployment->target->name) == 0)
            return track;
    }
    return NULL;
}

struct preview_course preview_course(const struct unit *unit, const struct deployment *deployment)
{
    static const struct rollout_content unknown = {.slot = 0};
    struct preview_course course = {.track = track_of(unit, deployment), .changes = true};
    const char first = deployment->routed ? 'a' : 0;
    const struct rollout *rollout = course.track == NULL ? NULL : &course.track->rollout;
    const char *digest = deployment->deployment_digest;
    if (rollout == NULL) {
        course.slot = first;
        return course;
    }
    const enum strategy strategy =
        deployment->routed ? deployment->effective->rollout.strategy : STRATEGY_ROLLING;
    if (rollout->has_next && strcmp(rollout->next.deployment_digest, digest) == 0) {
        course.slot = rollout->next_slot;
    } else if (!rollout->has_stable) {
        course.slot = first;
    } else if (strcmp(rollout->stable.deployment_digest, digest) == 0) {
        course.slot = rollout->stable_slot;
        course.changes = rollout_is_active(rollout);
    } else {
        const bool known = course.track->has_content &&
                           strcmp(course.track->content.deployment_digest, digest) == 0;
        course.slot =
            rollout_slot_for(rollout, known ? &course.track->content : &unknown, strategy);
    }
    course.steps = strategy != STRATEGY_ROLLING && rollout->has_stable;
    return course;
}

json_t *preview_course_json(const struct preview_course *course,
                            const struct deployment *deployment)
{
    const struct rollout_policy *policy = &deployment->effective->rollout;
    const struct rollout *rollout = course->track == NULL ? NULL : &course->track->rollout;
    const char slot[2] = {course->slot, '\0'};
    return json_pack(
        "{s:s, s:o, s:s, s:s, s:o, s:o, s:I}", "name", deployment->component->name.text, "from",
        status_text(rollout != NULL && rollout->has_stable ? rollout->stable.deployment_digest
                                                           : NULL),
        "to", deployment->deployment_digest, "strategy",
        status_strategy_name(deployment->routed ? policy->strategy : STRATEGY_ROLLING), "slot",
        status_text(slot), "steps",
        course->steps ? status_steps(policy, policy->analysis.set) : json_array(), "bake_ms",
        (json_int_t)policy->bake.value.ms);
}

static void keep(const struct deployment *deployment, enum resource_kind kind, const char *name,
                 json_t *bodies)
{
    char key[KEY_SIZE];
    snprintf(key, sizeof key, "%s/%s/%s", resource_kind_info(kind)->name,
             deployment->context->platform->namespace_name.text, name);
    if (json_object_get(bodies, key) == NULL)
        json_object_set_new(bodies, key, json_null());
}

void preview_course_keep(const struct preview_course *course, const struct deployment *deployment,
                         json_t *bodies)
{
    if (course->track == NULL || course->slot == 0)
        return;
    const enum component_role role = course->slot == 'a' ? ROLE_SLOT_B : ROLE_SLOT_A;
    const char *component = deployment_component_name(deployment, role);
    keep(deployment, KIND_COMPONENT, component, bodies);
    keep(deployment, KIND_WORKLOAD, component, bodies);
    keep(deployment, KIND_RELEASE_BINDING, deployment_binding_name(deployment, role), bodies);
}
