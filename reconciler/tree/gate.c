#include "reconciler/tree/gate.h"

#include "config/base/check.h"
#include "config/base/json.h"
#include "config/base/text.h"
#include "reconciler/resource/object.h"
#include "reconciler/tree/contain.h"
#include "reconciler/tree/node.h"
#include "reconciler/tree/pods.h"
#include "reconciler/tree/route.h"
#include "reconciler/tree/workload.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LABEL_COMPONENT "openchoreo.dev/component"

/* Set once, by the first thing that stands in the way; what is worse comes first. */
static void answer(struct gate_answer *out, enum gate_verdict verdict, const char *reason,
                   const char *format, ...) __attribute__((format(printf, 4, 5)));
static void answer(struct gate_answer *out, enum gate_verdict verdict, const char *reason,
                   const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    out->verdict = verdict;
    (void)text_put(out->reason, sizeof out->reason, "%s", reason);
    (void)text_vput(out->text, sizeof out->text, format, arguments);
    va_end(arguments);
    /* A condition may come without a reason or a message. */
    if (out->reason[0] == '\0')
        (void)text_put(out->reason, sizeof out->reason, "Unexplained");
    if (out->text[0] == '\0')
        (void)text_put(out->text, sizeof out->text, "the control plane gives no message");
}

/* --- conditions of the binding -------------------------------------------------------------- */

static const char *reason_of(const json_t *condition)
{
    return json_text_or(json_object_get(condition, "reason"), "");
}

static const char *message_of(const json_t *condition)
{
    return json_text_or(json_object_get(condition, "message"), "");
}

static bool is_true(const json_t *condition)
{
    return strcmp(json_text_or(json_object_get(condition, "status"), ""), "True") == 0;
}

static int64_t generation_of(const json_t *condition)
{
    const json_t *generation = json_object_get(condition, "observedGeneration");
    return json_is_integer(generation) ? (int64_t)json_integer_value(generation) : -1;
}

/* Says something about our last write, not about what stood before it. */
static bool is_fresh(const struct gate_question *question, const json_t *condition)
{
    return condition != NULL && (question->generation_before < 0 ||
                                 generation_of(condition) > question->generation_before);
}

static bool is_false_and_fresh(const struct gate_question *question, const json_t *condition)
{
    return is_fresh(question, condition) && !is_true(condition);
}

/* Reasons for which nothing is rendered, and nothing will be before something else changes. */
static bool is_rendering_failure(const char *reason)
{
    static const char *const reasons[] = {"RenderingFailed", "InvalidReleaseConfiguration",
                                          "ReleaseOwnershipConflict", "DataPlaneNotConfigured"};
    static const char not_found[] = "NotFound";
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if (strcmp(reasons[i], reason) == 0)
            return true;
    const size_t length = strlen(reason);
    return length >= strlen(not_found) &&
           strcmp(reason + length - strlen(not_found), not_found) == 0;
}

static bool judge_pending(const struct gate_question *question, const json_t *binding,
                          struct gate_answer *out)
{
    const json_t *connections = node_condition(binding, "ConnectionsResolved");
    const json_t *resources = node_condition(binding, "ResourceDependenciesReady");
    if (is_false_and_fresh(question, connections)) {
        const json_t *list = json_at(binding, "status", "pendingConnections", NULL);
        const json_t *first = json_array_get(list, 0);
        if (first == NULL)
            answer(out, GATE_PROGRESSING, "ConnectionsPending", "%s", message_of(connections));
        else
            answer(out, GATE_PROGRESSING, "ConnectionsPending",
                   "waits for endpoint %s of %s/%s (%zu pending): %.120s",
                   json_text_or(json_object_get(first, "endpoint"), "?"),
                   json_text_or(json_object_get(first, "project"), "?"),
                   json_text_or(json_object_get(first, "component"), "?"), json_array_size(list),
                   json_text_or(json_object_get(first, "reason"), "no reason given"));
        return true;
    }
    if (is_false_and_fresh(question, resources)) {
        answer(out, GATE_PROGRESSING, "ResourceDependenciesPending", "%s", message_of(resources));
        return true;
    }
    return false;
}

/* True when the binding alone settles the matter. */
static bool judge_synced(const struct gate_question *question, const json_t *binding,
                         struct gate_answer *out)
{
    const json_t *synced = node_condition(binding, "ReleaseSynced");
    if (judge_pending(question, binding, out))
        return true;
    if (!is_fresh(question, synced)) {
        answer(out, GATE_STALE, "NotObserved",
               "the control plane has not taken up the last write yet");
        return true;
    }
    if (is_true(synced))
        return false;
    const char *reason = reason_of(synced);
    if (is_rendering_failure(reason)) {
        answer(out, GATE_FAILED, reason, "%s", message_of(synced));
        out->needs_second_look = true;
    } else if (strcmp(reason, "ResourcesUndeployed") == 0) {
        answer(out, GATE_STALE, reason, "it is still taken as undeployed");
    } else {
        answer(out, GATE_PROGRESSING, reason, "%s", message_of(synced));
    }
    return true;
}

