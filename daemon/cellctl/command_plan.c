#include "config/base/json.h"
#include "daemon/cellctl/client.h"
#include "daemon/cellctl/differences.h"

#include <stdio.h>
#include <string.h>

static enum output_colour tone_of(const char *action)
{
    if (strcmp(action, "delete") == 0)
        return COLOUR_BAD;
    if (strcmp(action, "none") == 0 || strcmp(action, "keep") == 0)
        return COLOUR_QUIET;
    return strcmp(action, "create") == 0 ? COLOUR_GOOD : COLOUR_BUSY;
}

static void print_word(const char *word, bool colour)
{
    const enum output_colour tone = tone_of(word);
    (void)fputs(output_colour_begin(colour, tone), stdout);
    output_text(stdout, word);
    (void)fputs(output_colour_end(colour, tone), stdout);
}

static void print_after(const char *before, const char *text)
{
    if (text == NULL)
        return;
    (void)fputs(before, stdout);
    output_text(stdout, text);
}

static void print_span(const char *before, const json_t *ms)
{
    char span[OUTPUT_AGE_SIZE];
    output_span(json_integer_value(ms), span);
    print_after(before, span);
}

/* "canary in slot b: 5 % for 2 min, 50 % until promoted, then all; bakes for 10 min" */
static void print_course(const json_t *component)
{
    size_t index;
    const json_t *step;
    const json_t *steps = json_object_get(component, "steps");
    print_after("  ", json_text_or(json_object_get(component, "strategy"), NULL));
    print_after(" in slot ", json_text_or(json_object_get(component, "slot"), NULL));
    json_array_foreach(steps, index, step)
    {
        (void)printf("%s%lld %%", index == 0 ? ": " : ", ",
                     (long long)json_integer_value(json_object_get(step, "weight")));
        if (json_is_true(json_object_get(step, "pause")))
            (void)fputs(" until promoted", stdout);
        else if (json_integer_value(json_object_get(step, "soak_ms")) > 0)
            print_span(" for ", json_object_get(step, "soak_ms"));
    }
    if (json_array_size(steps) > 0)
        (void)fputs(", then all", stdout);
    if (json_integer_value(json_object_get(component, "bake_ms")) > 0)
        print_span("; bakes for ", json_object_get(component, "bake_ms"));
}

static void print_components(const json_t *components)
{
    size_t index;
    const json_t *component;
    json_array_foreach(components, index, component)
    {
        print_after("    ", json_text_or(json_object_get(component, "name"), "?"));
        print_after("  ", json_text_or(json_object_get(component, "from"), "(nothing)"));
        print_after(" -> ", json_text_or(json_object_get(component, "to"), "?"));
        print_course(component);
        (void)fputc('\n', stdout);
    }
}

static void print_objects(const json_t *objects, bool colour)
{
    size_t index;
    const json_t *object;
    json_array_foreach(objects, index, object)
    {
        const char *action = json_text_or(json_object_get(object, "action"), "?");
        if (strcmp(action, "keep") == 0)
            continue;
        (void)fputs("    ", stdout);
        print_word(action, colour);
        print_after(" ", json_text_or(json_object_get(object, "kind"), "?"));
        print_after("/", json_text_or(json_object_get(object, "name"), "?"));
        print_after("  ", json_text_or(json_object_get(object, "message"), NULL));
        (void)fputc('\n', stdout);
        differences_print(json_object_get(object, "differences"), colour);
    }
}

/* What is only kept is told by `cellctl status`. */
static bool has_work(const json_t *node)
{
    size_t index;
    const json_t *object;
    json_array_foreach(json_object_get(node, "objects"), index, object)
    {
        if (strcmp(json_text_or(json_object_get(object, "action"), ""), "keep") != 0)
            return true;
    }
    return json_array_size(json_object_get(node, "components")) > 0 ||
           json_array_size(json_object_get(node, "objects")) == 0;
}

