/* What an analysis needs to be able to judge: told on load, not when a release waits for it. */
#include "config/manifest/check.h"
#include "config/manifest/merge.h"

#include <stdio.h>
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
        (void)snprintf(message, sizeof(message),
                       "the template query knows no queries for the metric \"%.63s\"",
                       metric->name.text);
        if (!has_query)
            refuse(check, metric->at,
                   counted ? "give numerator and denominator, or name another template"
                           : "give histogram, or name another template",
                   message);
    }
}

void check_analysis(struct loader *loader, struct manifest_cell *entry,
                    const struct component *component, const struct merge *merged)
{
    const struct analysis *analysis = &merged->rollout.analysis;
    const struct analysis_check check = {loader, entry, component, analysis};
    const bool routed =
        component->type == COMPONENT_SERVICE || component->type == COMPONENT_WEB_APPLICATION;
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
}
