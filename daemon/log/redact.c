#include "daemon/log/redact.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* What ends a credential. */
static bool is_end(char c)
{
    return c == '\0' || isspace((unsigned char)c) || c == '"' || c == '\'' || c == ',' ||
           c == ';' || c == '<' || c == '>';
}

/* The length of "user:password@" after "://"; 0 when there is none. */
static size_t userinfo_length(const char *after)
{
    size_t found = 0;
    for (size_t i = 0; !is_end(after[i]) && after[i] != '/' && after[i] != '?' && after[i] != '#';
         i++) {
        if (after[i] == '@')
            found = i + 1;
    }
    return found;
}

static size_t word_length(const char *text)
{
    size_t length = 0;
    while (!is_end(text[length]))
        length++;
    return length;
}

static bool begins(const char *text, const char *word)
{
    return strncasecmp(text, word, strlen(word)) == 0;
}

/* What is said openly before a secret word. */
static const char *const introductions[] = {
    "authorization: basic ", "authorization: bearer ", "authorization: ", "bearer ",
    "access_token=",         "client_secret=",         "password=",       "token=",
};

/* At `text`: how much is kept and how much of what follows is secret. */
static bool find_secret(const char *text, size_t *ret_kept, size_t *ret_secret)
{
    if (begins(text, "://")) {
        *ret_kept = 3;
        *ret_secret = userinfo_length(text + 3);
        /* The "@" stays, so that the text is still seen to have had a user. */
        *ret_secret -= *ret_secret > 0;
        return *ret_secret > 0;
    }
    for (size_t i = 0; i < sizeof(introductions) / sizeof(introductions[0]); i++) {
        if (begins(text, introductions[i])) {
            *ret_kept = strlen(introductions[i]);
            *ret_secret = word_length(text + *ret_kept);
            if (*ret_secret > 0 && text[*ret_kept + *ret_secret - 1] == '&')
                *ret_secret -= 1;
            return *ret_secret > 0;
        }
    }
    return false;
}

struct sink {
    char *text;
    size_t length, size;
};

static void put(struct sink *sink, const char *bytes, size_t length)
{
    if (sink->length + length >= sink->size)
        length = 0;
    memcpy(sink->text + sink->length, bytes, length);
    sink->length += length;
}

static void put_char(struct sink *sink, char c)
{
    char escaped[8];
    if ((unsigned char)c >= 0x20 && c != 0x7F) {
        put(sink, &c, 1);
        return;
    }
    const int length = snprintf(escaped, sizeof(escaped), "\\x%02x", (unsigned)(unsigned char)c);
    put(sink, escaped, (size_t)length);
}

void redact_text(const char *text, char *ret_text, size_t size)
{
    struct sink sink = {.text = ret_text, .size = size};
    while (*text != '\0') {
        size_t kept = 0;
        size_t secret = 0;
        if (find_secret(text, &kept, &secret)) {
            put(&sink, text, kept);
            put(&sink, "***", 3);
            text += kept + secret;
        } else {
            put_char(&sink, *text++);
        }
    }
    ret_text[sink.length] = '\0';
}