/* Whether the object is the one that the last write left behind. */
static bool judge_spec(const struct gate_question *question, const json_t *binding,
                       struct gate_answer *out)
{
    const json_t *spec = json_object_get(binding, "spec");
    const char *state = json_text_or(json_object_get(spec, "state"), "Active");
    const char *release = json_text_or(json_object_get(spec, "releaseName"), "");
    const bool undeploy = strcmp(state, "Undeploy") == 0;
    if (undeploy != question->undeploy) {
        answer(out, GATE_STALE, "StateDiffers", "the binding's state is %s", state);
        return false;
    }
    if (!undeploy && question->release_name != NULL &&
        strcmp(release, question->release_name) != 0) {
        answer(out, GATE_STALE, "ReleaseDiffers", "the binding names release %s, not %s",
               release[0] == '\0' ? "(none)" : release, question->release_name);
        return false;
    }
    return true;
}

/* --- undeploying ---------------------------------------------------------------------------- */

static void judge_undeploy(const struct gate_question *question, const json_t *binding,
                           const json_t *tree, struct gate_answer *out)
{
    const json_t *synced = node_condition(binding, "ReleaseSynced");
    if (!is_fresh(question, synced) || is_true(synced)) {
        answer(out, GATE_STALE, "NotObserved",
               "the control plane has not taken up the last write yet");
        return;
    }
    if (strcmp(reason_of(synced), "ResourcesUndeployed") != 0 ||
        strstr(message_of(synced), "being undeployed") != NULL) {
        answer(out, GATE_PROGRESSING, reason_of(synced), "%s", message_of(synced));
        return;
    }
    if (!node_tree_is_sound(tree))
        answer(out, GATE_UNKNOWN, "TreeUnreadable", "the tree of resources cannot be read");
    else if (node_rendered_count(tree) + node_live_count(tree) > 0)
        answer(out, GATE_PROGRESSING, "ResourcesUndeployed", "%zu objects are still there",
               node_live_count(tree));
    else
        answer(out, GATE_UNDEPLOYED, "ResourcesUndeployed", "undeployed");
}

/* --- the tree ------------------------------------------------------------------------------- */

struct walk {
    const struct gate_question *question;
    const json_t *binding;
    const json_t *tree;
    struct gate_answer *out;
    struct pods pods;
    bool degraded;
    size_t routes, routes_right;
    /* The worst finding so far; `rank` orders them. */
    int rank;
    char reason[64], text[256];
    enum gate_verdict verdict;
    bool second_look;
};

/* Ordered by which one to tell. */
enum finding_rank {
    RANK_NONE,
    RANK_HIDDEN,     /* a route that nobody can look at */
    RANK_UNFINISHED, /* a workload or route on its way */
    RANK_NOT_LIVE,   /* a live object is not what was rendered */
    RANK_FAILED,
    RANK_NOT_RENDERED, /* what was rendered is not what is wanted: failures are of the old one */
    RANK_TAKEN,        /* the object belongs to somebody else */
};

static void find(struct walk *walk, enum finding_rank rank, enum gate_verdict verdict,
                 const char *reason, const char *format, ...) __attribute__((format(printf, 5, 6)));
static void find(struct walk *walk, enum finding_rank rank, enum gate_verdict verdict,
                 const char *reason, const char *format, ...)
{
    if ((int)rank <= walk->rank)
        return;
    va_list arguments;
    va_start(arguments, format);
    walk->rank = (int)rank;
    walk->verdict = verdict;
    walk->second_look = false;
    (void)text_put(walk->reason, sizeof walk->reason, "%s", reason);
    (void)text_vput(walk->text, sizeof walk->text, format, arguments);
    va_end(arguments);
}

/* What was rendered is what the last write asked for. */
static void check_rendered(struct walk *walk, const json_t *rendered)
{
    const struct gate_question *question = walk->question;
    const json_t *container = node_main_container(rendered);
    const char *image = json_text_or(json_object_get(container, "image"), "");
    if (container != NULL && question->image != NULL && !node_has_image(rendered, question->image))
        find(walk, RANK_NOT_RENDERED, GATE_STALE, "NotRendered",
             "%s %.60s is still rendered with image %.100s", node_kind(rendered),
             node_name(rendered), image);
    for (size_t i = 0; container != NULL && i < question->variable_count; i++)
        if (!node_has_variable(rendered, question->variables[i]))
            find(walk, RANK_NOT_RENDERED, GATE_PROGRESSING, "ConnectionsPending",
                 "%s %.60s is rendered without the connection's variable %.60s",
                 node_kind(rendered), node_name(rendered), question->variables[i]);
    if (question->route && route_is(rendered) && !route_is_wanted(rendered, question))
        find(walk, RANK_NOT_RENDERED, GATE_STALE, "NotRendered",
             "%s %.60s is not rendered with weights %d/%d yet", node_kind(rendered),
             node_name(rendered), question->weight_a, question->weight_b);
}

