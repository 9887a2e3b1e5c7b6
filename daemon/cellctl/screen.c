#include "daemon/cellctl/screen.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define PLENTY 1000

bool screen_is_terminal(void)
{
    return isatty(STDOUT_FILENO) == 1;
}

static struct winsize size_of_terminal(void)
{
    struct winsize size = {.ws_row = 0};
    (void)ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
    return size;
}

size_t screen_columns(void)
{
    const struct winsize size = size_of_terminal();
    const char *given = getenv("COLUMNS");
    const unsigned long said = given == NULL ? 0 : strtoul(given, NULL, 10);
    if (size.ws_col > 0)
        return size.ws_col;
    return said > 0 && said <= PLENTY ? (size_t)said : PLENTY;
}

bool screen_is_unicode(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *value = getenv(names[i]);
        if (value != NULL && value[0] != '\0')
            return strcasestr(value, "utf-8") != NULL || strcasestr(value, "utf8") != NULL;
    }
    return false;
}

void screen_clear(void)
{
    if (screen_is_terminal())
        (void)fputs("\033[2J", stdout);
}

/* The length of the escape sequence at `c`; 0 = it is none. */
static size_t escape_length(const char *c)
{
    if (c[0] != '\033' || c[1] != '[')
        return 0;
    const size_t length = 2 + strcspn(c + 2, "mKJH");
    return c[length] == '\0' ? length : length + 1;
}

/* One line of the text, on as many of the screen as it takes; returns how many. */
static unsigned draw_line(const char *text, size_t length, size_t columns, unsigned rows)
{
    size_t shown = 0;
    unsigned used = 1;
    for (size_t i = 0; i < length;) {
        size_t piece = escape_length(text + i);
        if (piece == 0) {
            if (shown == columns && used++ == rows)
                break;
            if (shown++ == columns) {
                (void)fputs("\033[K\n", stdout);
                shown = 1;
            }
            piece = 1;
            while (i + piece < length && ((unsigned char)text[i + piece] & 0xC0) == 0x80)
                piece++;
        }
        (void)fwrite(text + i, 1, piece, stdout);
        i += piece;
    }
    (void)fputs("\033[0m\033[K\n", stdout);
    return used;
}

void screen_draw(const char *text)
{
    const struct winsize size = size_of_terminal();
    const unsigned rows = size.ws_row == 0 ? UINT_MAX : size.ws_row; /* some do not tell */
    const size_t columns = screen_columns();
    (void)fputs("\033[H", stdout);
    for (unsigned row = 1; *text != '\0' && row < rows;) {
        const size_t length = strcspn(text, "\n");
        row += draw_line(text, length, columns, rows - row);
        text += length + (text[length] == '\n');
    }
    (void)fputs("\033[J", stdout);
    (void)fflush(stdout);
}
