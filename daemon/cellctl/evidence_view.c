#include "daemon/cellctl/evidence_view.h"

#include "config/base/json.h"

#include <string.h>

static double amount(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

static const struct words {
    const char *verdict, *sentence;
    enum output_colour tone;
} verdicts[] = {
    {"continue", "nothing is proven yet", COLOUR_BUSY},
    {"pass", "shown to be good enough", COLOUR_GOOD},
    {"rollback", "shown to be worse than the stable release", COLOUR_BAD},
    {"insufficient", "the time is over and nothing is proven", COLOUR_BUSY},
    {"no-data", "the metrics show no requests of it", COLOUR_BAD},
    {"provider-error", "the metrics cannot be read", COLOUR_BAD},
    {"guard", "above its absolute limit, and perhaps the stable release is too", COLOUR_BAD},
};

static const struct words *words_of(const char *verdict)
{
    for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++) {
        if (strcmp(verdict, verdicts[i].verdict) == 0)
            return &verdicts[i];
    }
    return NULL;
}

static void print_verdict(const struct view *view, const json_t *analysis, bool judged)
{
    const char *verdict = json_text_or(json_object_get(analysis, "verdict"), "continue");
    const struct words *words = words_of(verdict);
    const double rate = amount(analysis, "requests_per_second");
    const enum output_colour tone = words == NULL ? COLOUR_NONE : words->tone;
    const double looks = amount(analysis, "windows");
    view_label(view, "judge");
    if (judged)
        view_paint(view, tone, words == NULL ? verdict : words->sentence);
    else
        view_paint(view, COLOUR_QUIET, "this step is not judged");
    (void)fprintf(view->file, " (%.0f %s", looks, looks == 1 ? "look" : "looks");
    if (rate > 0)
        (void)fprintf(view->file, ", %.3g requests/s", rate);
    (void)fputs(", ", view->file);
    output_text(view->file, json_text_or(json_object_get(analysis, "provider"), "?"));
    (void)fputs(")\n", view->file);
}

/* Evidence from 1 (none) to the threshold, on a logarithmic scale. */
static void print_evidence(const struct view *view, const char *label, const json_t *evidence,
                           const char *then, const char *done, enum output_colour tone)
{
    if (!json_is_object(evidence))
        return;
    view_label(view, label);
    view_bar(view, amount(evidence, "reached"), tone);
    (void)fprintf(view->file, " evidence %.3g of %.3g, %s\n", amount(evidence, "value"),
                  amount(evidence, "threshold"),
                  amount(evidence, "value") >= amount(evidence, "threshold") ? done : then);
}

static void print_side(const struct view *view, const char *name, const json_t *counts)
{
    const json_t *share = json_object_get(counts, "share");
    (void)fprintf(view->file, "%s %.0f of %.0f", name, amount(counts, "bad"),
                  amount(counts, "requests"));
    if (json_is_number(share))
        (void)fprintf(view->file, " bad (%.2f %%)", 100 * json_number_value(share));
    else
        (void)fputs(" bad", view->file);
}

static void print_metric(const struct view *view, const json_t *metric)
{
    const json_t *edge = json_object_get(metric, "edge");
    const char *message = view_text(metric, "message");
    view_label(view, "metric");
    output_text(view->file, json_text_or(json_object_get(metric, "name"), "?"));
    if (json_is_number(edge))
        (void)fprintf(view->file, " (slower than %.3g s is bad)", json_number_value(edge));
    (void)fputs(": ", view->file);
    print_side(view, "new", json_object_get(metric, "canary"));
    print_side(view, ", stable", json_object_get(metric, "stable"));
    if (message != NULL) {
        (void)fputs("; ", view->file);
        output_text(view->file, message);
    }
    (void)fputc('\n', view->file);
}

static void print_failure(const struct view *view, const json_t *analysis)
{
    const char *error = view_text(analysis, "error");
    const long long failures = view_number(analysis, "failures");
    if (error == NULL || failures == 0)
        return;
    view_label(view, "metrics");
    view_paint(view, COLOUR_BAD, error);
    (void)fprintf(view->file, " (%lld in a row)\n", failures);
}

void evidence_view_print(const struct view *view, const json_t *analysis, bool judged)
{
    size_t index;
    const json_t *metric;
    if (!json_is_object(analysis))
        return;
    print_verdict(view, analysis, judged);
    print_evidence(view, "  bad", json_object_get(analysis, "against"), "then it is rolled back",
                   "shown to be bad", COLOUR_BAD);
    print_evidence(view, "  good", json_object_get(analysis, "for"),
                   view_is(analysis, "insufficient", "promote")
                       ? "then it passes (and without proof when the time is over)"
                       : "then it passes",
                   "shown to be good enough", COLOUR_GOOD);
    json_array_foreach(json_object_get(analysis, "metrics"), index, metric)
    {
        print_metric(view, metric);
    }
    print_failure(view, analysis);
    view_line(view, "run", COLOUR_NONE, view_text(analysis, "run"));
}