/* Without a slot behind it there is no route: one that was there sends requests until it is gone.
 */
static void check_leftover(void *context, const json_t *object)
{
    struct walk *walk = context;
    if (route_is(object))
        find(walk, RANK_UNFINISHED, GATE_PROGRESSING, "RouteStands", "%s %.60s is still there",
             node_kind(object), node_name(object));
}

static void check_route(struct walk *walk, const json_t *live)
{
    const struct gate_question *question = walk->question;
    char why[128];
    walk->routes++;
    if (!route_is_accepted(live, why, sizeof why)) {
        find(walk, RANK_UNFINISHED, GATE_PROGRESSING, "RouteNotAccepted", "%s %.60s: %s",
             node_kind(live), node_name(live), why);
        return;
    }
    walk->out->progress++;
    if (!question->route || route_is_wanted(live, question))
        walk->routes_right++;
}

static void check_workload(struct walk *walk, const json_t *live)
{
    struct workload_state state;
    struct gate_answer *out = walk->out;
    workload_judge(live, &walk->pods, walk->degraded, &state);
    out->progress += state.progress;
    if (state.has_replicas) {
        out->replicas_wanted += state.wanted;
        out->replicas_ready += state.ready;
        out->replicas_available += state.available;
    }
    switch (state.standing) {
    case WORKLOAD_SETTLED:
        return;
    case WORKLOAD_PROGRESSING:
        find(walk, RANK_UNFINISHED, GATE_PROGRESSING, state.reason, "%s", state.text);
        return;
    case WORKLOAD_FAILED:
        find(walk, RANK_FAILED, GATE_FAILED, state.reason, "%s", state.text);
        return;
    case WORKLOAD_FAILING:
        find(walk, RANK_FAILED, GATE_FAILED, state.reason, "%s", state.text);
        walk->second_look = walk->rank == RANK_FAILED && walk->verdict == GATE_FAILED;
        return;
    }
    CHECK_UNREACHABLE();
}

static void check_pair(void *context, const struct node_pair *pair)
{
    struct walk *walk = context;
    const char *kind = node_kind(pair->rendered), *name = node_name(pair->rendered);
    check_rendered(walk, pair->rendered);
    if (pair->hidden) {
        /* Others count as they were applied: pods that need them are not ready without. */
        if (route_is(pair->rendered))
            find(walk, RANK_HIDDEN, GATE_UNKNOWN, "NotShown",
                 "%s %.80s was applied, and the tree shows none: it is gone, or the control "
                 "plane's cluster lacks the CRD of that kind",
                 kind, name);
        return;
    }
    if (pair->live == NULL) {
        find(walk, RANK_NOT_LIVE, GATE_PROGRESSING, "ResourcesProgressing",
             "%s %.120s is not there", kind, name);
        return;
    }
    struct text path;
    text_init(&path, 256);
    const bool contained = contain_object(pair->rendered, pair->live, &path);
    if (!contained)
        find(walk, RANK_NOT_LIVE, GATE_PROGRESSING, "ResourcesProgressing",
             "%s %.80s is not as rendered yet: %.80s", kind, name, text_get(&path));
    text_fini(&path);
    if (!contained)
        return;
    walk->out->progress++;
    if (route_is(pair->live))
        check_route(walk, pair->live);
    else
        check_workload(walk, pair->live);
}

/* Another component's objects under our names: the last one applied has them. */
static void check_owner(void *context, const json_t *object)
{
    struct walk *walk = context;
    const char *owner =
        json_text_or(json_at(object, "metadata", "labels", LABEL_COMPONENT, NULL), NULL);
    if (owner != NULL && strcmp(owner, walk->question->component) != 0)
        find(walk, RANK_TAKEN, GATE_FAILED, "TakenOver",
             "%s %.100s belongs to component %.63s: two components render the same name",
             node_kind(object), node_name(object), owner);
}

/* --- one component that renders one name twice ---------------------------------------------- */

struct twin_search {
    struct walk *walk;
    const json_t *first;
};

static void find_twin(void *context, const json_t *other)
{
    struct twin_search *search = context;
    const json_t *one = search->first;
    if (other == one || strcmp(node_kind(one), node_kind(other)) != 0 ||
        strcmp(node_name(one), node_name(other)) != 0 || contain_object(one, other, NULL))
        return;
    find(search->walk, RANK_TAKEN, GATE_FAILED, "RenderedTwice",
         "%s %.100s is rendered twice with different content: two endpoints have the same route",
         node_kind(one), node_name(one));
}

