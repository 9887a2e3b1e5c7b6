#include "daemon/journal/store.h"

#include "config/base/check.h"
#include "config/base/json.h"
#include "daemon/journal/connection.h"
#include "daemon/journal/place.h"
#include "daemon/journal/table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

struct store {
    struct place place;
    struct connection_limits limits;
    const struct schema *schema;
    char *machine;
    sqlite3 *db;
    struct table table;
};

int store_new(const struct journal_options *options, const struct schema *schema,
              struct store **ret_store, struct error *err)
{
    struct store *store = calloc(1, sizeof(*store));
    if (store == NULL)
        return error_no_memory(err);
    store->schema = schema;
    store->limits = (struct connection_limits){
        .value_bytes = options->value_bytes,
        .file_bytes = options->file_bytes,
        .check_ms = options->check_ms,
    };
    store->machine = strdup(options->machine == NULL ? "" : options->machine);
    const int result = store->machine == NULL ? error_no_memory(err)
                                              : place_init(&store->place, options->directory, err);
    if (result != 0) {
        free(store->machine);
        free(store);
        return result;
    }
    *ret_store = store;
    return 0;
}

struct store *store_free(struct store *store)
{
    if (store == NULL)
        return NULL;
    store_close(store);
    place_fini(&store->place);
    free(store->machine);
    free(store);
    return NULL;
}

void store_found_fini(struct store_found *found)
{
    for (size_t i = 0; i < found->row_count; i++) {
        free(found->rows[i].key);
        json_decref(found->rows[i].value);
    }
    free(found->rows);
    free(found->kept_aside);
    *found = (struct store_found){.fresh = false};
}

bool store_is_open(const struct store *store)
{
    return store->db != NULL;
}

/* Closes without touching the file further: what is committed is in the log, which is read again
 * at the next open. */
static void drop(struct store *store)
{
    table_fini(&store->table);
    store->db = connection_close(store->db);
}

void store_close(struct store *store)
{
    if (store->db == NULL)
        return;
    store_fold(store);
    drop(store);
}

void store_fold(struct store *store)
{
    if (store->db != NULL)
        connection_fold(store->db);
}

uint64_t store_file_bytes(const struct store *store)
{
    return store->db == NULL ? 0 : connection_bytes(store->db);
}

/* --- reading ---------------------------------------------------------------------------------- */

static int keep_row(void *context, uint64_t sequence, const char *key, const char *value,
                    size_t length)
{
    struct store_found *found = context;
    if (found->row_count == found->row_capacity) {
        const size_t capacity = found->row_capacity == 0 ? 64 : found->row_capacity * 2;
        struct store_row *rows = reallocarray(found->rows, capacity, sizeof(*rows));
        if (rows == NULL)
            return SQLITE_NOMEM;
        found->rows = rows;
        found->row_capacity = capacity;
    }
    json_t *parsed = NULL;
    const int result = json_read(value, length, "a journal row", &parsed, NULL);
    if (result != 0)
        return result == -ENOMEM ? SQLITE_NOMEM : TABLE_DAMAGED;
    char *name = strdup(key);
    if (name == NULL) {
        json_decref(parsed);
        return SQLITE_NOMEM;
    }
    found->rows[found->row_count++] =
        (struct store_row){.sequence = sequence, .key = name, .value = parsed};
    return 0;
}

static int by_sequence(const void *a, const void *b)
{
    const struct store_row *left = a;
    const struct store_row *right = b;
    return (left->sequence > right->sequence) - (left->sequence < right->sequence);
}

static int read_rows(struct store *store, struct store_found *found)
{
    int result = table_init(&store->table, store->db);
    if (result == SQLITE_OK)
        result = table_read(&store->table, keep_row, found);
    if (result == SQLITE_OK && found->row_count > 1)
        qsort(found->rows, found->row_count, sizeof(*found->rows), by_sequence);
    return result;
}

/* --- whose file it is ------------------------------------------------------------------------- */

static bool is_instance(const char *text)
{
    return strlen(text) == 32 && strspn(text, "0123456789abcdef") == 32;
}

static int make_instance(char ret_instance[static 33])
{
    unsigned char bytes[16];
    if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
        return SQLITE_IOERR;
    for (size_t i = 0; i < sizeof(bytes); i++)
        (void)snprintf(ret_instance + 2 * i, 3, "%02x", bytes[i]);
    return SQLITE_OK;
}

static const char *adopt_word(enum journal_adopt adopt)
{
    switch (adopt) {
    case JOURNAL_TRUSTED:
        return "";
    case JOURNAL_ADOPT_CORRUPT:
        return "corrupt";
    case JOURNAL_ADOPT_COPIED:
        return "copied";
    }
    CHECK_UNREACHABLE();
}

/* An unknown word is damage to a flag that must rather be set than not. */
static enum journal_adopt adopt_parse(const char *word)
{
    if (word[0] == '\0')
        return JOURNAL_TRUSTED;
    return strcmp(word, "copied") == 0 ? JOURNAL_ADOPT_COPIED : JOURNAL_ADOPT_CORRUPT;
}

/* Machine and inode: a copy and a restored backup have another inode. */
static void home_of(const struct store *store, char *ret_home, size_t size)
{
    (void)snprintf(ret_home, size, "%s:%llu", store->machine,
                   (unsigned long long)place_file_id(&store->place));
}

