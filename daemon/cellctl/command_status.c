#include "config/base/json.h"
#include "config/base/text.h"
#include "daemon/cellctl/client.h"
#include "daemon/cellctl/overview.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

static int get(const struct invocation *invocation, json_t **ret_value, struct error *error)
{
    const char *cell = invocation_argument(invocation, 0);
    OWNED_TEXT path;
    text_init(&path, 4096);
    text_add(&path, cell == NULL ? "/v1/status" : "/v1/cells");
    if (cell != NULL)
        client_add_segment(&path, cell);
    return client_get(invocation, text_get(&path), ret_value, error);
}

static void print(const struct invocation *invocation, FILE *file, const json_t *value)
{
    if (invocation_argument(invocation, 0) == NULL)
        overview_print(file, value, invocation->colour);
    else
        overview_print_cell(file, value, invocation->colour);
}

static int show(const struct invocation *invocation, const json_t *value)
{
    if (invocation->format != OUTPUT_TABLE)
        return output_value(stdout, invocation->format, value) == 0 ? EXIT_FINE : EXIT_WRONG;
    print(invocation, stdout, value);
    return EXIT_FINE;
}

/* The lines that fit, each cleared to its end, and then the rest of the screen: nothing flickers.
 */
static void draw(const char *text)
{
    struct winsize size = {.ws_row = 0};
    (void)ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
    const unsigned rows = size.ws_row == 0 ? UINT_MAX : size.ws_row; /* some do not tell */
    (void)fputs("\033[H", stdout);
    for (unsigned row = 1; *text != '\0' && row < rows; row++) {
        const size_t length = strcspn(text, "\n");
        (void)fwrite(text, 1, length, stdout);
        (void)fputs("\033[K\n", stdout);
        text += length + (text[length] == '\n');
    }
    (void)fputs("\033[J", stdout);
    (void)fflush(stdout);
}

static int draw_value(const struct invocation *invocation, const json_t *value,
                      const struct error *error)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    if (file == NULL)
        return EXIT_WRONG;
    if (value != NULL) {
        print(invocation, file, value);
    } else {
        (void)fputs("cellctl: ", file);
        output_text(file, error->detail);
        (void)fputc('\n', file);
    }
    if (fclose(file) == 0 && isatty(STDOUT_FILENO) == 1)
        draw(text);
    else
        (void)fputs(text, stdout);
    free(text);
    return fflush(stdout) == 0 ? EXIT_FINE : EXIT_WRONG;
}

/* Where nothing moved there is nothing to redraw but ages; off a terminal, not even those. */
static bool is_news(const json_t *value, const json_t *before)
{
    return before == NULL || isatty(STDOUT_FILENO) == 1 ||
           json_equal(json_object_get(value, "version"), json_object_get(before, "version")) == 0;
}

static int watch(const struct invocation *invocation)
{
    static const struct timespec pause = {.tv_nsec = 500000000};
    OWNED_JSON *before = NULL;
    int code = EXIT_FINE;
    if (isatty(STDOUT_FILENO) == 1)
        (void)fputs("\033[2J", stdout);
    while (code == EXIT_FINE) {
        struct error error;
        OWNED_JSON *value = NULL;
        const int result = get(invocation, &value, &error);
        /* The first failure is the answer; a later one may pass. */
        if (result != 0 && before == NULL)
            return invocation_fail(&error);
        if (result == 0 && invocation->format != OUTPUT_TABLE && is_news(value, before))
            code = show(invocation, value);
        else if (invocation->format == OUTPUT_TABLE && (result != 0 || is_news(value, before)))
            code = draw_value(invocation, value, &error);
        if (result == 0) {
            json_decref(before);
            before = TAKE(value);
        }
        (void)nanosleep(&pause, NULL);
    }
    return code;
}

int command_run_status(const struct invocation *invocation)
{
    if (invocation_option(invocation, "watch") != NULL)
        return watch(invocation);
    struct error error;
    OWNED_JSON *value = NULL;
    if (get(invocation, &value, &error) != 0)
        return invocation_fail(&error);
    return show(invocation, value);
}