/* Only routes can collide: their names are made of component and endpoint. */
static void check_twins(void *context, const json_t *rendered)
{
    struct walk *walk = context;
    if (!route_is(rendered))
        return;
    struct twin_search search = {walk, rendered};
    node_each_rendered(walk->tree, find_twin, &search);
}

/* --- the verdict ---------------------------------------------------------------------------- */

/* The binding says that the resources could not be applied. It counts while the tree shows that
 * they are not all there. */
static bool judge_apply_failure(const struct walk *walk, struct gate_answer *out)
{
    const json_t *resources = node_condition(walk->binding, "ResourcesReady");
    if (!is_false_and_fresh(walk->question, resources) ||
        strcmp(reason_of(resources), "ResourceApplyFailed") != 0)
        return false;
    const char *message = message_of(resources);
    const bool for_ever = strstr(message, "must be no more than") != NULL;
    answer(out, for_ever ? GATE_FAILED : GATE_PROGRESSING, "ResourceApplyFailed", "%s", message);
    out->needs_grace = !for_ever;
    return true;
}

static void conclude(const struct walk *walk, struct gate_answer *out)
{
    if (walk->rank == RANK_NOT_LIVE && judge_apply_failure(walk, out))
        return;
    if (walk->rank != RANK_NONE) {
        answer(out, walk->verdict, walk->reason, "%s", walk->text);
        out->needs_second_look = walk->second_look;
        return;
    }
    out->weights_verified = walk->question->route && walk->routes_right == walk->routes;
    if (walk->question->route && !out->weights_verified)
        answer(out, GATE_PROGRESSING, "WeightsDiffer", "%zu of %zu routes bear weights %d/%d",
               walk->routes_right, walk->routes, walk->question->weight_a,
               walk->question->weight_b);
    else
        answer(out, GATE_SETTLED, "Settled", "all objects are as rendered, and ready");
}

static void judge_tree(const struct gate_question *question, const json_t *binding,
                       const json_t *tree, struct gate_answer *out)
{
    const json_t *resources = node_condition(binding, "ResourcesReady");
    struct walk walk = {
        .question = question,
        .binding = binding,
        .tree = tree,
        .out = out,
        .degraded = is_false_and_fresh(question, resources) &&
                    strcmp(reason_of(resources), "ResourcesDegraded") == 0,
    };
    if (!node_tree_is_sound(tree)) {
        if (judge_apply_failure(&walk, out) && out->verdict == GATE_FAILED)
            return;
        out->needs_grace = false;
        answer(out, GATE_UNKNOWN, "TreeUnreadable", "the tree of resources cannot be read");
        return;
    }
    out->progress = 1;
    if (node_rendered_count(tree) == 0) {
        answer(out, GATE_PROGRESSING, "NotRendered", "nothing is rendered yet");
        return;
    }
    pods_look(tree, question->image, &walk.pods);
    out->restarts = walk.pods.restarts;
    node_each_live(tree, check_owner, &walk);
    node_each_rendered(tree, check_twins, &walk);
    node_each_pair(tree, check_pair, &walk);
    if (question->route && question->weight_a + question->weight_b == 0)
        node_each_live(tree, check_leftover, &walk);
    conclude(&walk, out);
}

void gate_judge(const struct gate_question *question, const json_t *binding, const json_t *tree,
                struct gate_answer *ret_answer)
{
    struct gate_answer out = {.generation = -1};
    if (!json_is_object(json_object_get(binding, "spec"))) {
        answer(&out, GATE_UNKNOWN, "BindingUnreadable", "the binding cannot be read");
        *ret_answer = out;
        return;
    }
    out.generation = generation_of(node_condition(binding, "ReleaseSynced"));
    if (object_is_terminating(binding))
        answer(&out, GATE_PROGRESSING, "Terminating", "the binding is being deleted");
    else if (!judge_spec(question, binding, &out))
        ; /* judged */
    else if (question->undeploy)
        judge_undeploy(question, binding, tree, &out);
    else if (!judge_synced(question, binding, &out))
        judge_tree(question, binding, tree, &out);
    *ret_answer = out;
}

const char *gate_verdict_name(enum gate_verdict verdict)
{
    static const char *const names[] = {
        [GATE_UNKNOWN] = "unknown",         [GATE_STALE] = "stale",
        [GATE_PROGRESSING] = "progressing", [GATE_SETTLED] = "settled",
        [GATE_UNDEPLOYED] = "undeployed",   [GATE_FAILED] = "failed",
    };
    _Static_assert(sizeof names / sizeof names[0] == GATE_VERDICT_COUNT, "a name for each");
    CHECK((size_t)verdict < GATE_VERDICT_COUNT);
    return names[verdict];
}
