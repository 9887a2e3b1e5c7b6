#include "daemon/cellctl/rollout_view.h"

#include "config/base/json.h"
#include "daemon/cellctl/evidence_view.h"
#include "daemon/cellctl/output.h"

#include <string.h>

#define HASH 12
#define COMMIT 8

static enum output_colour tone_of(const json_t *component)
{
    if (json_is_true(json_object_get(component, "quarantined")) ||
        view_is(component, "state", "held") || view_is(component, "state", "rollback") ||
        view_is(component, "state", "withdraw"))
        return COLOUR_BAD;
    return view_is(component, "state", "idle") ? COLOUR_GOOD : COLOUR_BUSY;
}

/* --- steps -------------------------------------------------------------------------------------
 */

void rollout_view_steps(const struct view *view, const json_t *steps, long long step)
{
    const long long count = (long long)json_array_size(steps);
    for (long long i = 0; i <= count; i++) {
        const json_t *one = json_array_get(steps, (size_t)i);
        char text[48];
        char soak[OUTPUT_AGE_SIZE] = "";
        const long long soak_ms = view_number(one, "soak_ms");
        if (soak_ms > 0)
            output_span(soak_ms, soak);
        (void)snprintf(text, sizeof(text), "%s%lld %%%s%s%s%s", i == step ? "[" : "",
                       i == count ? 100LL : view_number(one, "weight"),
                       soak[0] == '\0' ? "" : " for ", soak,
                       json_is_true(json_object_get(one, "pause")) ? ", then pause" : "",
                       i == step ? "]" : "");
        if (i > 0)
            (void)fputs(view->unicode ? " → " : " -> ", view->file);
        view_paint(view, i < step ? COLOUR_GOOD : i == step ? COLOUR_BUSY : COLOUR_QUIET, text);
    }
    (void)fputc('\n', view->file);
}

/* --- one rollout -------------------------------------------------------------------------------
 */

static void print_content(const struct view *view, const json_t *content)
{
    const char *revision = view_text(content, "revision");
    char text[HASH + COMMIT + 8];
    (void)snprintf(text, sizeof(text), "%.*s", HASH,
                   json_text_or(json_object_get(content, "release"), "?"));
    output_text(view->file, text);
    (void)snprintf(text, sizeof(text), " (%.*s)", COMMIT, revision == NULL ? "" : revision);
    if (revision != NULL)
        output_text(view->file, text);
}

/* "80 % wanted, live", "20 % wanted, 5 % live". */
static void print_weight(const struct view *view, const json_t *slot)
{
    const json_t *live = json_object_get(slot, "weight_live");
    const long long wanted = view_number(slot, "weight");
    (void)fprintf(view->file, "  %3lld %%", (long long)wanted);
    if (!json_is_integer(live))
        view_paint(view, COLOUR_QUIET, " wanted, not seen yet");
    else if (json_integer_value(live) == wanted)
        view_paint(view, COLOUR_GOOD, view->unicode ? " ✓" : " live");
    else
        (void)fprintf(view->file, " wanted, %lld %% live", (long long)json_integer_value(live));
}

static void print_slot(const struct view *view, const json_t *slot, bool split)
{
    const char *name = view_text(slot, "slot");
    const char *role = view_text(slot, "role");
    const json_t *replicas = json_object_get(slot, "replicas");
    char label[16];
    if (role == NULL)
        return; /* empty */
    (void)snprintf(label, sizeof(label), "%s%.1s", name == NULL ? "runs" : "slot ",
                   name == NULL ? "" : name);
    view_label(view, label);
    (void)fprintf(view->file, "%-6.8s ", role);
    print_content(view, json_object_get(slot, "content"));
    if (json_is_object(replicas))
        (void)fprintf(view->file, "  %lld/%lld ready", view_number(replicas, "available"),
                      view_number(replicas, "wanted"));
    if (!view_is(slot, "health", "settled")) {
        (void)fputs("  ", view->file);
        view_paint(view, view_is(slot, "health", "failed") ? COLOUR_BAD : COLOUR_BUSY,
                   json_text_or(json_object_get(slot, "health"), "unknown"));
    }
    if (split)
        print_weight(view, slot);
    (void)fputc('\n', view->file);
}

static void print_credit(const struct view *view, const char *label, const json_t *credit)
{
    char done[OUTPUT_AGE_SIZE];
    char needed[OUTPUT_AGE_SIZE];
    char left[OUTPUT_AGE_SIZE];
    const long long needed_ms = view_number(credit, "needed_ms");
    if (!json_is_object(credit) || needed_ms == 0)
        return;
    output_span(view_number(credit, "done_ms"), done);
    output_span(needed_ms, needed);
    output_span(view_number(credit, "left_ms"), left);
    view_label(view, label);
    view_bar(view, (double)view_number(credit, "done_ms") / (double)needed_ms, COLOUR_BUSY);
    (void)fprintf(view->file, " %s of %s, %s left\n", done, needed, left);
}

