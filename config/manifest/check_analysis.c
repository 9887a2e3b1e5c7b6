/* What an analysis needs to be able to judge: told on load, not when a release waits for it. */
#include "config/base/text.h"
#include "config/manifest/check.h"
#include "config/manifest/merge.h"

#include <string.h>

struct analysis_check {
    struct loader *loader;
    struct manifest_cell *entry;
    const struct component *component;
    const struct analysis *analysis;
};

static bool is_named(const struct manifest_text *text, const char *name)
{
    return text->text != NULL && strcmp(text->text, name) == 0;
}

static void refuse(const struct analysis_check *check, struct source_pos at, const char *hint,
                   const char *message)
{
    loader_error(check->loader, check->entry, "E_ANALYSIS", at, hint, "%s: %s",
                 check->component->name.text, message);
}

static bool counts_errors(const struct analysis *analysis)
{
    for (size_t i = 0; i < analysis->metric_count; i++) {
        if (analysis->metrics[i].kind == ANALYSIS_ERROR_RATE)
            return true;
    }
    return analysis->metric_count == 0; /* then it is the error rate */
}

/* The template brings no queries of its own: each metric has to. */
static void check_queries(const struct analysis_check *check)
{
    const struct analysis *analysis = check->analysis;
    if (analysis->metric_count == 0)
        refuse(check, analysis->template_name.at,
               "add metrics: [{name: error-rate, numerator: ..., denominator: ...}], or name "
               "another template",
               "the template query takes the queries of the metrics, and there are no metrics");
    for (size_t i = 0; i < analysis->metric_count; i++) {
        const struct analysis_metric *metric = &analysis->metrics[i];
        const bool counted = metric->kind == ANALYSIS_ERROR_RATE || metric->kind == ANALYSIS_RATIO;
        const bool has_query =
            counted ? metric->numerator.text != NULL && metric->denominator.text != NULL
                    : metric->histogram.text != NULL;
        char message[160];
        (void)text_put(message, sizeof(message),
                       "the template query knows no queries for the metric \"%.63s\"",
                       metric->name.text);
        if (!has_query)
            refuse(check, metric->at,
                   counted ? "give numerator and denominator, or name another template"
                           : "give histogram, or name another template",
                   message);
    }
}

/* Environments that differ elsewhere lead to the same words at the same place. */
static bool is_told(const struct diagnostics *list, const char *code, struct source_pos at)
{
    for (size_t i = 0; i < diagnostics_count(list); i++) {
        const struct diagnostic *told = diagnostics_get(list, i);
        if (strcmp(told->code, code) == 0 && told->at.line == at.line &&
            told->at.column == at.column && strcmp(told->at.path, at.path) == 0)
            return true;
    }
    return false;
}

static void warn(const struct analysis_check *check, const char *code, const char *hint,
                 const char *message)
{
    const struct source_pos at = check->component->name.at;
    char text[256];
    (void)text_put(text, sizeof(text), "%.63s: %s", check->component->name.text, message);
    if (is_told(check->loader->set->diagnostics, code, at))
        return;
    loader_report(
        check->loader, check->entry,
        &(struct diagnostic){
            .severity = DIAGNOSTIC_WARNING, .code = code, .at = at, .message = text, .hint = hint});
}

/* Gateways know routes for these. */
static bool is_routed(const struct endpoint *endpoint)
{
    const unsigned gateways = VISIBILITY_INTERNAL | VISIBILITY_EXTERNAL;
    return (endpoint->visibility & gateways) != 0 && endpoint->type != ENDPOINT_TCP &&
           endpoint->type != ENDPOINT_UDP;
}

/* A call between components passes no gateway, and only gateways share traffic by weight. */
static void check_gateway(const struct analysis_check *check)
{
    for (size_t i = 0; i < check->component->endpoint_count; i++) {
        if (is_routed(&check->component->endpoints[i]))
            return;
    }
    warn(check, "W_NO_GATEWAY",
         "use strategy: blue-green, which compares with the time before, or add visibility: "
         "[internal] to an endpoint that is called through a gateway",
         check->analysis->set && !is_named(&check->analysis->provider, "workflow")
             ? "no gateway leads to it, so that the steps of its canary bring no requests to the "
               "new release, and there is nothing to judge it by"
             : "no gateway leads to it, so that the steps of its canary bring no requests to the "
               "new release");
}

static bool has_own_queries(const struct analysis *analysis)
{
    for (size_t i = 0; i < analysis->metric_count; i++) {
        if (analysis->metrics[i].kind == ANALYSIS_ERROR_RATE)
            return analysis->metrics[i].numerator.text != NULL;
    }
    return false;
}

/* The status of a call that fails is an HTTP 200: the failure comes behind it. */
static void check_calls(const struct analysis_check *check)
{
    const struct analysis *analysis = check->analysis;
    const bool observer = is_named(&analysis->provider, "observer");
    const bool prometheus =
        analysis->provider.text == NULL || is_named(&analysis->provider, "prometheus");
    const bool blind = prometheus && !is_named(&analysis->template_name, "istio") &&
                       !is_named(&analysis->template_name, "query");
    bool calls = check->component->endpoint_count > 0;
    for (size_t i = 0; i < check->component->endpoint_count; i++)
        calls = calls && check->component->endpoints[i].type == ENDPOINT_GRPC;
    if (!calls || !counts_errors(analysis) || (!observer && (!blind || has_own_queries(analysis))))
        return;
    warn(check, "W_BLIND_ANALYSIS",
         "take template: istio, or give error-rate a numerator and a denominator, or judge latency "
         "too",
         "its endpoints are gRPC, and this source counts a failed call as an HTTP 200: the error "
         "rate will show no failure");
}

void check_analysis(struct loader *loader, struct manifest_cell *entry,
                    const struct component *component, const struct merge *merged)
{
    const struct analysis *analysis = &merged->rollout.analysis;
    const struct analysis_check check = {loader, entry, component, analysis};
    const bool routed =
        component->type == COMPONENT_SERVICE || component->type == COMPONENT_WEB_APPLICATION;
    if (routed && merged->rollout.strategy == STRATEGY_CANARY)
        check_gateway(&check);
    /* Nobody asks it about releases that are never compared. */
    if (!routed || !analysis->set || merged->rollout.strategy == STRATEGY_ROLLING)
        return;
    if (is_named(&analysis->provider, "workflow")) {
        if (analysis->workflow.name.text == NULL)
            refuse(&check, analysis->provider.at,
                   "add workflow: {name: <name of a workflow>}, or name another provider",
                   "the provider workflow needs the workflow that judges");
    } else if (is_named(&analysis->provider, "observer")) {
        if (!counts_errors(analysis))
            refuse(&check, analysis->provider.at,
                   "add error-rate to metrics, or name another provider",
                   "the provider observer counts failed requests and nothing else, and no metric "
                   "is error-rate");
    } else if (is_named(&analysis->template_name, "query") &&
               !is_named(&analysis->provider, "webhook")) {
        check_queries(&check);
    }
    check_calls(&check);
}
