/* Location fields are given by our macro, not by the library's. */
#define SD_JOURNAL_SUPPRESS_LOCATION

#include "daemon/log/log.h"

#include "config/base/check.h"
#include "daemon/log/limit.h"
#include "daemon/log/redact.h"

#include <systemd/sd-journal.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define MESSAGE_BYTES 2048
#define FIELD_BYTES 256
#define FIELDS 16

static const struct {
    const char *word;
    int priority; /* as syslog numbers them */
} levels[] = {
    [LOG_LEVEL_ERROR] = {"error", 3},   [LOG_LEVEL_WARNING] = {"warning", 4},
    [LOG_LEVEL_NOTICE] = {"notice", 5}, [LOG_LEVEL_INFO] = {"info", 6},
    [LOG_LEVEL_DEBUG] = {"debug", 7},
};
_Static_assert(sizeof(levels) / sizeof(levels[0]) == LOG_LEVEL_COUNT, "a word per level");

static struct {
    const char *identifier;
    enum log_level most;
    bool to_journal;
    pthread_mutex_t mutex; /* guards the limit and keeps lines on stderr whole */
    struct limit limit;
} state = {.identifier = "celld", .most = LOG_LEVEL_INFO, .mutex = PTHREAD_MUTEX_INITIALIZER};

int log_level_parse(const char *word)
{
    for (int i = 0; i < LOG_LEVEL_COUNT; i++) {
        if (strcmp(word, levels[i].word) == 0)
            return i;
    }
    return -1;
}

/* $JOURNAL_STREAM is inherited: it means us only while our stderr is that very stream. */
static bool stderr_is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    char *rest = NULL;
    struct stat about;
    const unsigned long long device = stream == NULL ? 0 : strtoull(stream, &rest, 10);
    if (rest == NULL || *rest != ':')
        return false;
    const unsigned long long inode = strtoull(rest + 1, NULL, 10);
    return fstat(STDERR_FILENO, &about) == 0 && about.st_dev == device && about.st_ino == inode;
}

void log_start(const char *identifier, enum log_level most)
{
    state.identifier = identifier;
    state.to_journal = stderr_is_journal();
    log_set_level(most);
}

void log_set_level(enum log_level most)
{
    __atomic_store_n(&state.most, most, __ATOMIC_RELAXED);
}

bool log_has_level(enum log_level level)
{
    return level <= __atomic_load_n(&state.most, __ATOMIC_RELAXED);
}

/* Place in the code and subject: one loud cell must not silence another. */
static uint64_t site_of(const char *file, int line, const struct log_subject *subject)
{
    const char *texts[] = {file, subject->cell, subject->component, subject->target,
                           subject->event};
    uint64_t key = UINT64_C(0xcbf29ce484222325) + (uint64_t)line;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        for (const char *c = texts[i]; c != NULL && *c != '\0'; c++)
            key = (key ^ (unsigned char)*c) * UINT64_C(0x100000001b3);
        key = (key ^ 0xFF) * UINT64_C(0x100000001b3);
    }
    return key == 0 ? 1 : key;
}

static bool may_speak(const char *file, int line, const struct log_subject *subject,
                      unsigned *ret_dropped)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    const uint64_t now_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
    (void)pthread_mutex_lock(&state.mutex);
    const bool may = limit_may(&state.limit, site_of(file, line, subject), now_ms, ret_dropped);
    (void)pthread_mutex_unlock(&state.mutex);
    return may;
}

struct fields {
    char texts[FIELDS][FIELD_BYTES];
    struct iovec vectors[FIELDS + 1];
    int count;
};

static void add(struct fields *fields, const char *name, const char *value)
{
    char clean[FIELD_BYTES];
    if (value == NULL || fields->count == FIELDS)
        return;
    redact_text(value, clean, sizeof(clean) - 32);
    char *text = fields->texts[fields->count];
    const int length = snprintf(text, FIELD_BYTES, "%s=%s", name, clean);
    fields->vectors[fields->count++] = (struct iovec){.iov_base = text, .iov_len = (size_t)length};
}