/* Settles instance, home and the adopt flag, in one transaction when something changes. */
static int settle_identity(struct store *store, struct store_found *found)
{
    char home[512];
    char stored_home[512];
    char adopt[16];
    home_of(store, home, sizeof(home));
    int result = connection_get(store->db, "instance", found->instance, sizeof(found->instance));
    if (result == SQLITE_OK)
        result = connection_get(store->db, "home", stored_home, sizeof(stored_home));
    if (result == SQLITE_OK)
        result = connection_get(store->db, "adopt", adopt, sizeof(adopt));
    if (result != SQLITE_OK)
        return result;
    const bool is_new = found->instance[0] == '\0' && stored_home[0] == '\0';
    if (!is_new && !is_instance(found->instance))
        return TABLE_DAMAGED;
    const enum journal_adopt before = adopt_parse(adopt);
    if (is_new) {
        result = make_instance(found->instance);
        if (found->kept_aside != NULL || place_is_marked(&store->place))
            found->adopt = JOURNAL_ADOPT_CORRUPT;
    } else if (before == JOURNAL_TRUSTED && strcmp(stored_home, home) != 0) {
        found->adopt = JOURNAL_ADOPT_COPIED;
    } else {
        found->adopt = before;
    }
    if (strcmp(stored_home, home) == 0 && found->adopt == before)
        return result;
    if (result == SQLITE_OK)
        result = connection_run(store->db, "BEGIN IMMEDIATE");
    if (result == SQLITE_OK)
        result = connection_set(store->db, "instance", found->instance);
    if (result == SQLITE_OK)
        result = connection_set(store->db, "home", home);
    if (result == SQLITE_OK)
        result = connection_set(store->db, "adopt", adopt_word(found->adopt));
    return result == SQLITE_OK ? connection_run(store->db, "COMMIT") : result;
}

/* --- opening ---------------------------------------------------------------------------------- */

static struct wall_time wall_now(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (struct wall_time){.ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000};
}

/* An older file is copied before it is changed. */
static int raise_version(struct store *store, enum schema_state state, int version)
{
    if (state == SCHEMA_OLDER) {
        char copy[PLACE_PATH_SIZE];
        char word[32];
        (void)snprintf(word, sizeof(word), "version%d", version);
        if (place_name(&store->place, word, wall_now(), copy) != 0)
            return SQLITE_CANTOPEN;
        const int result = connection_copy(store->db, copy);
        if (result != SQLITE_OK)
            return result;
        if (place_sync(&store->place) != 0)
            return SQLITE_IOERR;
    }
    return schema_raise(store->db, store->schema, version);
}

/* Returns 0, a negative code with *err (refused), or a positive SQLite code. */
static int open_file(struct store *store, struct store_found *found, struct error *err)
{
    enum schema_state state = SCHEMA_CURRENT;
    int version = 0;
    int result = connection_open(store->place.database, &store->limits, &store->db);
    if (result == SQLITE_OK)
        result = schema_look(store->db, store->schema, &state, &version, err);
    if (result == SQLITE_OK)
        result = connection_prepare(store->db, &store->limits);
    if (result == SQLITE_OK)
        result = connection_check(store->db, &store->limits, &found->checked);
    if (result == SQLITE_OK && state != SCHEMA_CURRENT)
        result = raise_version(store, state, version);
    found->fresh = state == SCHEMA_EMPTY;
    if (result == SQLITE_OK)
        result = read_rows(store, found);
    if (result == SQLITE_OK)
        result = settle_identity(store, found);
    if (result == SQLITE_OK && place_mark(&store->place) != 0)
        result = SQLITE_IOERR;
    return result;
}

static bool is_damage(int result)
{
    const int primary = result & 0xFF;
    /* SQLITE_ERROR: a table or a column that our version has is not there. */
    return result > 0 && (primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB ||
                          primary == SQLITE_FORMAT || primary == SQLITE_ERROR);
}

int store_open(struct store *store, struct store_found *ret_found, struct error *err)
{
    *ret_found = (struct store_found){.adopt = JOURNAL_TRUSTED};
    store_close(store);
    int result = place_take(&store->place, err);
    if (result != 0)
        return result;
    result = open_file(store, ret_found, err);
    if (is_damage(result)) {
        char path[PLACE_PATH_SIZE];
        drop(store);
        store_found_fini(ret_found);
        result = place_set_aside(&store->place, wall_now(), path, err);
        if (result != 0)
            return result;
        ret_found->kept_aside = strdup(path);
        result = ret_found->kept_aside == NULL ? SQLITE_NOMEM : open_file(store, ret_found, err);
    }
    if (result > 0)
        result = connection_error(store->db, result, "open the journal", err);
    if (result != 0)
        drop(store);
    return result;
}

/* --- writing ---------------------------------------------------------------------------------- */

static int conclude(struct store *store, int result, const char *what, struct error *err)
{
    if (result == SQLITE_OK)
        return 0;
    const int code = connection_error(store->db, result, what, err);
    drop(store);
    return code;
}

static int closed(struct error *err)
{
    return error_set(err, ERROR_UNAVAILABLE, ERR_STORAGE, "the journal is not open");
}

int store_begin(struct store *store, struct error *err)
{
    if (store->db == NULL)
        return closed(err);
    return conclude(store, connection_run(store->db, "BEGIN IMMEDIATE"), "write to the journal",
                    err);
}

int store_put(struct store *store, const struct store_change *change, struct error *err)
{
    if (store->db == NULL)
        return closed(err);
    return conclude(store, table_put(&store->table, change->key, change->value, change->length),
                    "write to the journal", err);
}

int store_commit(struct store *store, struct error *err)
{
    if (store->db == NULL)
        return closed(err);
    int result = table_seal(&store->table);
    if (result == SQLITE_OK)
        result = connection_run(store->db, "COMMIT");
    return conclude(store, result, "make the journal durable", err);
}

int store_adopted(struct store *store, struct error *err)
{
    if (store->db == NULL)
        return closed(err);
    return conclude(store, connection_set(store->db, "adopt", ""), "write to the journal", err);
}