/* What counting requests says about the weight, where it says anything. */
static void print_count(const struct view *view, const json_t *rollout)
{
    static const struct {
        const char *word, *sentence;
        enum output_colour tone;
    } counts[] = {
        {"too-few", "too few requests yet to see their share", COLOUR_QUIET},
        {"confirmed", "counting requests confirms their share", COLOUR_GOOD},
        {"off", "counting requests shows another share", COLOUR_BAD},
    };
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        if (!view_is(rollout, "weight_counted", counts[i].word))
            continue;
        view_label(view, "traffic");
        (void)fprintf(view->file, "%lld %% on the new release; ", view_number(rollout, "weight"));
        view_paint(view, counts[i].tone, counts[i].sentence);
        (void)fputc('\n', view->file);
    }
}

static bool says(const char *text, const char *part)
{
    return text != NULL && part != NULL && strstr(text, part) != NULL;
}

/* What it waits for, its message and its reason; each only where it says more than the others. */
static void print_reasons(const struct view *view, const json_t *component)
{
    const char *waits = view_text(json_object_get(component, "rollout"), "waits_for");
    const char *message = view_text(component, "message");
    const char *reason = view_text(component, "reason");
    if (!says(message, waits))
        view_line(view, "now", COLOUR_BUSY, waits);
    view_line(view, "now", COLOUR_BUSY, message);
    if (!says(message, reason) && !says(waits, reason))
        view_line(view, "reason", tone_of(component), reason);
}

/* Some steps are not; what comes after them is. */
static bool is_judged(const json_t *rollout)
{
    const json_t *step =
        json_array_get(json_object_get(rollout, "steps"), (size_t)view_number(rollout, "step"));
    return step == NULL || json_is_true(json_object_get(step, "analysis"));
}

static void print_rollout(const struct view *view, const json_t *component)
{
    const json_t *rollout = json_object_get(component, "rollout");
    const json_t *steps = json_object_get(rollout, "steps");
    const bool active = json_is_true(json_object_get(rollout, "active"));
    size_t index;
    const json_t *slot;
    if (active && json_array_size(steps) > 0) {
        view_label(view, "steps");
        rollout_view_steps(view, steps, view_number(rollout, "step"));
    }
    json_array_foreach(json_object_get(rollout, "slots"), index, slot)
    {
        print_slot(view, slot, !view_is(rollout, "strategy", "rolling"));
    }
    if (active)
        print_count(view, rollout);
    print_credit(view, "soak", json_object_get(rollout, "soak"));
    print_credit(view, "bake", json_object_get(rollout, "bake"));
    evidence_view_print(view, json_object_get(rollout, "analysis"), is_judged(rollout));
    print_reasons(view, component);
    if (json_is_true(json_object_get(component, "unproven")))
        view_line(view, "note", COLOUR_BUSY, "promoted without proof");
}

/* --- trees -------------------------------------------------------------------------------------
 */

/* "step 2 of 3 at 20 %", "idle", "bake". */
static void add_state(const json_t *component, struct text *out)
{
    const json_t *rollout = json_object_get(component, "rollout");
    const long long count = (long long)json_array_size(json_object_get(rollout, "steps"));
    const long long step = view_number(rollout, "step");
    const char *state = json_text_or(json_object_get(component, "state"), "unknown");
    const bool paused = strcmp(state, "paused") == 0;
    if (!paused && strcmp(state, "step") != 0) {
        text_add(out, state);
        return;
    }
    text_add(out, paused ? "paused at " : "");
    if (step < count)
        text_format(out, "step %lld of %lld, ", step + 1, count);
    text_format(out, "%lld %%", view_number(rollout, "weight"));
}

static void print_state(const struct view *view, const json_t *component)
{
    OWNED_TEXT state;
    text_init(&state, 256);
    add_state(component, &state);
    view_paint(view, tone_of(component), text_get(&state));
}

static bool is_active(const json_t *component)
{
    return json_is_true(json_object_get(json_object_get(component, "rollout"), "active"));
}

/* "canary, attempt 2, for 40 s", or what came of the last one. */
static void print_attempt(const struct view *view, const json_t *component, const json_t *now)
{
    const json_t *rollout = json_object_get(component, "rollout");
    const bool active = is_active(component);
    const char *outcome = view_text(component, "last_outcome");
    const char *strategy = view_text(active ? rollout : component, "strategy");
    char age[OUTPUT_AGE_SIZE];
    OWNED_TEXT text;
    text_init(&text, 256);
    output_age_at(json_object_get(component, "since"), now, age);
    if (!active && json_is_object(json_object_get(component, "stable"))) {
        (void)fputs("  ", view->file);
        print_content(view, json_object_get(component, "stable"));
    }
    text_format(&text, "  %s", strategy == NULL ? "" : strategy);
    if (active)
        text_format(
            &text, ", attempt %lld%s", view_number(rollout, "attempt"),
            json_is_true(json_object_get(rollout, "fast")) ? ", known good content: no steps" : "");
    if (!active && outcome != NULL)
        text_format(&text, ", %s", outcome);
    if (age[0] != '\0')
        text_format(&text, active ? ", for %s" : " %s ago", age);
    view_paint(view, COLOUR_QUIET, text_get(&text));
}