static void add_subject(struct fields *fields, const struct log_subject *subject)
{
    add(fields, "MESSAGE_ID", subject->message_id);
    add(fields, "CELLD_CELL", subject->cell);
    add(fields, "CELLD_COMPONENT", subject->component);
    add(fields, "CELLD_TARGET", subject->target);
    add(fields, "CELLD_REVISION", subject->revision);
    add(fields, "CELLD_ROLLOUT", subject->rollout);
    add(fields, "CELLD_EVENT", subject->event);
    if (subject->attempt > 0) {
        char number[24];
        (void)snprintf(number, sizeof(number), "%llu", (unsigned long long)subject->attempt);
        add(fields, "CELLD_ATTEMPT", number);
    }
}

/* "cart/cartservice on production: ", so that a line says by itself what it is about. */
static void describe(const struct log_subject *subject, char ret_text[static FIELD_BYTES])
{
    char about[FIELD_BYTES] = "";
    if (subject->cell != NULL) {
        const bool has_component = subject->component != NULL;
        const bool has_target = subject->target != NULL;
        (void)snprintf(about, sizeof(about), "%s%s%s%s%s: ", subject->cell,
                       has_component ? "/" : "", has_component ? subject->component : "",
                       has_target ? " on " : "", has_target ? subject->target : "");
    }
    redact_text(about, ret_text, FIELD_BYTES);
}

static void to_journal(const char *file, int line, const char *function, int priority,
                       const struct log_subject *subject, const char *message)
{
    struct fields fields;
    fields.count = 0;
    char about[FIELD_BYTES];
    char text[MESSAGE_BYTES + FIELD_BYTES + 16];
    char number[24];
    (void)snprintf(number, sizeof(number), "%d", priority);
    add(&fields, "PRIORITY", number);
    add(&fields, "SYSLOG_IDENTIFIER", state.identifier);
    add(&fields, "CODE_FILE", file);
    (void)snprintf(number, sizeof(number), "%d", line);
    add(&fields, "CODE_LINE", number);
    add(&fields, "CODE_FUNC", function);
    add_subject(&fields, subject);
    describe(subject, about);
    const int length = snprintf(text, sizeof(text), "MESSAGE=%s%s", about, message);
    fields.vectors[fields.count] = (struct iovec){.iov_base = text, .iov_len = (size_t)length};
    (void)sd_journal_sendv(fields.vectors, fields.count + 1);
}

static void to_stderr(int priority, const struct log_subject *subject, const char *message)
{
    char about[FIELD_BYTES];
    describe(subject, about);
    (void)pthread_mutex_lock(&state.mutex);
    (void)fprintf(stderr, "<%d>%s: %s%s\n", priority, state.identifier, about, message);
    (void)pthread_mutex_unlock(&state.mutex);
}

void log_write_at(const char *file, int line, const char *function, enum log_level level,
                  const struct log_subject *subject, const char *format, ...)
{
    static const struct log_subject nobody = {.message_id = NULL};
    unsigned dropped = 0;
    CHECK((unsigned)level < LOG_LEVEL_COUNT);
    if (subject == NULL)
        subject = &nobody;
    if (!log_has_level(level) || !may_speak(file, line, subject, &dropped))
        return;
    char raw[MESSAGE_BYTES];
    char message[MESSAGE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(raw, sizeof(raw), format, arguments);
    va_end(arguments);
    length = length < 0 ? 0 : length < MESSAGE_BYTES ? length : MESSAGE_BYTES - 1;
    if (dropped > 0)
        (void)snprintf(raw + length, sizeof(raw) - (size_t)length, " (%u more like this)", dropped);
    redact_text(raw, message, sizeof(message));
    if (state.to_journal)
        to_journal(file, line, function, levels[level].priority, subject, message);
    else
        to_stderr(levels[level].priority, subject, message);
}
