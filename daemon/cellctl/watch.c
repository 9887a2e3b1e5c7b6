#include "daemon/cellctl/watch.h"

#include "config/base/json.h"
#include "daemon/cellctl/feed.h"
#include "daemon/cellctl/hint.h"
#include "daemon/cellctl/screen.h"

#include <stdlib.h>

static int print(const struct watch_subject *subject, const json_t *value)
{
    const struct invocation *invocation = subject->invocation;
    if (invocation->format != OUTPUT_TABLE)
        return output_value(stdout, invocation->format, value) == 0 ? EXIT_FINE : EXIT_WRONG;
    subject->draw(subject, stdout, value);
    return EXIT_FINE;
}

int watch_show(const struct watch_subject *subject)
{
    struct error error;
    OWNED_JSON *value = NULL;
    if (subject->get(subject, &value, &error) != 0)
        return hint_fail(subject->invocation, &error);
    return print(subject, value);
}

/* In place, or below what is there. `value` NULL = the error. */
static void redraw(const struct watch_subject *subject, const json_t *value, const json_t *before,
                   const struct error *error)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    if (file == NULL)
        return;
    if (value == NULL) {
        (void)fputs("cellctl: ", file);
        output_text(file, error->detail);
        (void)fputc('\n', file);
    } else if (subject->append != NULL && !screen_is_terminal()) {
        subject->append(subject, file, value, before);
    } else {
        subject->draw(subject, file, value);
    }
    if (fclose(file) == 0 && screen_is_terminal())
        screen_draw(text);
    else
        (void)fputs(text, stdout);
    free(text);
}

/* Where nothing moved there is nothing to redraw but ages; off a terminal, not even those. */
static bool is_news(const json_t *value, const json_t *before)
{
    return before == NULL || screen_is_terminal() ||
           json_equal(json_object_get(value, "version"), json_object_get(before, "version")) == 0;
}

/* Without an event only ages and countdowns move, and waits that nobody is told of. */
#define TICK_TERMINAL_MS 1000
#define TICK_MS 5000

int watch_run(const struct watch_subject *subject)
{
    const struct invocation *invocation = subject->invocation;
    const long tick = screen_is_terminal() ? TICK_TERMINAL_MS : TICK_MS;
    OWNED(feed_freep) struct feed *feed = feed_new(invocation);
    OWNED_JSON *before = NULL;
    bool failed = false;
    if (feed == NULL)
        return EXIT_WRONG;
    if (invocation->format == OUTPUT_TABLE)
        screen_clear();
    for (;;) {
        struct error error;
        OWNED_JSON *value = NULL;
        const int result = subject->get(subject, &value, &error);
        if (result != 0 && before == NULL)
            return hint_fail(subject->invocation, &error);
        if (result == 0 && is_news(value, before) && invocation->format != OUTPUT_TABLE) {
            if (print(subject, value) != EXIT_FINE)
                return EXIT_WRONG;
        } else if (invocation->format == OUTPUT_TABLE &&
                   (result == 0 ? is_news(value, before) : !failed || screen_is_terminal())) {
            redraw(subject, result == 0 ? value : NULL, before, &error);
        }
        if (fflush(stdout) != 0)
            return EXIT_WRONG;
        failed = result != 0;
        if (result == 0) {
            json_decref(before);
            before = TAKE(value);
        }
        feed_wait(feed, tick);
    }
}