/* What keeps the cell from this target; of what waits for another target, that alone: why it is not
 * there yet is told there. */
static void print_wait(const struct view *view, const json_t *node, const json_t *component)
{
    static const char *const derived[] = {"promotion", "region", "phase", "dependency"};
    const char *message = view_text(node, "message");
    char text[256];
    if (view_text(node, "wait") == NULL || says(message, view_text(component, "message")))
        return;
    for (size_t i = 0; message != NULL && i < sizeof(derived) / sizeof(derived[0]); i++) {
        if (!view_is(node, "wait", derived[i]))
            continue;
        (void)snprintf(text, sizeof(text), "%.*s", (int)strcspn(message, ":"), message);
        view_line(view, "waits", COLOUR_BUSY, text);
        return;
    }
    view_line(view, "waits", COLOUR_BUSY, message);
}

/* The longest name of a target, so that what stands behind them stands in one column. */
static int target_width(const json_t *entries)
{
    size_t index;
    const json_t *entry;
    int width = 0;
    json_array_foreach(entries, index, entry)
    {
        const int length = (int)json_string_length(json_object_get(entry, "target"));
        width = length > width ? length : width;
    }
    return width;
}

static void print_target(const struct view *view, const json_t *entry, const json_t *now, bool last,
                         int width)
{
    const char *target = json_text_or(json_object_get(entry, "target"), "?");
    const json_t *component = json_object_get(entry, "component");
    const json_t *node = json_object_get(entry, "node");
    struct view inside = *view;
    inside.indent = last ? "     " : view->unicode ? "│    " : "|    ";
    (void)fputs(view->unicode ? (last ? "└─ " : "├─ ") : (last ? "`- " : "|- "), view->file);
    view_paint(view, COLOUR_HEAD, target);
    (void)fprintf(view->file, "%*s", width - (int)strlen(target) + 2, "");
    print_state(view, component);
    print_attempt(view, component, now);
    (void)fputc('\n', view->file);
    if (view->detail || is_active(component) || tone_of(component) != COLOUR_GOOD)
        print_rollout(&inside, component);
    print_wait(&inside, node, component);
}

static bool is_same(const json_t *a, const json_t *b)
{
    return a != NULL && b != NULL &&
           json_equal(json_object_get(a, "cell"), json_object_get(b, "cell")) == 1 &&
           json_equal(json_object_get(json_object_get(a, "component"), "name"),
                      json_object_get(json_object_get(b, "component"), "name")) == 1;
}

static void print_head(const struct view *view, const json_t *entry)
{
    (void)fputs(output_colour_begin(view->colour, COLOUR_HEAD), view->file);
    output_text(view->file, json_text_or(json_object_get(entry, "cell"), "?"));
    (void)fputc('/', view->file);
    output_text(view->file,
                json_text_or(json_object_get(json_object_get(entry, "component"), "name"), "?"));
    (void)fprintf(view->file, "%s\n", output_colour_end(view->colour, COLOUR_HEAD));
}

void rollout_view_print(const struct view *view, const json_t *rollouts)
{
    const json_t *entries = json_object_get(rollouts, "rollouts");
    size_t index;
    const json_t *entry;
    json_array_foreach(entries, index, entry)
    {
        const json_t *before = index == 0 ? NULL : json_array_get(entries, index - 1);
        if (!is_same(before, entry)) {
            (void)fputs(before == NULL ? "" : "\n", view->file);
            print_head(view, entry);
        }
        print_target(view, entry, json_object_get(rollouts, "time"),
                     !is_same(entry, json_array_get(entries, index + 1)), target_width(entries));
    }
}

void rollout_view_line(const json_t *entry, struct text *out)
{
    const json_t *component = json_object_get(entry, "component");
    const json_t *rollout = json_object_get(component, "rollout");
    const char *verdict = view_text(json_object_get(rollout, "analysis"), "verdict");
    const char *message = view_text(component, "message");
    const char *outcome = view_text(component, "last_outcome");
    text_format(out, "%s/%s on %s: ", json_text_or(json_object_get(entry, "cell"), "?"),
                json_text_or(json_object_get(component, "name"), "?"),
                json_text_or(json_object_get(entry, "target"), "?"));
    add_state(component, out);
    if (is_active(component) && verdict != NULL)
        text_format(out, ", judge: %s", verdict);
    if (!is_active(component) && outcome != NULL)
        text_format(out, ", %s", outcome);
    if (message != NULL)
        text_format(out, "; %s", message);
}
