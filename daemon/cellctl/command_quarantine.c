#include "config/base/json.h"
#include "config/base/text.h"
#include "daemon/cellctl/client.h"
#include "daemon/cellctl/reply.h"
#include "daemon/cellctl/screen.h"
#include "daemon/cellctl/view.h"

#include <stdio.h>
#include <string.h>

/* What lifts this entry and no other. */
static void print_way_out(const struct view *view, const json_t *entry)
{
    static const struct {
        const char *before, *key;
    } words[] = {{"cellctl quarantine clear ", "cell"},
                 {" -c ", "component"},
                 {" -t ", "target"},
                 {" --digest ", "digest"}};
    view_label(view, "lift");
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        (void)fputs(words[i].before, view->file);
        output_text(view->file, json_text_or(json_object_get(entry, words[i].key), "?"));
    }
    (void)fputc('\n', view->file);
}

/* A reason that ends with the evidence is cut before it. */
static void print_reason(const struct view *view, const char *reason, const char *evidence)
{
    char text[1024];
    const char *told = reason == NULL || evidence == NULL ? NULL : strstr(reason, evidence);
    size_t length = told == NULL ? sizeof(text) : (size_t)(told - reason);
    while (told != NULL && length > 0 && strchr(": ", reason[length - 1]) != NULL)
        length--;
    (void)snprintf(text, sizeof(text), "%.*s", (int)length, reason == NULL ? "" : reason);
    view_line(view, "reason", COLOUR_BAD, text);
    view_line(view, "evidence", COLOUR_NONE, evidence);
}

static void print_entry(const struct view *view, const json_t *entry)
{
    const char *evidence = view_text(entry, "evidence");
    OWNED_TEXT head;
    text_init(&head, 1024);
    text_format(&head, "%s/%s on %s", json_text_or(json_object_get(entry, "cell"), "?"),
                json_text_or(json_object_get(entry, "component"), "?"),
                json_text_or(json_object_get(entry, "target"), "?"));
    view_paint(view, COLOUR_HEAD, text_get(&head));
    (void)fputs(": ", view->file);
    output_text(view->file, json_text_or(json_object_get(entry, "digest"), "?"));
    (void)fputs(" since ", view->file);
    output_text(view->file, json_text_or(json_object_get(entry, "since"), "?"));
    (void)fputc('\n', view->file);
    print_reason(view, view_text(entry, "reason"),
                 evidence != NULL && evidence[0] == '\0' ? NULL : evidence);
    print_way_out(view, entry);
}

static void print(const struct invocation *invocation, const json_t *value)
{
    const json_t *entries = json_object_get(value, "entries");
    const struct view view = {.file = stdout,
                              .colour = invocation->colour,
                              .unicode = screen_is_unicode(),
                              .indent = "  "};
    size_t index;
    const json_t *entry;
    json_array_foreach(entries, index, entry)
    {
        print_entry(&view, entry);
    }
    if (json_array_size(entries) == 0)
        (void)puts("nothing is in quarantine");
    else
        (void)puts("A push of other content goes through without lifting anything.");
}

int command_run_quarantine_list(const struct invocation *invocation)
{
    struct error error;
    OWNED_JSON *value = NULL;
    if (client_get(invocation, "/v1/quarantine", &value, &error) != 0)
        return invocation_fail(&error);
    if (invocation->format != OUTPUT_TABLE)
        return output_value(stdout, invocation->format, value) == 0 ? EXIT_FINE : EXIT_WRONG;
    print(invocation, value);
    return EXIT_FINE;
}

int command_run_quarantine_clear(const struct invocation *invocation)
{
    const char *cell = invocation_argument(invocation, 0);
    const bool all = invocation_option(invocation, "all") != NULL;
    if ((cell != NULL) == all) {
        (void)fputs("cellctl quarantine clear: name a cell, or --all for everything\n", stderr);
        return EXIT_USAGE;
    }
    return reply_of(invocation, "quarantine",
                    json_pack("{s:b, s:s*, s:s*, s:s*, s:s*}", "clear", 1, "cell", cell,
                              "component", invocation_option(invocation, "component"), "target",
                              invocation_option(invocation, "target"), "digest",
                              invocation_option(invocation, "digest")));
}