static bool is_same_text(const json_t *a, const json_t *b, const char *key)
{
    return strcmp(json_text_or(json_object_get(a, key), ""),
                  json_text_or(json_object_get(b, key), "")) == 0;
}

/* Removals come one by one: one line says where, for all that follow. */
static bool goes_on(const json_t *before, const json_t *node)
{
    return before != NULL && is_same_text(before, node, "cell") &&
           is_same_text(before, node, "target") && is_same_text(before, node, "action") &&
           is_same_text(before, node, "wait") &&
           json_array_size(json_object_get(node, "components")) == 0;
}

static void print_where(const json_t *node, bool colour)
{
    const char *action = json_text_or(json_object_get(node, "action"), "none");
    const char *wait = json_text_or(json_object_get(node, "wait"), NULL);
    const char *cell = json_text_or(json_object_get(node, "cell"), "");
    const char *message = json_text_or(json_object_get(node, "message"), NULL);
    output_text(stdout, cell[0] == '\0' ? "platform" : cell);
    print_after(" on ", json_text_or(json_object_get(node, "target"), NULL));
    (void)fputs(": ", stdout);
    print_word(action, colour);
    print_after(", waits: ", message == NULL ? wait : NULL);
    print_after(", ", message);
    (void)fputc('\n', stdout);
}

static void print_node(const json_t *node, const json_t *before, bool colour)
{
    if (!goes_on(before, node))
        print_where(node, colour);
    print_components(json_object_get(node, "components"));
    print_objects(json_object_get(node, "objects"), colour);
}

/* What is not watched cannot be applied: it comes with a push. */
static void print_end(const json_t *plan, json_int_t changes, const char *ref)
{
    if (changes == 0) {
        (void)puts("nothing to do");
        return;
    }
    (void)printf("%lld %s", (long long)changes, changes == 1 ? "change" : "changes");
    if (ref != NULL) {
        print_after(", once ", ref);
        (void)printf(" (%.12s) is what celld watches\n",
                     json_text_or(json_object_get(plan, "revision"), "?"));
        return;
    }
    print_after(". To carry out exactly this: cellctl apply --plan ",
                json_text_or(json_object_get(plan, "hash"), "?"));
    (void)fputc('\n', stdout);
}

static void print_plan(const json_t *plan, json_int_t changes, const char *ref, bool colour)
{
    size_t index;
    const json_t *node;
    const json_t *before = NULL;
    json_array_foreach(json_object_get(plan, "nodes"), index, node)
    {
        const bool idle =
            strcmp(json_text_or(json_object_get(node, "action"), "none"), "none") == 0;
        if ((idle && !json_is_string(json_object_get(node, "wait"))) || !has_work(node))
            continue;
        print_node(node, before, colour);
        before = node;
    }
    print_after("", json_text_or(json_object_get(plan, "message"), NULL));
    if (json_is_string(json_object_get(plan, "message")))
        (void)fputc('\n', stdout);
    print_end(plan, changes, ref);
}

int command_run_plan(const struct invocation *invocation)
{
    struct error error;
    OWNED_JSON *plan = NULL;
    OWNED_TEXT path;
    text_init(&path, 4096);
    text_add(&path, "/v1/plan");
    client_add_query(&path, "ref", invocation_option(invocation, "ref"));
    if (client_get(invocation, text_get(&path), &plan, &error) != 0)
        return invocation_fail(&error);
    const json_int_t changes = json_integer_value(json_object_get(plan, "changes"));
    const bool complete = json_is_true(json_object_get(plan, "complete"));
    if (invocation->format != OUTPUT_TABLE) {
        if (output_value(stdout, invocation->format, plan) != 0)
            return EXIT_WRONG;
    } else {
        print_plan(plan, changes, invocation_option(invocation, "ref"), invocation->colour);
    }
    /* "Nothing to do" is not said of a world that was not looked at. */
    return !complete ? EXIT_WRONG : changes > 0 ? EXIT_CHANGES : EXIT_FINE;
}
