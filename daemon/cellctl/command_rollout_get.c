#include "config/base/json.h"
#include "daemon/cellctl/client.h"
#include "daemon/cellctl/rollout_view.h"
#include "daemon/cellctl/screen.h"
#include "daemon/cellctl/watch.h"

#include <string.h>
#include <time.h>

/* Without a cell only what is under way: the rest is in `status`. */
static bool wants_all(const struct invocation *invocation)
{
    return invocation_argument(invocation, 0) != NULL ||
           invocation_option(invocation, "all") != NULL;
}

static int get(const struct watch_subject *subject, json_t **ret_value, struct error *err)
{
    const struct invocation *invocation = subject->invocation;
    const char *cell = invocation_argument(invocation, 0);
    OWNED_TEXT path;
    text_init(&path, 4096);
    text_add(&path, cell == NULL ? "/v1" : "/v1/cells");
    if (cell != NULL)
        client_add_segment(&path, cell);
    text_add(&path, "/rollouts");
    client_add_query(&path, "component", invocation_argument(invocation, 1));
    client_add_query(&path, "target", invocation_option(invocation, "target"));
    client_add_query(&path, "active", wants_all(invocation) ? NULL : "true");
    return client_get(invocation, text_get(&path), ret_value, err);
}

static void draw(const struct watch_subject *subject, FILE *file, const json_t *value)
{
    const struct view view = {.file = file,
                              .colour = subject->invocation->colour,
                              .unicode = screen_is_unicode(),
                              .detail = invocation_argument(subject->invocation, 1) != NULL,
                              .indent = ""};
    if (json_array_size(json_object_get(value, "rollouts")) > 0)
        rollout_view_print(&view, value);
    else if (wants_all(subject->invocation))
        (void)fputs("there is no such component on such a target\n", file);
    else
        (void)fputs("no rollout is under way (all components: cellctl rollout get --all)\n", file);
}

static void line_of(const json_t *entry, struct text *out)
{
    text_init(out, 4096);
    rollout_view_line(entry, out);
}

static bool was_told(const json_t *before, const char *line)
{
    size_t index;
    const json_t *entry;
    json_array_foreach(json_object_get(before, "rollouts"), index, entry)
    {
        OWNED_TEXT old;
        line_of(entry, &old);
        if (strcmp(text_get(&old), line) == 0)
            return true;
    }
    return false;
}

static void append(const struct watch_subject *subject, FILE *file, const json_t *value,
                   const json_t *before)
{
    size_t index;
    const json_t *entry;
    (void)subject;
    json_array_foreach(json_object_get(value, "rollouts"), index, entry)
    {
        OWNED_TEXT line;
        line_of(entry, &line);
        if (was_told(before, text_get(&line)))
            continue;
        output_text(file, json_text_or(json_object_get(value, "time"), ""));
        (void)fputs("  ", file);
        output_text(file, text_get(&line));
        (void)fputc('\n', file);
    }
}

int command_run_rollout_get(const struct invocation *invocation)
{
    const struct watch_subject subject = {
        .invocation = invocation, .get = get, .draw = draw, .append = append};
    return invocation_option(invocation, "watch") == NULL ? watch_show(&subject)
                                                          : watch_run(&subject);
}
